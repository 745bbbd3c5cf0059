//! GatewayParameters (gatewright.dev/v1alpha1), and its alias EnvoyProxy (gateway.envoyproxy.io/v1alpha1).

use serde::Deserialize;
use serde_json::{Map, Value};

use super::meta::ObjectMeta;

/// Configures a GatewayClass or a Gateway.
///
/// No field has an effect so far, so the spec is kept as it was written: status names what it finds in it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct GatewayParameters {
    pub metadata: ObjectMeta,
    pub spec: Map<String, Value>,
}
