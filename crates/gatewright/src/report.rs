//! What became of each object, as it travels from the process that serves to the one that shows it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::finding::Finding;

/// Everything there is to say about the objects.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct StatusReport {
    /// Objects of the kinds that have a status: as written, with `status` as an API server would hold it. By kind in the
    /// order that people read them, then by name.
    pub(crate) objects: Vec<Value>,
    pub(crate) findings: Vec<Finding>,
}
