//! XTelemetryPolicy (gateway.networking.x-k8s.io/v1alpha1, GEP-4768, experimental).

use serde::Deserialize;

use super::{
    meta::ObjectMeta,
    shared::{BackendObjectReference, Fraction, HttpHeader, LocalObjectReference, PolicyStatus},
};

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct XTelemetryPolicy {
    pub metadata: ObjectMeta,
    pub spec: XTelemetryPolicySpec,
    pub status: PolicyStatus,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct XTelemetryPolicySpec {
    /// Gateways of the policy's namespace.
    pub target_refs: Vec<LocalObjectReference>,
    pub tracing: Tracing,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tracing {
    pub mode: TracingMode,
    /// Given exactly when `mode` is `Enabled`.
    pub provider: Option<TracingProvider>,
    pub sampling_rate: Option<Fraction>,
    pub parent_based_sampling: ParentBasedSampling,
    pub service_name: String,
    pub span_name: String,
    pub attributes: Vec<Attribute>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum TracingMode {
    Enabled,
    Disabled,
    #[default]
    ImplementationDefault,
    #[serde(untagged)]
    Unknown(String),
}

/// An OTLP receiver.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TracingProvider {
    pub backend_ref: BackendObjectReference,
    #[serde(default)]
    pub headers: Vec<HttpHeader>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ParentBasedSampling {
    pub mode: TracingMode,
    /// Sieves parents that are already sampled; absent is all of them.
    pub sampling_rate: Option<Fraction>,
}

/// A union: `source_type` says which of the others is set.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    pub name: String,
    pub source_type: AttributeSource,
    #[serde(default)]
    pub header_name: String,
    #[serde(default)]
    pub literal_value: String,
    #[serde(default)]
    pub attribute_key: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub enum AttributeSource {
    Header,
    Literal,
    Attribute,
    #[serde(untagged)]
    Unknown(String),
}
