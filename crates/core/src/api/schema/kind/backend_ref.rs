//! References to backends, as routes, mirrors, external authorization and telemetry share them.

use serde_json::json;

use super::{
    EXPERIMENTAL,
    reference::{group, kind, name, namespace, port, with},
};
use crate::api::schema::{
    rule::Rule,
    shape::{Channel, Complete, Field, Object, Schema, int32, object, optional, required},
};

/// `BackendObjectReference`.
pub(super) fn backend_object(channel: Channel) -> Schema {
    complete(fields(), channel)
}

/// `BackendRef`: the same, with a weight.
pub(super) fn backend_ref(channel: Channel) -> Schema {
    backend_ref_with([], channel)
}

/// A route's own reference to a backend, with what that kind of route adds.
pub(super) fn backend_ref_with<const N: usize>(more: [Field; N], channel: Channel) -> Schema {
    let weight = optional("weight", int32().range(0, 1_000_000).default_to(json!(1)));
    complete(with(with(fields(), [weight]), more), channel)
}

fn fields() -> Object {
    object([
        optional("group", group().default_to(json!(""))),
        optional("kind", kind().default_to(json!("Service"))),
        required("name", name()),
        optional("namespace", namespace()),
        optional("port", port()),
    ])
}

fn complete(object: Object, channel: Channel) -> Schema {
    object
        .rule(
            Rule::new("refers to a Service without its port", "port, the Service's port number", |node| {
                !(node.text("group").is_empty() && node.text("kind") == "Service") || node.has("port")
            })
            .blame("name"),
        )
        .rule_in(
            Channel::Experimental,
            channel,
            Rule::new("gives a port to an XBackend, which has its own", "the reference without port", |node| {
                !(node.text("group") == EXPERIMENTAL && node.text("kind") == "XBackend" && node.has("port"))
            })
            .blame("port"),
        )
}
