//! TLSRoute, TCPRoute and UDPRoute: rules with nothing but backends.

use super::{
    backend_ref::backend_ref,
    reference::{hostname, section_name, with},
    root,
    route::{common, unique_rule_names},
};
use crate::api::schema::{
    format, pattern,
    rule::Rule,
    shape::{Channel, Complete, Field, Schema, list, object, optional, required},
    value::Node,
};

pub(super) fn tcp_or_udp(channel: Channel) -> Schema {
    route([required("rules", one_rule(channel))], channel)
}

pub(super) fn tcp_or_udp_v1alpha2(channel: Channel) -> Schema {
    route([required("rules", several_rules(channel))], channel)
}

pub(super) fn tls(channel: Channel) -> Schema {
    let hostnames = list(hostname()).size(1, 1024).rules([
        Rule::each("is an IP address", "a DNS name: clients send no address as SNI", |name, _| {
            !format::is_ip(as_text(name))
        }),
        Rule::each("is no DNS name", pattern::DNS_SUBDOMAIN.accepted, |name, _| {
            as_text(name).contains('*') || pattern::DNS_SUBDOMAIN.is_in(as_text(name))
        }),
        Rule::each("has '*' elsewhere than as its first label", "a wildcard like *.example.com", |name, _| {
            !as_text(name).contains('*')
                || as_text(name).strip_prefix("*.").is_some_and(|rest| pattern::DNS_SUBDOMAIN.is_in(rest))
        }),
    ]);
    route([required("hostnames", hostnames), required("rules", one_rule(channel))], channel)
}

pub(super) fn tls_v1alpha2(channel: Channel) -> Schema {
    let hostnames = list(hostname()).size(0, 1024);
    route([optional("hostnames", hostnames), required("rules", several_rules(channel))], channel)
}

fn route<const N: usize>(fields: [Field; N], channel: Channel) -> Schema {
    root([required("spec", with(object(fields), common(channel)))])
}

fn one_rule(channel: Channel) -> Schema {
    list(rule(channel)).size(1, 1).into()
}

fn several_rules(channel: Channel) -> Schema {
    list(rule(channel)).size(1, 16).rule(unique_rule_names())
}

fn rule(channel: Channel) -> Schema {
    object([optional("name", section_name()), required("backendRefs", list(backend_ref(channel)).size(1, 16))]).into()
}

fn as_text(name: &Node) -> &str {
    name.as_str().unwrap_or_default()
}
