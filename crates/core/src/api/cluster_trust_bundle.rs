//! ClusterTrustBundle (certificates.k8s.io): CA certificates for everybody in the cluster.

use serde::Deserialize;

use super::meta::ObjectMeta;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterTrustBundle {
    pub metadata: ObjectMeta,
    pub spec: ClusterTrustBundleSpec,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterTrustBundleSpec {
    /// Whose certificates these are to verify; it says nothing to those who trust the bundle.
    pub signer_name: String,
    /// PEM certificates.
    pub trust_bundle: String,
}
