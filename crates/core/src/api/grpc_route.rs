//! GRPCRoute (gateway.networking.k8s.io/v1), every field of both channels.

use serde::Deserialize;

use super::{
    http_route::{HeaderMatchType, HttpHeaderFilter, RequestMirrorFilter},
    meta::ObjectMeta,
    shared::{BackendRef, CommonRouteSpec, LocalObjectReference, RouteStatus, SessionPersistence},
};

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GrpcRoute {
    pub metadata: ObjectMeta,
    pub spec: GrpcRouteSpec,
    pub status: RouteStatus,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GrpcRouteSpec {
    #[serde(flatten)]
    pub common: CommonRouteSpec,
    pub hostnames: Vec<String>,
    pub rules: Vec<GrpcRouteRule>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GrpcRouteRule {
    pub name: Option<String>,
    /// Empty matches every gRPC request.
    pub matches: Vec<GrpcRouteMatch>,
    pub filters: Vec<GrpcRouteFilter>,
    pub backend_refs: Vec<GrpcBackendRef>,
    pub session_persistence: Option<SessionPersistence>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GrpcRouteMatch {
    pub method: Option<GrpcMethodMatch>,
    pub headers: Vec<GrpcHeaderMatch>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct GrpcMethodMatch {
    pub r#type: GrpcMethodMatchType,
    /// Absent is any service.
    pub service: Option<String>,
    /// Absent is any method.
    pub method: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum GrpcMethodMatchType {
    #[default]
    Exact,
    RegularExpression,
    #[serde(untagged)]
    Unknown(String),
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct GrpcHeaderMatch {
    #[serde(default)]
    pub r#type: HeaderMatchType,
    pub name: String,
    pub value: String,
}

/// A union: `type` says which of the others is set.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GrpcRouteFilter {
    pub r#type: GrpcFilterType,
    pub request_header_modifier: Option<HttpHeaderFilter>,
    pub response_header_modifier: Option<HttpHeaderFilter>,
    pub request_mirror: Option<RequestMirrorFilter>,
    pub extension_ref: Option<LocalObjectReference>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub enum GrpcFilterType {
    RequestHeaderModifier,
    ResponseHeaderModifier,
    RequestMirror,
    ExtensionRef,
    #[serde(untagged)]
    Unknown(String),
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct GrpcBackendRef {
    #[serde(flatten)]
    pub backend: BackendRef,
    #[serde(default)]
    pub filters: Vec<GrpcRouteFilter>,
}
