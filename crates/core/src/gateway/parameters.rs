//! What a `parametersRef` leads to.

use crate::{
    api::parameters::GatewayParameters,
    world::{Kind, ObjectKey, ObjectRef, Objects, World},
};

/// Finds GatewayParameters, or the alias EnvoyProxy, and names the fields in it that have no effect.
///
/// # Errors
/// Says why there are no parameters: another kind, no namespace, no such object.
pub(super) fn resolve(
    world: &World,
    group: &str,
    kind: &str,
    namespace: &str,
    name: &str,
) -> Result<Option<String>, String> {
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
        return Err(format!("{} does not exist", ObjectRef { kind, key }));
    };
    if parameters.spec.is_empty() {
        return Ok(None);
    }
    let fields: Vec<String> = parameters.spec.keys().map(|field| format!("spec.{field}")).collect();
    Ok(Some(format!("{} {key} has fields without effect here: {}", kind.name(), fields.join(", "))))
}
