//! The CA certificates that a ConfigMap holds. Knows nothing of who refers to it, nor whom they vouch for.

use crate::{api::config_map::ConfigMap, world::World};

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
