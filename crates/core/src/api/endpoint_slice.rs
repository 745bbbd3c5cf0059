//! EndpointSlice (discovery.k8s.io/v1), whole.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    meta::{ObjectMeta, null_is_empty},
    service::TransportProtocol,
};

#[cfg(test)]
mod tests;

/// The label by which an EndpointSlice names its Service.
pub const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointSlice {
    #[serde(default)]
    pub metadata: ObjectMeta,
    pub address_type: AddressType,
    /// Absent is no endpoint, and so is null, which is what the API server says of a Service whose last Pod has gone.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub endpoints: Vec<SliceEndpoint>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub ports: Vec<EndpointPort>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub enum AddressType {
    IPv4,
    IPv6,
    #[serde(rename = "FQDN")]
    Fqdn,
    #[serde(untagged)]
    Unknown(String),
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SliceEndpoint {
    /// All are the same endpoint; Kubernetes uses the first.
    pub addresses: Vec<String>,
    pub conditions: EndpointConditions,
    pub hostname: Option<String>,
    pub node_name: Option<String>,
    pub zone: Option<String>,
    pub hints: Option<EndpointHints>,
    pub target_ref: Option<TargetRef>,
    pub deprecated_topology: BTreeMap<String, String>,
}

/// Absent conditions are unknown: ready and serving are then taken as true, terminating as false.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointConditions {
    pub ready: Option<bool>,
    pub serving: Option<bool>,
    pub terminating: Option<bool>,
}

impl EndpointConditions {
    pub fn is_ready(&self) -> bool {
        self.ready.unwrap_or(true)
    }

    /// An endpoint that says nothing about serving serves as it is ready.
    pub fn is_serving(&self) -> bool {
        self.serving.unwrap_or_else(|| self.is_ready())
    }

    pub fn is_terminating(&self) -> bool {
        self.terminating.unwrap_or(false)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointHints {
    pub for_zones: Vec<HintName>,
    pub for_nodes: Vec<HintName>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct HintName {
    pub name: String,
}

/// The Pod behind an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TargetRef {
    pub r#type: Option<String>,
    pub namespace: Option<String>,
    pub name: Option<String>,
    pub uid: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointPort {
    /// The Service port's name; empty when that has none.
    pub name: String,
    pub protocol: TransportProtocol,
    /// Absent is unrestricted: the meaning is the consumer's.
    pub port: Option<u16>,
    pub app_protocol: Option<String>,
}
