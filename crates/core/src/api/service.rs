//! Service (core/v1): the parts that decide where a backendRef leads.

use serde::Deserialize;

use super::meta::ObjectMeta;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Service {
    pub metadata: ObjectMeta,
    pub spec: ServiceSpec,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceSpec {
    pub r#type: ServiceType,
    pub ports: Vec<ServicePort>,
    /// `None` in words makes it headless; absent until the API server assigns one.
    #[serde(rename = "clusterIP")]
    pub cluster_ip: Option<String>,
    #[serde(rename = "clusterIPs")]
    pub cluster_ips: Vec<String>,
    pub external_name: Option<String>,
    pub selector: std::collections::BTreeMap<String, String>,
    pub ip_families: Vec<String>,
    pub ip_family_policy: Option<String>,
    pub session_affinity: SessionAffinity,
    pub publish_not_ready_addresses: bool,
}

impl ServiceSpec {
    /// Whether the Service has no address of its own: its ports say nothing that its endpoints do not.
    pub fn is_headless(&self) -> bool {
        self.cluster_ip.as_deref() == Some("None")
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum ServiceType {
    #[default]
    ClusterIP,
    NodePort,
    LoadBalancer,
    ExternalName,
    #[serde(untagged)]
    Unknown(String),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum SessionAffinity {
    #[default]
    None,
    ClientIP,
    #[serde(untagged)]
    Unknown(String),
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServicePort {
    /// May be absent when the Service has one port.
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub protocol: TransportProtocol,
    pub app_protocol: Option<String>,
    pub port: u16,
    /// Absent is `port`.
    pub target_port: Option<IntOrString>,
    pub node_port: Option<u16>,
}

/// The transport of a port of a Service or an EndpointSlice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum TransportProtocol {
    #[default]
    #[serde(rename = "TCP")]
    Tcp,
    #[serde(rename = "UDP")]
    Udp,
    #[serde(rename = "SCTP")]
    Sctp,
    #[serde(untagged)]
    Unknown(String),
}

/// A number, or the name that the Pods give to a port.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum IntOrString {
    Int(i64),
    String(String),
}
