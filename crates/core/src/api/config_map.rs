//! ConfigMap (core/v1).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::meta::ObjectMeta;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConfigMap {
    pub metadata: ObjectMeta,
    pub data: BTreeMap<String, String>,
    /// Base64.
    pub binary_data: BTreeMap<String, String>,
    pub immutable: Option<bool>,
}
