//! Listeners, of Gateways and of ListenerSets.

use serde_json::json;

use super::{
    GATEWAY,
    external_auth::external_auth,
    reference::{group, hostname, kind, local_object, port, secret, section_name},
};
use crate::api::schema::{
    pattern,
    rule::{Rule, exactly_one, member},
    shape::{Channel, Complete, Object, Schema, choice, experimental, list, map, object, optional, required, text},
    value::Node,
};

pub(super) fn gateway_listener(channel: Channel) -> Schema {
    listener(channel).rule_in(
        Channel::Experimental,
        channel,
        Rule::new(
            "has filters, which its protocol does not allow",
            "filters with protocol HTTP or HTTPS",
            |listener| !listener.has("filters") || matches!(listener.text("protocol"), "HTTP" | "HTTPS"),
        )
        .blame("filters"),
    )
}

/// `Listener`, and `ListenerEntry`, which leaves the check of its filters to the controller.
pub(super) fn listener(channel: Channel) -> Object {
    object([
        required("name", section_name()),
        optional("hostname", hostname()),
        required("port", port()),
        required("protocol", text().length(1, 255).pattern(&pattern::PROTOCOL)),
        optional("tls", tls()),
        optional("allowedRoutes", allowed_routes()),
        experimental(channel, "filters", filters(channel)),
    ])
}

pub(super) fn listener_rules() -> [Rule; 6] {
    [
        Rule::each("has tls, which its protocol does not allow", "tls with protocol HTTPS or TLS", |listener, _| {
            !matches!(listener.text("protocol"), "HTTP" | "TCP" | "UDP") || !listener.has("tls")
        })
        .blame("tls"),
        Rule::each("has protocol HTTPS and does not terminate TLS", "tls.mode Terminate", |listener, _| {
            listener.text("protocol") != "HTTPS" || matches!(tls_mode(listener), None | Some("" | "Terminate"))
        })
        .blame("tls"),
        Rule::each("has protocol TLS without tls.mode", "tls.mode Terminate or Passthrough", |listener, _| {
            listener.text("protocol") != "TLS" || tls_mode(listener).is_some_and(|mode| !mode.is_empty())
        })
        .blame("protocol"),
        Rule::each(
            "has a hostname, which its protocol does not allow",
            "hostname with HTTP, HTTPS or TLS",
            |listener, _| !matches!(listener.text("protocol"), "TCP" | "UDP") || listener.text("hostname").is_empty(),
        )
        .blame("hostname"),
        Rule::each("has the name of another listener", "each name once", |one, all| {
            exactly_one(all, |other| other.text("name") == one.text("name"))
        })
        .blame("name"),
        Rule::each(
            "has the port, protocol and hostname of another listener",
            "listeners that differ in one of the three",
            |one, all| {
                exactly_one(all, |other| {
                    ["port", "protocol", "hostname"].iter().all(|field| one.get(field) == other.get(field))
                })
            },
        ),
    ]
}

fn tls_mode(listener: &Node) -> Option<&str> {
    Some(listener.get("tls")?.text("mode"))
}

fn tls() -> Schema {
    object([
        optional("mode", choice(&["Terminate", "Passthrough"]).default_to(json!("Terminate"))),
        optional("certificateRefs", list(secret()).size(0, 64)),
        optional("options", map(text().length(0, 4096)).size(0, 16)),
    ])
    .rule(Rule::new(
        "terminates TLS without a certificate",
        "certificateRefs (or options), or mode: Passthrough",
        |tls| {
            tls.text("mode") != "Terminate"
                || ["certificateRefs", "options"]
                    .iter()
                    .any(|field| tls.get(field).is_some_and(|value| value.size() > 0))
        },
    ))
}

fn allowed_routes() -> Schema {
    let route_kind = object([optional("group", group().default_to(json!(GATEWAY))), required("kind", kind())]);
    object([
        optional("namespaces", namespaces(&["All", "Selector", "Same"], "Same")),
        optional("kinds", list(route_kind).size(0, 8)),
    ])
    .default_to(json!({ "namespaces": { "from": "Same" } }))
}

/// Which namespaces may attach.
pub(super) fn namespaces(from: &'static [&'static str], default: &'static str) -> Schema {
    object([optional("from", choice(from).default_to(json!(default))), optional("selector", label_selector())])
        .default_to(json!({ "from": default }))
}

/// `LabelSelector`, whose operators the CRDs leave open.
fn label_selector() -> Object {
    let requirement = object([required("key", text()), required("operator", text()), optional("values", list(text()))]);
    object([optional("matchLabels", map(text())), optional("matchExpressions", list(requirement))])
}

fn filters(channel: Channel) -> Object {
    let filter = object([
        required("type", choice(&["ExternalAuth", "ExtensionRef"])),
        optional("externalAuth", external_auth(channel)),
        optional("extensionRef", local_object()),
    ])
    .rules(member("type", "ExternalAuth", "externalAuth"))
    .rules(member("type", "ExtensionRef", "extensionRef"));
    object([optional("requests", list(filter).size(0, 16))])
}
