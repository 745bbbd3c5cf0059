//! XBackend.

use serde_json::json;

use super::{
    backend_tls_policy::validation,
    reference::{port, precise_hostname, secret},
    root,
    session_persistence::session_persistence,
};
use crate::api::schema::{
    format, pattern,
    rule::{Rule, exactly_when},
    shape::{Channel, Complete, Schema, choice, map, object, optional, required, text},
    value::Node,
};

pub(super) fn schema(channel: Channel) -> Schema {
    let protocols = choice(&["TCP", "HTTP", "HTTP2", "HTTP11", "H2C", "MCP", "GRPC", "WSS"]);
    let spec = object([
        required("type", choice(&["ExternalHostname", "EndpointSelector"])),
        required("port", object([optional("number", port())]).nonempty()),
        optional("externalHostname", object([required("hostname", external_hostname())])),
        optional("endpointSelector", object([required("matchLabels", match_labels())])),
        optional("protocol", protocols),
        optional("tls", tls(channel)),
        optional("sessionPersistence", session_persistence()),
    ])
    .rules([
        exactly_when("type", "ExternalHostname", "externalHostname"),
        exactly_when("type", "EndpointSelector", "endpointSelector"),
        Rule::new("has TLS, which protocol H2C is without", "tls.mode None, or protocol HTTP2", |spec| {
            spec.text("protocol") != "H2C" || !has_tls(spec)
        })
        .blame("tls"),
        needs_tls("HTTP2", "tls, or protocol H2C"),
        needs_tls("WSS", "tls"),
        Rule::new(
            "has sessionPersistence without endpoints of its own",
            "sessionPersistence with type EndpointSelector",
            |spec| !spec.has("sessionPersistence") || spec.text("type") == "EndpointSelector",
        )
        .blame("sessionPersistence"),
    ]);
    root([required("spec", spec)])
}

fn external_hostname() -> Schema {
    precise_hostname().rule(Rule::new("is a name inside the cluster", "a host outside, not in cluster.local", |name| {
        !name.as_str().unwrap_or_default().ends_with(".cluster.local")
    }))
}

fn match_labels() -> Schema {
    map(text().length(0, 63).pattern(&pattern::LABEL_VALUE)).size(1, 64).rule(Rule::each_key(
        "is no label key",
        pattern::LABEL_KEY.accepted,
        format::is_qualified_name,
    ))
}

fn has_tls(spec: &Node) -> bool {
    spec.get("tls").is_some_and(|tls| tls.text("mode") != "None")
}

fn needs_tls(protocol: &'static str, accepted: &'static str) -> Rule {
    Rule::new(format!("has no TLS, which protocol {protocol} needs"), accepted, move |spec| {
        spec.text("protocol") != protocol || has_tls(spec)
    })
    .blame("protocol")
}

fn tls(channel: Channel) -> Schema {
    object([
        required("mode", choice(&["None", "ServerOnly", "ClientAndServer"])),
        optional("clientCertificateRef", secret()),
        optional("validation", validation(channel)),
    ])
    .rules([
        exactly_when("mode", "ClientAndServer", "clientCertificateRef"),
        Rule::new(
            "has validation with mode None, or no validation with another",
            "validation exactly where mode is ServerOnly or ClientAndServer",
            |tls| tls.has("validation") != (tls.text("mode") == "None"),
        )
        .blame("mode"),
    ])
    .default_to(json!({ "mode": "None" }))
}
