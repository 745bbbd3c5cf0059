//! The pieces that several kinds of the Gateway API share: references, filters' parts, statuses.

use std::{fmt, time::Duration as StdDuration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{GATEWAY_GROUP, meta::Condition};

fn gateway_group() -> String {
    GATEWAY_GROUP.to_owned()
}

fn gateway_kind() -> String {
    "Gateway".to_owned()
}

fn service_kind() -> String {
    "Service".to_owned()
}

fn secret_kind() -> String {
    "Secret".to_owned()
}

/// What a route attaches to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParentReference {
    #[serde(default = "gateway_group")]
    pub group: String,
    #[serde(default = "gateway_kind")]
    pub kind: String,
    /// Absent is the referrer's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    pub name: String,
    /// A listener's name, or a Service's port name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// The Gateway that a ListenerSet extends.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ParentGatewayReference {
    #[serde(default = "gateway_group")]
    pub group: String,
    #[serde(default = "gateway_kind")]
    pub kind: String,
    pub name: String,
    pub namespace: Option<String>,
}

/// What every route kind has in its spec besides rules and hostnames.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CommonRouteSpec {
    pub parent_refs: Vec<ParentReference>,
    /// GEP-3793, experimental.
    pub use_default_gateways: Option<GatewayDefaultScope>,
}

/// GEP-3793, experimental.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum GatewayDefaultScope {
    All,
    None,
}

/// Where traffic goes: a Service, unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub struct BackendObjectReference {
    #[serde(default)]
    pub group: String,
    #[serde(default = "service_kind")]
    pub kind: String,
    pub name: String,
    /// Absent is the referrer's own.
    pub namespace: Option<String>,
    /// The Service's port, not its targetPort. A Service needs it, an XBackend has none.
    pub port: Option<u16>,
}

/// A backend and its share of the traffic.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct BackendRef {
    #[serde(flatten)]
    pub object: BackendObjectReference,
    /// 0 to 1,000,000.
    #[serde(default = "one")]
    pub weight: u32,
}

fn one() -> u32 {
    1
}

/// A Secret, unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SecretObjectReference {
    #[serde(default)]
    pub group: String,
    #[serde(default = "secret_kind")]
    pub kind: String,
    pub name: String,
    /// Absent is the referrer's own.
    pub namespace: Option<String>,
}

/// An object of any kind, in the referrer's namespace unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ObjectReference {
    pub group: String,
    pub kind: String,
    pub name: String,
    pub namespace: Option<String>,
}

/// An object of any kind in the referrer's namespace; also the API's `LocalPolicyTargetReference` and
/// `LocalParametersReference`, which have the same fields.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub struct LocalObjectReference {
    pub group: String,
    pub kind: String,
    pub name: String,
}

/// What a policy applies to, down to one section of it: a Service's port, a Gateway's listener.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LocalPolicyTargetReferenceWithSectionName {
    pub group: String,
    pub kind: String,
    pub name: String,
    pub section_name: Option<String>,
}

/// An object that configures a class; `namespace` is given exactly for namespaced kinds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ParametersReference {
    pub group: String,
    pub kind: String,
    pub name: String,
    pub namespace: Option<String>,
}

/// A kind of route that a listener takes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RouteGroupKind {
    #[serde(default = "gateway_group")]
    pub group: String,
    pub kind: String,
}

/// A header and its value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct HttpHeader {
    pub name: String,
    pub value: String,
}

/// `numerator / denominator`, of 100 unless it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Fraction {
    pub numerator: u32,
    #[serde(default = "hundred")]
    pub denominator: u32,
}

fn hundred() -> u32 {
    100
}

/// GEP-1619, experimental.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionPersistence {
    pub absolute_timeout: Option<Duration>,
    #[serde(default)]
    pub r#type: SessionPersistenceType,
    pub cookie: Option<CookieConfig>,
    pub header: Option<HeaderConfig>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum SessionPersistenceType {
    #[default]
    Cookie,
    Header,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CookieConfig {
    pub name: Option<String>,
    pub path: Option<String>,
    #[serde(default)]
    pub lifetime_type: CookieLifetimeType,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum CookieLifetimeType {
    #[default]
    Session,
    Permanent,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct HeaderConfig {
    pub name: String,
}

/// GEP-1494, experimental: asks another server whether a request may pass. On routes and, since GEP-5224, on listeners.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpExternalAuthFilter {
    pub protocol: ExternalAuthProtocol,
    pub backend_ref: BackendObjectReference,
    pub grpc: Option<GrpcAuthConfig>,
    pub http: Option<HttpAuthConfig>,
    pub forward_body: Option<ForwardBodyConfig>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum ExternalAuthProtocol {
    #[serde(rename = "HTTP")]
    Http,
    #[serde(rename = "GRPC")]
    Grpc,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GrpcAuthConfig {
    /// Empty is all.
    pub allowed_headers: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpAuthConfig {
    pub path: String,
    pub allowed_headers: Vec<String>,
    /// Empty is all.
    pub allowed_response_headers: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ForwardBodyConfig {
    /// Bytes; 0 forwards no body.
    pub max_size: u32,
}

/// A GEP-2257 duration: up to four of `h`, `m`, `s`, `ms`, each with up to five digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub StdDuration);

impl Duration {
    /// `None` if the text is no GEP-2257 duration.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        let mut total = StdDuration::ZERO;
        for _ in 0..4 {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            if !(1..=5).contains(&digits) {
                return None;
            }
            let amount: u64 = rest[..digits].parse().ok()?;
            rest = &rest[digits..];
            let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
            let (unit, millis) = units.into_iter().find(|(unit, _)| rest.starts_with(unit))?;
            rest = &rest[unit.len()..];
            total += StdDuration::from_millis(amount * millis);
            if rest.is_empty() {
                return Some(Self(total));
            }
        }
        None
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.as_secs(), self.0.subsec_millis()) {
            (0, millis) => write!(f, "{millis}ms"),
            (secs, 0) => write!(f, "{secs}s"),
            (secs, millis) => write!(f, "{secs}s{millis}ms"),
        }
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("{text:?} is no duration such as 1m30s or 500ms")))
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Status of every route kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RouteStatus {
    /// One per declared parentRef and controller.
    pub parents: Vec<RouteParentStatus>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteParentStatus {
    pub parent_ref: ParentReference,
    pub controller_name: String,
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

/// Status of every policy kind, and of XBackend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyStatus {
    /// One per Gateway that the policy works for and controller.
    pub ancestors: Vec<PolicyAncestorStatus>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyAncestorStatus {
    pub ancestor_ref: ParentReference,
    pub controller_name: String,
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

/// A feature that a GatewayClass or XMesh implements.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SupportedFeature {
    pub name: String,
}

#[cfg(test)]
mod tests;
