//! The CRDs of what configures Gatewright, made of the schemas by which manifests are checked.

use gatewright_core::api::{
    ENVOY_GATEWAY_GROUP, GATEWRIGHT_GROUP,
    schema::{Channel, openapi},
};
use serde_json::{Value, json};

use super::cluster;

pub(in crate::command::install) fn gateway_parameters() -> Value {
    crd(GATEWRIGHT_GROUP, "GatewayParameters", "gatewayparameters", "gatewayparameters")
}

/// Ours, and without the fields that have no meaning here: for clusters in which nobody else brings it.
pub(in crate::command::install) fn envoy_proxy() -> Value {
    crd(ENVOY_GATEWAY_GROUP, "EnvoyProxy", "envoyproxies", "envoyproxy")
}

const VERSION: &str = "v1alpha1";

fn crd(group: &str, kind: &str, plural: &str, singular: &str) -> Value {
    let schema = openapi(group, VERSION, kind, Channel::Standard).expect("its schema is in core's list of kinds");
    let mut crd = cluster("apiextensions.k8s.io/v1", "CustomResourceDefinition", &format!("{plural}.{group}"));
    crd["spec"] = json!({
        "group": group,
        "names": {"kind": kind, "listKind": format!("{kind}List"), "plural": plural, "singular": singular},
        "scope": "Namespaced",
        "versions": [{
            "name": VERSION,
            "served": true,
            "storage": true,
            "schema": {"openAPIV3Schema": schema},
        }],
    });
    crd
}
