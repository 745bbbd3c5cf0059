//! UDPRoute (gateway.networking.k8s.io/v1), every field of both channels.

use serde::Deserialize;

use super::{
    meta::ObjectMeta,
    shared::{BackendRef, CommonRouteSpec, RouteStatus},
};

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UdpRoute {
    pub metadata: ObjectMeta,
    pub spec: UdpRouteSpec,
    pub status: RouteStatus,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UdpRouteSpec {
    #[serde(flatten)]
    pub common: CommonRouteSpec,
    /// The API allows exactly one.
    pub rules: Vec<UdpRouteRule>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UdpRouteRule {
    pub name: Option<String>,
    pub backend_refs: Vec<BackendRef>,
}
