//! TLS of a listener and of a Gateway as a whole: towards clients (GEP-91) and towards backends.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::api::shared::{ObjectReference, SecretObjectReference};

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListenerTlsConfig {
    pub mode: TlsMode,
    pub certificate_refs: Vec<SecretObjectReference>,
    pub options: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum TlsMode {
    #[default]
    Terminate,
    Passthrough,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct GatewayTlsConfig {
    pub backend: Option<GatewayBackendTls>,
    pub frontend: Option<FrontendTlsConfig>,
}

/// The client certificate shown to backends that a BackendTLSPolicy or XBackend is for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayBackendTls {
    pub client_certificate_ref: Option<SecretObjectReference>,
}

/// How clients of HTTPS listeners prove themselves.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FrontendTlsConfig {
    pub default: TlsConfig,
    pub per_port: Vec<TlsPortConfig>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct TlsPortConfig {
    pub port: u16,
    pub tls: TlsConfig,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct TlsConfig {
    pub validation: Option<FrontendTlsValidation>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct FrontendTlsValidation {
    #[serde(rename = "caCertificateRefs")]
    pub ca_certificate_refs: Vec<ObjectReference>,
    pub mode: FrontendValidationMode,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum FrontendValidationMode {
    #[default]
    AllowValidOnly,
    /// Takes clients with no certificate or a bad one, too.
    AllowInsecureFallback,
}
