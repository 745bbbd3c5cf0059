//! HTTPRoute.

use serde_json::json;

use super::{
    backend_ref::backend_ref_with,
    header,
    http_filter::http_filters,
    reference::{duration, hostname, section_name, with},
    root,
    route::{common, matches_total, unique_rule_names},
    session_persistence::session_persistence,
};
use crate::api::schema::{
    format, pattern,
    rule::{Rule, exactly_one},
    shape::{Channel, Complete, Schema, choice, experimental, integer, list, object, optional, required, text},
    value::Node,
};

pub(super) fn schema(channel: Channel) -> Schema {
    let everything = json!([{ "matches": [{ "path": { "type": "PathPrefix", "value": "/" } }] }]);
    let rules = list(rule(channel)).size(1, 16).rules([matches_total(), unique_rule_names()]).default_to(everything);
    let spec = object([optional("hostnames", list(hostname()).size(0, 16)), optional("rules", rules)]);
    root([required("spec", with(spec, common(channel)))])
}

fn rule(channel: Channel) -> Schema {
    let any_path = json!([{ "path": { "type": "PathPrefix", "value": "/" } }]);
    let backend = backend_ref_with([optional("filters", http_filters(channel))], channel);
    object([
        optional("name", section_name()),
        optional("matches", list(http_match(channel)).size(0, 64).default_to(any_path)),
        optional("filters", http_filters(channel)),
        optional("backendRefs", list(backend).size(0, 16)),
        optional("timeouts", timeouts()),
        optional("retry", retry()),
        experimental(channel, "sessionPersistence", session_persistence()),
    ])
    .rules([
        Rule::new(
            "redirects requests and has backendRefs too",
            "a RequestRedirect filter or backendRefs, not both",
            |rule| {
                rule.list("backendRefs").is_empty() || !rule.list("filters").iter().any(|f| f.has("requestRedirect"))
            },
        )
        .blame("backendRefs"),
        prefix_replaced("requestRedirect", false),
        prefix_replaced("urlRewrite", false),
        prefix_replaced("requestRedirect", true),
        prefix_replaced("urlRewrite", true),
    ])
}

/// Replacing the matched prefix needs to know which one that is: one match, of a path prefix.
///
/// As in the CRDs, several filters (or several backends) that replace a prefix do not trip the rule; other rules refuse
/// most of them.
fn prefix_replaced(filter: &'static str, in_backends: bool) -> Rule {
    let place = if in_backends { " of a backend" } else { "" };
    Rule::new(
        format!("has a {filter}{place} with replacePrefixMatch, but no single prefix to replace"),
        "exactly one match, its path of type PathPrefix",
        move |rule| {
            let replaces = |holder: &Node| exactly_one(holder.list("filters"), |f| replaces_prefix(f, filter));
            let asks = if in_backends { exactly_one(rule.list("backendRefs"), replaces) } else { replaces(rule) };
            !asks || has_one_prefix(rule)
        },
    )
    .blame("matches")
}

fn replaces_prefix(filter: &Node, field: &str) -> bool {
    filter
        .find(&[field, "path"])
        .is_some_and(|path| path.text("type") == "ReplacePrefixMatch" && path.has("replacePrefixMatch"))
}

fn has_one_prefix(rule: &Node) -> bool {
    match rule.list("matches") {
        [only] => only.get("path").is_some_and(|path| path.text("type") == "PathPrefix"),
        _ => false,
    }
}

fn http_match(channel: Channel) -> Schema {
    let methods = choice(&["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]);
    object([
        optional("path", path()),
        optional("headers", header::matches(header::header_value(channel))),
        optional("queryParams", header::matches(text().length(1, 1024))),
        optional("method", methods),
    ])
    .into()
}

fn path() -> Schema {
    object([
        optional("type", choice(&["Exact", "PathPrefix", "RegularExpression"]).default_to(json!("PathPrefix"))),
        optional("value", text().length(0, 1024).default_to(json!("/"))),
    ])
    .rules([
        plain_path("does not begin with '/'", |path| path.starts_with('/')),
        plain_path("has '//' in it", |path| !path.contains("//")),
        plain_path("has '/./' in it", |path| !path.contains("/./")),
        plain_path("has '/../' in it", |path| !path.contains("/../")),
        plain_path("has '%2f' in it", |path| !path.contains("%2f")),
        plain_path("has '%2F' in it", |path| !path.contains("%2F")),
        plain_path("has '#' in it", |path| !path.contains('#')),
        plain_path("ends with '/..'", |path| !path.ends_with("/..")),
        plain_path("ends with '/.'", |path| !path.ends_with("/.")),
        Rule::new("has no known type", "Exact, PathPrefix, RegularExpression", |path| {
            is_plain(path) || path.text("type") == "RegularExpression"
        })
        .blame("type"),
        plain_path("has a character that no path has", |path| pattern::PATH.is_in(path)),
    ])
    .default_to(json!({ "type": "PathPrefix", "value": "/" }))
}

fn is_plain(path: &Node) -> bool {
    matches!(path.text("type"), "Exact" | "PathPrefix")
}

/// A rule about the value of a path that is matched as it stands.
fn plain_path(problem: &'static str, test: fn(&str) -> bool) -> Rule {
    Rule::new(problem, "a normalized absolute path like /orders/new, anything unusual percent-encoded", move |path| {
        !is_plain(path) || test(path.text("value"))
    })
    .blame("value")
}

fn timeouts() -> Schema {
    object([optional("request", duration()), optional("backendRequest", duration())]).rule(
        Rule::new(
            "gives a try more time than the whole request",
            "a backendRequest up to request, or request: 0s for no limit",
            |timeouts| {
                let (request, backend) = (
                    format::duration_ms(timeouts.text("request")),
                    format::duration_ms(timeouts.text("backendRequest")),
                );
                request.zip(backend).is_none_or(|(request, backend)| request == 0 || backend <= request)
            },
        )
        .blame("backendRequest"),
    )
}

fn retry() -> Schema {
    object([
        optional("codes", list(integer().range(400, 599)).set()),
        optional("attempts", integer().min(0).default_to(json!(1))),
        optional("backoff", duration()),
    ])
    .into()
}
