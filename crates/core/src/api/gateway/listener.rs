//! A listener: of a Gateway, and as `ListenerEntry` of a ListenerSet, whose fields are the same.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ListenerTlsConfig;
use crate::api::{
    meta::{Condition, LabelSelector},
    shared::{HttpExternalAuthFilter, LocalObjectReference, RouteGroupKind},
};

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    pub name: String,
    pub hostname: Option<String>,
    pub port: u16,
    pub protocol: Protocol,
    pub tls: Option<ListenerTlsConfig>,
    #[serde(default)]
    pub allowed_routes: AllowedRoutes,
    /// GEP-5224, experimental.
    #[serde(default)]
    pub filters: ListenerFilters,
}

/// What a listener speaks. An open set: other programs may define more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum Protocol {
    #[serde(rename = "HTTP")]
    Http,
    #[serde(rename = "HTTPS")]
    Https,
    #[serde(rename = "TLS")]
    Tls,
    #[serde(rename = "TCP")]
    Tcp,
    #[serde(rename = "UDP")]
    Udp,
    #[serde(untagged)]
    Other(String),
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
            Self::Tls => "TLS",
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Other(name) => name,
        })
    }
}

/// Whose routes, and of which kinds, may attach; routes of the owner's namespace, unless it says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AllowedRoutes {
    pub namespaces: RouteNamespaces,
    /// Empty is every kind that fits the protocol.
    pub kinds: Vec<RouteGroupKind>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RouteNamespaces {
    pub from: FromNamespaces,
    pub selector: Option<LabelSelector>,
}

impl Default for RouteNamespaces {
    fn default() -> Self {
        Self { from: FromNamespaces::Same, selector: None }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum FromNamespaces {
    All,
    Selector,
    Same,
    None,
}

/// GEP-5224, experimental: run for every request, in order, before a route is matched.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ListenerFilters {
    pub requests: Vec<ListenerFilter>,
}

/// A union: `type` says which of the others is set.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerFilter {
    pub r#type: ListenerFilterType,
    pub external_auth: Option<HttpExternalAuthFilter>,
    pub extension_ref: Option<LocalObjectReference>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub enum ListenerFilterType {
    ExternalAuth,
    ExtensionRef,
    #[serde(untagged)]
    Unknown(String),
}

/// Status of a listener of a Gateway or ListenerSet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerStatus {
    pub name: String,
    #[serde(default)]
    pub supported_kinds: Vec<RouteGroupKind>,
    pub attached_routes: u32,
    #[serde(default)]
    pub conditions: Vec<Condition>,
}
