//! TCPRoute (gateway.networking.k8s.io/v1), every field of both channels.

use serde::Deserialize;

use super::{
    meta::ObjectMeta,
    shared::{BackendRef, CommonRouteSpec, RouteStatus},
};

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TcpRoute {
    pub metadata: ObjectMeta,
    pub spec: TcpRouteSpec,
    pub status: RouteStatus,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TcpRouteSpec {
    #[serde(flatten)]
    pub common: CommonRouteSpec,
    /// The API allows exactly one.
    pub rules: Vec<TcpRouteRule>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TcpRouteRule {
    pub name: Option<String>,
    pub backend_refs: Vec<BackendRef>,
}
