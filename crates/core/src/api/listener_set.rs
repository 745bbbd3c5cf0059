//! ListenerSet (gateway.networking.k8s.io/v1, GEP-1713), every field of both channels.

use serde::{Deserialize, Serialize};

use super::{
    gateway::{Listener, ListenerStatus},
    meta::{Condition, ObjectMeta},
    shared::ParentGatewayReference,
};

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ListenerSet {
    #[serde(default)]
    pub metadata: ObjectMeta,
    pub spec: ListenerSetSpec,
    #[serde(default)]
    pub status: ListenerSetStatus,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerSetSpec {
    pub parent_ref: ParentGatewayReference,
    /// The API's `ListenerEntry`.
    #[serde(default)]
    pub listeners: Vec<Listener>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListenerSetStatus {
    pub conditions: Vec<Condition>,
    pub listeners: Vec<ListenerStatus>,
}
