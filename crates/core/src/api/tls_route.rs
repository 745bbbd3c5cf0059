//! TLSRoute (gateway.networking.k8s.io/v1), every field of both channels.

use serde::Deserialize;

use super::{
    meta::ObjectMeta,
    shared::{BackendRef, CommonRouteSpec, RouteStatus},
};

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsRoute {
    pub metadata: ObjectMeta,
    pub spec: TlsRouteSpec,
    pub status: RouteStatus,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsRouteSpec {
    #[serde(flatten)]
    pub common: CommonRouteSpec,
    /// Compared with the SNI.
    pub hostnames: Vec<String>,
    /// The API allows exactly one.
    pub rules: Vec<TlsRouteRule>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsRouteRule {
    pub name: Option<String>,
    pub backend_refs: Vec<BackendRef>,
}
