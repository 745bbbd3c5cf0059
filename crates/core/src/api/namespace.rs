//! Namespace (core/v1): its labels decide which routes and ListenerSets a selector allows.

use serde::Deserialize;

use super::meta::ObjectMeta;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Namespace {
    pub metadata: ObjectMeta,
}
