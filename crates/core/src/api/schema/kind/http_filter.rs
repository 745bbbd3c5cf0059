//! Filters of HTTP routes, and the smaller set of gRPC routes.

use serde_json::json;

use super::{
    external_auth::external_auth,
    header::{header_names, modifier},
    mirror::mirror,
    reference::{local_object, port, precise_hostname, with},
};
use crate::api::schema::{
    pattern,
    rule::{Rule, at_most_one, forbidden_unless, member, needed_when},
    shape::{
        Channel, Complete, Object, Schema, boolean, choice, experimental, int32, integer, list, object, optional,
        required, text,
    },
};

/// `filters` of a GRPCRoute's rule or backendRef.
pub(super) fn grpc_filters(channel: Channel) -> Schema {
    let types = choice(&["ResponseHeaderModifier", "RequestHeaderModifier", "RequestMirror", "ExtensionRef"]);
    let filter = with(shared(channel), [required("type", types)]).rules(shared_members());
    list(filter)
        .size(0, 16)
        .rules([at_most_one("type", "RequestHeaderModifier"), at_most_one("type", "ResponseHeaderModifier")])
}

/// `filters` of an HTTPRoute's rule or backendRef.
pub(super) fn http_filters(channel: Channel) -> Schema {
    list(http_filter(channel)).size(0, 16).rules([
        Rule::new(
            "has filters of both types, RequestRedirect and URLRewrite",
            "one of the two: a redirected request is not forwarded",
            |filters| {
                !["RequestRedirect", "URLRewrite"]
                    .iter()
                    .all(|tag| filters.items().iter().any(|f| f.text("type") == *tag))
            },
        ),
        at_most_one("type", "CORS"),
        at_most_one("type", "RequestHeaderModifier"),
        at_most_one("type", "ResponseHeaderModifier"),
        at_most_one("type", "RequestRedirect"),
        at_most_one("type", "URLRewrite"),
    ])
}

fn http_filter(channel: Channel) -> Schema {
    let types = match channel {
        Channel::Standard => choice(&[
            "RequestHeaderModifier",
            "ResponseHeaderModifier",
            "RequestMirror",
            "RequestRedirect",
            "URLRewrite",
            "ExtensionRef",
            "CORS",
        ]),
        Channel::Experimental => choice(&[
            "RequestHeaderModifier",
            "ResponseHeaderModifier",
            "RequestMirror",
            "RequestRedirect",
            "URLRewrite",
            "ExtensionRef",
            "CORS",
            "ExternalAuth",
        ]),
    };
    let filter = with(
        shared(channel),
        [
            required("type", types),
            optional("requestRedirect", redirect()),
            optional("urlRewrite", rewrite()),
            optional("cors", cors()),
            experimental(channel, "externalAuth", external_auth(channel)),
        ],
    )
    .rules(shared_members())
    .rules(member("type", "CORS", "cors"))
    .rules(member("type", "RequestRedirect", "requestRedirect"))
    .rules(member("type", "URLRewrite", "urlRewrite"));
    match channel {
        Channel::Standard => filter,
        Channel::Experimental => filter.rules(member("type", "ExternalAuth", "externalAuth")),
    }
}

/// The members that both kinds of route have.
fn shared(channel: Channel) -> Object {
    object([
        optional("requestHeaderModifier", modifier(channel)),
        optional("responseHeaderModifier", modifier(channel)),
        optional("requestMirror", mirror(channel)),
        optional("extensionRef", local_object()),
    ])
}

fn shared_members() -> impl Iterator<Item = Rule> {
    [
        ("RequestHeaderModifier", "requestHeaderModifier"),
        ("ResponseHeaderModifier", "responseHeaderModifier"),
        ("RequestMirror", "requestMirror"),
        ("ExtensionRef", "extensionRef"),
    ]
    .into_iter()
    .flat_map(|(tag, field)| member("type", tag, field))
}

fn redirect() -> Object {
    object([
        optional("scheme", choice(&["http", "https"])),
        optional("hostname", precise_hostname()),
        optional("path", path_modifier()),
        optional("port", port()),
        optional("statusCode", integer().choices(&[301, 302, 303, 307, 308]).default_to(json!(302))),
    ])
}

fn rewrite() -> Object {
    object([optional("hostname", precise_hostname()), optional("path", path_modifier())])
}

/// `HTTPPathModifier`.
fn path_modifier() -> Schema {
    object([
        required("type", choice(&["ReplaceFullPath", "ReplacePrefixMatch"])),
        optional("replaceFullPath", text().length(0, 1024)),
        optional("replacePrefixMatch", text().length(0, 1024)),
    ])
    .rules([
        needed_when("type", "ReplaceFullPath", "replaceFullPath"),
        forbidden_unless("type", "ReplaceFullPath", "replaceFullPath"),
        needed_when("type", "ReplacePrefixMatch", "replacePrefixMatch"),
        forbidden_unless("type", "ReplacePrefixMatch", "replacePrefixMatch"),
    ])
}

fn cors() -> Object {
    let methods = choice(&["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "*"]);
    object([
        optional(
            "allowOrigins",
            list(text().length(1, 253).pattern(&pattern::ORIGIN)).size(0, 64).set().rule(star_alone()),
        ),
        optional("allowCredentials", boolean()),
        optional("allowMethods", list(methods).size(0, 9).set().rule(star_alone())),
        optional("allowHeaders", header_names().rule(star_alone())),
        optional("exposeHeaders", header_names()),
        optional("maxAge", int32().min(1).default_to(json!(5))),
    ])
}

fn star_alone() -> Rule {
    Rule::new("has '*' among other values", "'*' alone, or a list without it", |list| {
        list.size() <= 1 || list.items().iter().all(|item| item.as_str() != Some("*"))
    })
}
