//! XBackend (gateway.networking.x-k8s.io/v1alpha1, GEP-4894, experimental).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    backend_tls_policy::BackendTlsPolicyValidation,
    meta::ObjectMeta,
    shared::{PolicyStatus, SecretObjectReference, SessionPersistence},
};

/// A destination that no Service stands for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct XBackend {
    #[serde(default)]
    pub metadata: ObjectMeta,
    pub spec: XBackendSpec,
    #[serde(default)]
    pub status: PolicyStatus,
}

/// A union: `type` says which of `external_hostname` and `endpoint_selector` is set.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct XBackendSpec {
    pub r#type: XBackendType,
    pub port: XBackendPort,
    pub external_hostname: Option<ExternalHostname>,
    pub endpoint_selector: Option<EndpointSelector>,
    pub session_persistence: Option<SessionPersistence>,
    /// Absent is what the route and listener speak.
    pub protocol: Option<XBackendProtocol>,
    #[serde(default)]
    pub tls: XBackendTls,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub enum XBackendType {
    ExternalHostname,
    EndpointSelector,
    #[serde(untagged)]
    Unknown(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct XBackendPort {
    pub number: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ExternalHostname {
    pub hostname: String,
}

/// Pods of the XBackend's namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointSelector {
    pub match_labels: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub enum XBackendProtocol {
    #[serde(rename = "MCP")]
    Mcp,
    #[serde(rename = "TCP")]
    Tcp,
    #[serde(rename = "HTTP")]
    Http,
    #[serde(rename = "HTTP2")]
    Http2,
    #[serde(rename = "HTTP11")]
    Http11,
    #[serde(rename = "H2C")]
    H2c,
    #[serde(rename = "GRPC")]
    Grpc,
    #[serde(rename = "WSS")]
    Wss,
    #[serde(untagged)]
    Unknown(String),
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct XBackendTls {
    pub mode: XBackendTlsMode,
    /// Given exactly for `ClientAndServer`.
    pub client_certificate_ref: Option<SecretObjectReference>,
    /// Given exactly unless the mode is `None`.
    pub validation: Option<BackendTlsPolicyValidation>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum XBackendTlsMode {
    #[default]
    None,
    ServerOnly,
    ClientAndServer,
    #[serde(untagged)]
    Unknown(String),
}
