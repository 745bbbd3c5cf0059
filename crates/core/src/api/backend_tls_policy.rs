//! BackendTLSPolicy (gateway.networking.k8s.io/v1), every field of both channels.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    meta::ObjectMeta,
    shared::{LocalObjectReference, LocalPolicyTargetReferenceWithSectionName, PolicyStatus},
};

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct BackendTlsPolicy {
    #[serde(default)]
    pub metadata: ObjectMeta,
    pub spec: BackendTlsPolicySpec,
    #[serde(default)]
    pub status: PolicyStatus,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendTlsPolicySpec {
    #[serde(default)]
    pub target_refs: Vec<LocalPolicyTargetReferenceWithSectionName>,
    pub validation: BackendTlsPolicyValidation,
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

/// How the backend proves itself; an XBackend has one, too.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendTlsPolicyValidation {
    /// Given exactly when `well_known_ca_certificates` is not.
    #[serde(default, rename = "caCertificateRefs")]
    pub ca_certificate_refs: Vec<LocalObjectReference>,
    #[serde(rename = "wellKnownCACertificates")]
    pub well_known_ca_certificates: Option<WellKnownCaCertificates>,
    /// SNI, and the name to verify unless `subject_alt_names` are given.
    pub hostname: String,
    #[serde(default)]
    pub subject_alt_names: Vec<SubjectAltName>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub enum WellKnownCaCertificates {
    System,
    #[serde(untagged)]
    Unknown(String),
}

/// A union: `type` says which of the others is set.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SubjectAltName {
    pub r#type: SubjectAltNameType,
    #[serde(default)]
    pub hostname: String,
    #[serde(default)]
    pub uri: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub enum SubjectAltNameType {
    Hostname,
    #[serde(rename = "URI")]
    Uri,
    #[serde(untagged)]
    Unknown(String),
}
