//! XMesh (gateway.networking.x-k8s.io/v1alpha1, experimental, cluster-scoped).

use serde::{Deserialize, Serialize};

use super::{
    meta::{Condition, ObjectMeta},
    shared::{ParametersReference, SupportedFeature},
};

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct XMesh {
    pub metadata: ObjectMeta,
    pub spec: XMeshSpec,
    pub status: XMeshStatus,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct XMeshSpec {
    pub controller_name: String,
    pub parameters_ref: Option<ParametersReference>,
    pub description: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct XMeshStatus {
    pub conditions: Vec<Condition>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supported_features: Vec<SupportedFeature>,
}
