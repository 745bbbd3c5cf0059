//! Service (core/v1).

use std::net::IpAddr;

use serde_json::json;

use super::root;
use crate::api::schema::{
    format, pattern,
    rule::{Rule, exactly_one},
    shape::{
        Channel, Complete, Schema, anything, boolean, choice, int_or_string, int32, list, map, object, optional,
        required, text,
    },
    value::{Node, Value},
};

pub(super) fn schema(_: Channel) -> Schema {
    let spec = object([
        optional(
            "type",
            choice(&["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]).default_to(json!("ClusterIP")),
        ),
        optional("ports", list(port()).rules(port_rules())),
        optional("selector", selector()),
        optional("clusterIP", cluster_ip()),
        optional("clusterIPs", list(cluster_ip()).size(0, 2)),
        optional("ipFamilies", list(choice(&["IPv4", "IPv6"])).size(0, 2)),
        optional("ipFamilyPolicy", choice(&["SingleStack", "PreferDualStack", "RequireDualStack"])),
        optional("externalName", text()),
        optional("externalIPs", list(text())),
        optional("sessionAffinity", choice(&["None", "ClientIP"]).default_to(json!("None"))),
        optional("sessionAffinityConfig", anything()),
        optional("externalTrafficPolicy", choice(&["", "Cluster", "Local"])),
        optional("internalTrafficPolicy", choice(&["Cluster", "Local"])),
        optional("trafficDistribution", text()),
        optional("publishNotReadyAddresses", boolean()),
        optional("loadBalancerIP", text()),
        optional("loadBalancerClass", text()),
        optional("loadBalancerSourceRanges", list(text())),
        optional("allocateLoadBalancerNodePorts", boolean()),
        optional("healthCheckNodePort", int32().range(0, 65535)),
    ])
    .rules(spec_rules());
    root([required("spec", spec)])
}

fn port() -> Schema {
    object([
        optional(
            "name",
            text().rule(Rule::new("is no port name", pattern::DNS_LABEL.accepted, |name| {
                let name = name.as_str().unwrap_or_default();
                name.is_empty() || format::is_dns_label(name)
            })),
        ),
        optional("protocol", choice(&["TCP", "UDP", "SCTP"]).default_to(json!("TCP"))),
        required("port", int32().range(1, 65535)),
        optional(
            "targetPort",
            int_or_string().rule(Rule::new(
                "is no port",
                "a port number, or the name of a container's port",
                is_target,
            )),
        ),
        optional("nodePort", int32().range(0, 65535)),
        optional("appProtocol", app_protocol()),
    ])
    .into()
}

/// The protocol spoken on a port: an IANA name, or a domain and a name.
pub(super) fn app_protocol() -> Schema {
    text().rule(Rule::new(
        "is no application protocol",
        "a name like http, or one with a domain, like kubernetes.io/h2c",
        |name| name.as_str().is_some_and(format::is_qualified_name),
    ))
}

fn is_target(target: &Node) -> bool {
    match &target.value {
        // As the API server reads them, 0 and "" mean that nothing was written.
        Value::Integer(number) => (0..=65535).contains(number),
        Value::String(name) => name.is_empty() || format::is_port_name(name),
        Value::Null | Value::Bool(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => false,
    }
}

fn port_rules() -> [Rule; 3] {
    [
        Rule::each("has no name among several ports", "a name for each port", |port, ports| {
            ports.len() == 1 || !port.text("name").is_empty()
        }),
        Rule::each("has the name of another port", "each name once", |port, ports| {
            port.text("name").is_empty() || exactly_one(ports, |other| other.text("name") == port.text("name"))
        })
        .blame("name"),
        Rule::each("has the number and protocol of another port", "each port once for each protocol", |port, ports| {
            exactly_one(ports, |other| {
                other.number("port") == port.number("port") && other.text("protocol") == port.text("protocol")
            })
        })
        .blame("port"),
    ]
}

fn selector() -> Schema {
    map(text().length(0, 63).pattern(&pattern::LABEL_VALUE)).rule(Rule::each_key(
        "is no label key",
        pattern::LABEL_KEY.accepted,
        format::is_qualified_name,
    ))
}

fn cluster_ip() -> Schema {
    text().rule(Rule::new("is no address", "an IP address, None (headless), or nothing", |address| {
        let address = address.as_str().unwrap_or_default();
        matches!(address, "" | "None") || address.parse::<IpAddr>().is_ok()
    }))
}

fn spec_rules() -> [Rule; 3] {
    [
        Rule::new("has no ports", "ports, unless the Service is headless or of type ExternalName", |spec| {
            let is_headless = spec.text("clusterIP") == "None";
            is_headless || spec.text("type") == "ExternalName" || !spec.list("ports").is_empty()
        })
        .blame("ports"),
        Rule::new("is of type ExternalName without a name", "externalName, a DNS name", |spec| {
            let name = spec.text("externalName");
            spec.text("type") != "ExternalName" || format::is_dns_subdomain(name.strip_suffix('.').unwrap_or(name))
        })
        .blame("externalName"),
        Rule::new("is of a type that cannot be headless", "type ClusterIP, or no clusterIP", |spec| {
            let is_headless = spec.text("clusterIP") == "None";
            !is_headless || spec.text("type") == "ClusterIP"
        })
        .blame("type"),
    ]
}
