//! What a `parametersRef` leads to.

use serde_json::{Map, Value};

use crate::{
    api::parameters::{EVERYWHERE, GatewayParameters, Parameters, unhonoured},
    reference::Absent,
    world::{Kind, ObjectKey, ObjectRef, Objects, World},
};

/// Parameters that are there and can be read.
pub(super) struct Found {
    pub(super) spec: Map<String, Value>,
    /// Names the fields that have no effect.
    pub(super) note: Option<String>,
}

/// Finds GatewayParameters, or the alias EnvoyProxy.
///
/// # Errors
/// Says why there are no parameters: another kind, no namespace, no such object, a value that cannot be.
pub(super) fn resolve(world: &World, group: &str, kind: &str, namespace: &str, name: &str) -> Result<Found, String> {
    let (kind, objects): (Kind, &Objects<GatewayParameters>) = match Kind::find(group, kind) {
        Some(kind @ Kind::GatewayParameters) => (kind, &world.gateway_parameters),
        Some(kind @ Kind::EnvoyProxy) => (kind, &world.envoy_proxies),
        _ => {
            return Err(format!(
                "kind {kind:?} of group {group:?} holds no parameters; GatewayParameters of {:?} does, and EnvoyProxy of {:?}",
                Kind::GatewayParameters.group(),
                Kind::EnvoyProxy.group()
            ));
        }
    };
    if namespace.is_empty() {
        return Err(format!("{} {name:?} is namespaced: its namespace is missing", kind.name()));
    }
    let key = ObjectKey::new(namespace, name);
    let Some(parameters) = objects.get(&key) else {
        return Err(Absent::new(world, ObjectRef { kind, key }).to_string());
    };
    // Standalone, nothing is provisioned and the proxy is set up by flags: what does not count cannot be wrong.
    let mut spec = parameters.spec.clone();
    let fields = match world.settings.merge_gateways {
        true => {
            spec.retain(|field, _| EVERYWHERE.contains(&field.as_str()));
            let left_out = parameters.spec.keys().filter(|field| !spec.contains_key(*field));
            left_out.map(|field| format!("spec.{field}")).collect()
        }
        false => unhonoured(&parameters.spec),
    };
    Parameters::read(&spec).map_err(|why| format!("{} {key}: {why}", kind.name()))?;
    let note = (!fields.is_empty())
        .then(|| format!("{} {key} has fields without effect here: {}", kind.name(), fields.join(", ")));
    Ok(Found { spec, note })
}
