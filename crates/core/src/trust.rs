//! The CA certificates that a ConfigMap or a ClusterTrustBundle holds. Knows nothing of who refers to it, nor whom they
//! vouch for.

use crate::{
    api::config_map::ConfigMap,
    reference::Absent,
    world::{Kind, ObjectRef, World},
};

/// The key of a ConfigMap that holds PEM certificates, by the API's convention.
const CA_KEY: &str = "ca.crt";

/// Returns the certificates in PEM.
///
/// # Errors
/// Says why they cannot be used; the ConfigMap itself is the caller's to name.
pub(crate) fn anchors<'w>(world: &World, config_map: &'w ConfigMap) -> Result<&'w str, String> {
    let pem = config_map.data.get(CA_KEY).ok_or_else(|| format!("it has no key `{CA_KEY}`"))?;
    (world.settings.inspect.trust_anchors)(pem.as_bytes()).map_err(|why| format!("`{CA_KEY}`: {why}"))?;
    Ok(pem)
}

/// Whether a reference means a ClusterTrustBundle, in a cluster that has any (GEP-5075). Without the API the kind is
/// unknown.
pub(crate) fn is_cluster_bundle(world: &World, group: &str, kind: &str) -> bool {
    Kind::find(group, kind) == Some(Kind::ClusterTrustBundle)
        && !world.observed.unserved.contains(&Kind::ClusterTrustBundle)
}

/// Returns the certificates of a ClusterTrustBundle in PEM. It is there for everybody: no grant is asked for.
///
/// # Errors
/// Says why they cannot be used, and names the bundle.
pub(crate) fn cluster_bundle<'w>(world: &'w World, name: &str) -> Result<&'w str, String> {
    let object = ObjectRef::new(Kind::ClusterTrustBundle, "", name);
    let Some(bundle) = world.cluster_trust_bundles.get(&object.key) else {
        return Err(Absent::new(world, object).to_string());
    };
    let pem = &bundle.spec.trust_bundle;
    (world.settings.inspect.trust_anchors)(pem.as_bytes())
        .map_err(|why| format!("{object}: `spec.trustBundle`: {why}"))?;
    Ok(pem)
}
