//! ListenerSet.

use serde_json::json;

use super::{
    GATEWAY,
    listener::{listener, listener_rules},
    reference::{group, kind, name, namespace},
    root,
};
use crate::api::schema::shape::{Channel, Complete, Schema, list, object, optional, required};

pub(super) fn schema(channel: Channel) -> Schema {
    let parent = object([
        optional("group", group().default_to(json!(GATEWAY))),
        optional("kind", kind().default_to(json!("Gateway"))),
        required("name", name()),
        optional("namespace", namespace()),
    ]);
    let listeners = list(listener(channel)).size(1, 64).keyed(&["name"]).rules(listener_rules());
    root([required("spec", object([required("parentRef", parent), required("listeners", listeners)]))])
}
