//! Gateway.

use serde_json::json;

use super::{
    listener::{gateway_listener, listener_rules, namespaces},
    reference::{local_object, name, object_in_namespace, port, secret},
    root,
};
use crate::api::schema::{
    format, pattern,
    rule::Rule,
    shape::{Channel, Complete, Schema, choice, experimental, list, map, object, optional, required, text},
    value::Node,
};

pub(super) fn schema(channel: Channel) -> Schema {
    let listeners = list(gateway_listener(channel)).size(1, 64).keyed(&["name"]).rules(listener_rules());
    let allowed = namespaces(&["All", "Selector", "Same", "None"], "None");
    root([required(
        "spec",
        object([
            required("gatewayClassName", name()),
            required("listeners", listeners),
            optional("addresses", addresses(channel)),
            optional("infrastructure", infrastructure()),
            optional("allowedListeners", object([optional("namespaces", allowed)])),
            optional("tls", tls(channel)),
            experimental(channel, "defaultScope", choice(&["All", "None"])),
        ]),
    )])
}

fn addresses(channel: Channel) -> Schema {
    let address_type = text().length(1, 253).pattern(&pattern::ADDRESS_TYPE).default_to(json!("IPAddress"));
    let address = object([
        optional("type", address_type),
        optional("value", text().length(0, 253)),
        experimental(channel, "routability", routability()),
    ])
    .rules([
        Rule::new("is no host name", "a DNS name, a wildcard like *.example.com, or nothing", |address| {
            let value = address.get("value").and_then(Node::as_str);
            address.text("type") != "Hostname" || value.is_none_or(|value| pattern::HOSTNAME.is_in(value))
        })
        .blame("value"),
        // Not CEL: the CRD says it with `oneOf` and the formats ipv4 and ipv6.
        Rule::new("is no IP address", "an IPv4 or IPv6 address, or nothing", |address| {
            let value = address.get("value").and_then(Node::as_str);
            address.text("type") != "IPAddress" || value.is_none_or(format::is_address)
        })
        .blame("value")
        .outside_cel(),
    ]);
    list(address).size(0, 16).rules([unique_values("IPAddress"), unique_values("Hostname")])
}

fn unique_values(tag: &'static str) -> Rule {
    Rule::each(format!("has the value of another {tag}"), "each address once", move |one, all| {
        let is_equal = |other: &&Node| other.text("type") == tag && other.get("value") == one.get("value");
        one.text("type") != tag || !one.has("value") || all.iter().filter(is_equal).count() == 1
    })
    .blame("value")
}

fn routability() -> Schema {
    text().length(0, 253).rule(Rule::new(
        "is no routability",
        "nothing, Cluster, or a domain and a path like example.com/private, the domain not in k8s.io",
        |node| {
            let text = node.as_str().unwrap_or_default();
            let domain = text.split('/').next().unwrap_or_default();
            text.is_empty()
                || text == "Cluster"
                || (pattern::ROUTABILITY.is_in(text)
                    && format::is_dns_subdomain(domain)
                    && domain != "k8s.io"
                    && !domain.ends_with(".k8s.io"))
        },
    ))
}

fn infrastructure() -> Schema {
    object([
        optional("labels", map(text().length(0, 63).pattern(&pattern::LABEL_VALUE)).size(0, 8).rules(key_rules())),
        optional("annotations", map(text().length(0, 4096)).size(0, 16).rules(key_rules())),
        optional("parametersRef", local_object()),
    ])
    .into()
}

fn key_rules() -> [Rule; 2] {
    [
        Rule::each_key("is no well-formed key", pattern::LABEL_KEY.accepted, |key| pattern::LABEL_KEY.is_in(key)),
        Rule::each_key("has too long a domain", "a domain of up to 252 characters before '/'", |key| {
            key.split('/').next().is_none_or(|prefix| prefix.chars().count() < 253)
        }),
    ]
}

fn tls(channel: Channel) -> Schema {
    let per_port = object([required("port", port()), required("tls", frontend(channel))]);
    let per_port = list(per_port).size(0, 64).keyed(&["port"]).rule(
        Rule::each("is the port of another entry", "each port once", |one, all| {
            all.iter().filter(|other| other.number("port") == one.number("port")).count() == 1
        })
        .blame("port"),
    );
    object([
        optional("backend", object([optional("clientCertificateRef", secret())])),
        optional("frontend", object([required("default", frontend(channel)), optional("perPort", per_port)])),
    ])
    .into()
}

/// What a port asks of its clients' certificates.
fn frontend(channel: Channel) -> Schema {
    let certificates = list(object_in_namespace()).size(1, 16).rule_in(
        Channel::Experimental,
        channel,
        Rule::each(
            "gives a namespace to a ClusterTrustBundle, which has none",
            "the reference without namespace",
            |one, _| {
                !(one.text("group") == "certificates.k8s.io"
                    && one.text("kind") == "ClusterTrustBundle"
                    && one.has("namespace"))
            },
        )
        .blame("namespace"),
    );
    let mode = choice(&["AllowValidOnly", "AllowInsecureFallback"]).default_to(json!("AllowValidOnly"));
    object([optional("validation", object([required("caCertificateRefs", certificates), optional("mode", mode)]))])
        .into()
}
