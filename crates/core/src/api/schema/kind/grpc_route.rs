//! GRPCRoute.

use serde_json::json;

use super::{
    backend_ref::backend_ref_with,
    header,
    http_filter::grpc_filters,
    reference::{hostname, section_name, with},
    root,
    route::{common, matches_total, unique_rule_names},
    session_persistence::session_persistence,
};
use crate::api::schema::{
    pattern::{self, Pattern},
    rule::Rule,
    shape::{Channel, Complete, Schema, choice, experimental, list, object, optional, required, text},
};

pub(super) fn schema(channel: Channel) -> Schema {
    let rules = list(rule(channel)).size(0, 16).rules([matches_total(), unique_rule_names()]);
    let spec = object([optional("hostnames", list(hostname()).size(0, 16)), optional("rules", rules)]);
    root([required("spec", with(spec, common(channel)))])
}

fn rule(channel: Channel) -> Schema {
    let backend = backend_ref_with([optional("filters", grpc_filters(channel))], channel);
    let grpc_match = object([
        optional("method", method()),
        // Unlike an HTTPRoute's, whatever the channel.
        optional("headers", header::matches(text().length(1, 4096))),
    ]);
    object([
        optional("name", section_name()),
        optional("matches", list(grpc_match).size(0, 64)),
        optional("filters", grpc_filters(channel)),
        optional("backendRefs", list(backend).size(0, 16)),
        experimental(channel, "sessionPersistence", session_persistence()),
    ])
    .into()
}

fn method() -> Schema {
    object([
        optional("type", choice(&["Exact", "RegularExpression"]).default_to(json!("Exact"))),
        optional("service", text().length(0, 1024)),
        optional("method", text().length(0, 1024)),
    ])
    .rules([
        Rule::new("matches neither a service nor a method", "service, method, or both", |method| {
            !method.has("type") || method.has("service") || method.has("method")
        }),
        exact("service", &pattern::GRPC_SERVICE),
        exact("method", &pattern::GRPC_METHOD),
    ])
}

/// A name that is matched as it stands must be a name.
fn exact(field: &'static str, pattern: &'static Pattern) -> Rule {
    Rule::new(format!("has a {field} that is no {field} name"), pattern.accepted, move |method| {
        let is_exact = method.get("type").is_none_or(|kind| kind.as_str() == Some("Exact"));
        !is_exact || method.get(field).and_then(|name| name.as_str()).is_none_or(|name| pattern.is_in(name))
    })
    .blame(field)
}
