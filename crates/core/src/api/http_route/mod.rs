//! HTTPRoute (gateway.networking.k8s.io/v1), every field of both channels.

mod filter;
mod matches;

use serde::{Deserialize, Deserializer};

pub use filter::{
    CorsFilter, HttpFilterType, HttpHeaderFilter, HttpPathModifier, HttpPathModifierType, HttpRouteFilter,
    RequestMirrorFilter, RequestRedirectFilter, UrlRewriteFilter,
};
pub use matches::{
    HeaderMatchType, HttpHeaderMatch, HttpPathMatch, HttpQueryParamMatch, HttpRouteMatch, PathMatchType,
    QueryParamMatchType,
};

use super::{
    meta::ObjectMeta,
    shared::{BackendRef, CommonRouteSpec, Duration, RouteStatus, SessionPersistence},
};

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct HttpRoute {
    pub metadata: ObjectMeta,
    pub spec: HttpRouteSpec,
    pub status: RouteStatus,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRouteSpec {
    #[serde(flatten)]
    pub common: CommonRouteSpec,
    pub hostnames: Vec<String>,
    /// Absent is one rule that matches everything.
    pub rules: Vec<HttpRouteRule>,
}

impl Default for HttpRouteSpec {
    fn default() -> Self {
        Self { common: CommonRouteSpec::default(), hostnames: Vec::new(), rules: vec![HttpRouteRule::default()] }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRouteRule {
    pub name: Option<String>,
    /// Empty matches everything.
    pub matches: Vec<HttpRouteMatch>,
    pub filters: Vec<HttpRouteFilter>,
    pub backend_refs: Vec<HttpBackendRef>,
    pub timeouts: Option<HttpRouteTimeouts>,
    pub retry: Option<HttpRouteRetry>,
    pub session_persistence: Option<SessionPersistence>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRouteTimeouts {
    pub request: Option<Duration>,
    pub backend_request: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRouteRetry {
    pub codes: Vec<u16>,
    /// Retries beyond the first try.
    #[serde(deserialize_with = "saturating")]
    pub attempts: u32,
    pub backoff: Option<Duration>,
}

impl Default for HttpRouteRetry {
    fn default() -> Self {
        Self { codes: Vec::new(), attempts: 1, backoff: None }
    }
}

/// The CRD sets no upper limit; a number beyond ours means as many as there can be.
fn saturating<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    Ok(u32::try_from(u64::deserialize(deserializer)?).unwrap_or(u32::MAX))
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct HttpBackendRef {
    #[serde(flatten)]
    pub backend: BackendRef,
    #[serde(default)]
    pub filters: Vec<HttpRouteFilter>,
}

#[cfg(test)]
mod tests;
