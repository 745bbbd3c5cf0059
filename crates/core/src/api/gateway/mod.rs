//! Gateway (gateway.networking.k8s.io/v1), every field of both channels.

mod listener;
mod tls;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use listener::{
    AllowedRoutes, FromNamespaces, Listener, ListenerFilter, ListenerFilterType, ListenerFilters, ListenerStatus,
    Protocol, RouteNamespaces,
};
pub use tls::{
    FrontendTlsConfig, FrontendTlsValidation, FrontendValidationMode, GatewayBackendTls, GatewayTlsConfig,
    ListenerTlsConfig, TlsConfig, TlsMode, TlsPortConfig,
};

use super::{
    meta::{Condition, LabelSelector, ObjectMeta},
    shared::{GatewayDefaultScope, LocalObjectReference},
};

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Gateway {
    pub metadata: ObjectMeta,
    pub spec: GatewaySpec,
    pub status: GatewayStatus,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewaySpec {
    pub gateway_class_name: String,
    pub listeners: Vec<Listener>,
    pub addresses: Vec<GatewaySpecAddress>,
    pub infrastructure: Option<GatewayInfrastructure>,
    pub allowed_listeners: AllowedListeners,
    pub tls: GatewayTlsConfig,
    /// GEP-3793, experimental.
    pub default_scope: Option<GatewayDefaultScope>,
}

/// Whose ListenerSets may extend the Gateway; nobody's, unless it says otherwise (GEP-1713).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AllowedListeners {
    pub namespaces: ListenerNamespaces,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ListenerNamespaces {
    pub from: FromNamespaces,
    pub selector: Option<LabelSelector>,
}

impl Default for ListenerNamespaces {
    fn default() -> Self {
        Self { from: FromNamespaces::None, selector: None }
    }
}

/// An address that the Gateway asks for; without a value, any one of its type.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct GatewaySpecAddress {
    /// `IPAddress`, `Hostname`, or a domain-prefixed type.
    pub r#type: String,
    pub value: String,
    /// GEP-5093, experimental: empty, `Cluster`, or a domain-prefixed word.
    pub routability: String,
}

impl Default for GatewaySpecAddress {
    fn default() -> Self {
        Self { r#type: IP_ADDRESS.to_owned(), value: String::new(), routability: String::new() }
    }
}

/// The address type that the API defaults to.
pub const IP_ADDRESS: &str = "IPAddress";

/// The type of a DNS name.
pub const HOSTNAME: &str = "Hostname";

/// The routability of a Service's ClusterIP (GEP-5093).
pub const CLUSTER: &str = "Cluster";

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayInfrastructure {
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub parameters_ref: Option<LocalObjectReference>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayStatus {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<GatewayStatusAddress>,
    pub conditions: Vec<Condition>,
    pub listeners: Vec<ListenerStatus>,
    /// Only accepted ListenerSets count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attached_listener_sets: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GatewayStatusAddress {
    #[serde(default = "ip_address")]
    pub r#type: String,
    pub value: String,
    /// GEP-5093, experimental.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routability: Option<String>,
}

fn ip_address() -> String {
    IP_ADDRESS.to_owned()
}

#[cfg(test)]
mod tests;
