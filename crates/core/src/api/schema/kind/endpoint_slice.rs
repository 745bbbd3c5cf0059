//! EndpointSlice (discovery.k8s.io/v1).
//!
//! The API server refuses loopback and link-local endpoints, as no Pod has one; here they pass, for without a cluster a
//! backend on the same machine is what people have.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::json;

use super::{root, service::app_protocol};
use crate::api::schema::{
    format, pattern,
    rule::{Rule, exactly_one},
    shape::{Channel, Complete, Schema, anything, boolean, choice, int32, list, map, object, optional, required, text},
    value::Node,
};

/// Endpoints and ports of one slice, as the API server has it.
const ENDPOINTS_MAX: usize = 1000;
const PORTS_MAX: usize = 20_000;

pub(super) fn schema(_: Channel) -> Schema {
    root([
        required("addressType", choice(&["IPv4", "IPv6", "FQDN"])),
        optional("endpoints", list(endpoint()).size(0, ENDPOINTS_MAX)),
        optional(
            "ports",
            list(port()).size(0, PORTS_MAX).rule(
                Rule::each("has the name of another port", "each name once; one port may go without", |port, ports| {
                    exactly_one(ports, |other| other.text("name") == port.text("name"))
                })
                .blame("name"),
            ),
        ),
    ])
    .rule(
        Rule::new("has an address of another type", "addresses that are all of the slice's addressType", |slice| {
            let is_right: fn(&str) -> bool = match slice.text("addressType") {
                "IPv4" => |address| address.parse::<Ipv4Addr>().is_ok(),
                "IPv6" => |address| address.parse::<Ipv6Addr>().is_ok(),
                _ => format::is_dns_subdomain,
            };
            let mut addresses = slice.list("endpoints").iter().flat_map(|endpoint| endpoint.list("addresses"));
            addresses.all(|address| address.as_str().is_some_and(is_right))
        })
        .blame("addressType"),
    )
}

fn endpoint() -> Schema {
    let conditions =
        object([optional("ready", boolean()), optional("serving", boolean()), optional("terminating", boolean())]);
    object([
        required("addresses", list(text()).size(1, 100)),
        optional("conditions", conditions),
        optional("hostname", text().length(0, 63).pattern(&pattern::DNS_LABEL)),
        optional("nodeName", text()),
        optional("zone", text()),
        optional("targetRef", anything()),
        optional("hints", anything()),
        optional("deprecatedTopology", map(text())),
    ])
    .into()
}

fn port() -> Schema {
    object([
        optional("name", text().default_to(json!("")).rule(port_name())),
        optional("protocol", choice(&["TCP", "UDP", "SCTP"]).default_to(json!("TCP"))),
        optional("port", int32().range(1, 65535)),
        optional("appProtocol", app_protocol()),
    ])
    .into()
}

fn port_name() -> Rule {
    Rule::new("is no port name", "a DNS label, or nothing", |name: &Node| {
        let name = name.as_str().unwrap_or_default();
        name.is_empty() || format::is_dns_label(name)
    })
}
