//! `parentRefs`: what a route attaches to.

use serde_json::json;

use super::{
    GATEWAY,
    reference::{group, kind, name, namespace, port, section_name},
};
use crate::api::schema::{
    rule::{Rule, exactly_one},
    shape::{Channel, Complete, Schema, list, object, optional, required},
    value::Node,
};

pub(super) fn parent_refs(channel: Channel) -> Schema {
    // The standard channel tells references to one parent apart by sectionName alone.
    let with_port = channel == Channel::Experimental;
    let parts = if with_port { "sectionName or port" } else { "sectionName" };
    list(parent_ref()).size(0, 32).rules([
        Rule::each(
            "refers to a parent to which another reference refers in another way",
            if with_port {
                "sectionName (or port) on every reference to the parent, or on none"
            } else {
                "sectionName on every reference to the parent, or on none"
            },
            move |one, all| {
                all.iter().filter(|other| is_same_parent(one, other)).all(|other| {
                    is_given(one, "sectionName") == is_given(other, "sectionName")
                        && (!with_port || is_given(one, "port") == is_given(other, "port"))
                })
            },
        ),
        Rule::each(
            "stands in the list more than once",
            format!("a {parts} of its own for each reference to one parent"),
            move |one, all| {
                exactly_one(all, |other| {
                    is_same_parent(one, other)
                        && one.text("sectionName") == other.text("sectionName")
                        && (!with_port || one.number("port") == other.number("port"))
                })
            },
        ),
    ])
}

fn parent_ref() -> Schema {
    object([
        optional("group", group().default_to(json!(GATEWAY))),
        optional("kind", kind().default_to(json!("Gateway"))),
        required("name", name()),
        optional("namespace", namespace()),
        optional("port", port()),
        optional("sectionName", section_name()),
    ])
    .into()
}

fn is_same_parent(one: &Node, other: &Node) -> bool {
    ["group", "kind", "name", "namespace"].iter().all(|field| one.text(field) == other.text(field))
}

/// Whether the field is there and says something: a port of 0 says as little as an empty name.
fn is_given(node: &Node, field: &str) -> bool {
    node.get(field).is_some_and(|value| value.as_str() != Some("") && value.as_integer() != Some(0))
}
