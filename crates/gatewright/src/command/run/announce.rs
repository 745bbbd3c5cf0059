//! What a person reads when the gateway starts: what is served where, and a request to try.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use gatewright_core::plan::{Hostname, Listener, PathMatch, Plan, Port, PortProtocol, Route, RouteKind};

use super::serve::Summary;

/// Listeners that are listed; `gatewright status` knows them all.
const LISTED_MAX: usize = 20;

pub(super) fn summary(summary: &Summary, port_offset: u16, admin: Option<SocketAddr>, is_example: bool) -> String {
    let mut lines = vec![match is_example {
        true => format!("Gatewright {} serves its built-in example", env!("CARGO_PKG_VERSION")),
        false => format!(
            "Gatewright {} serves {} objects from {} files",
            env!("CARGO_PKG_VERSION"),
            summary.objects,
            summary.files
        ),
    }];
    let listeners: Vec<_> =
        summary.plan.ports.iter().flat_map(|(number, port)| describe(summary, *number, port)).collect();
    lines.extend(listeners.iter().take(LISTED_MAX).cloned());
    if listeners.len() > LISTED_MAX {
        lines.push(format!("  and {} more", listeners.len() - LISTED_MAX));
    }
    if listeners.is_empty() {
        lines.push("  nothing yet: no Gateway has a listener that can be served".into());
    }
    if port_offset > 0 && summary.plan.ports.keys().any(|port| *port < 1024) {
        lines.push(format!("  ports below 1024 are served {port_offset} higher (--port-offset)"));
    }
    if let Some(address) = admin {
        lines.push(format!("  http://{address}/ for health, metrics, Plan and status"));
    }
    if summary.findings > 0 {
        let admin = admin.map(|address| format!(" --admin {address}")).unwrap_or_default();
        lines.push(format!("{} findings: `gatewright status{admin}` says what and why", summary.findings));
    }
    if let Some(command) = command_to_try(summary) {
        lines.push(format!("Try:\n  {command}"));
    }
    lines.join("\n")
}

fn describe(summary: &Summary, number: u16, port: &Port) -> Vec<String> {
    let scheme = match port.protocol {
        PortProtocol::Http => "http",
        PortProtocol::Https => "https",
    };
    let place = match summary.report.ports.get(&number) {
        Some(Ok(addresses)) => addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        Some(Err(error)) => format!("port {number} is NOT served: {error}"),
        None => format!("port {number} is NOT served"),
    };
    let line = |listener: &Listener| {
        format!("  {scheme:5} {place}  {} for {}, {} routes", listener.id, listener.hostname, listener.routes.len())
    };
    port.listeners.iter().map(line).collect()
}

/// Returns a curl command that a route answers, of the first that has something to answer with.
fn command_to_try(summary: &Summary) -> Option<String> {
    let plan: &Plan = &summary.plan;
    plan.ports.iter().find_map(|(number, port)| {
        let address = summary.report.ports.get(number)?.as_ref().ok()?.first().copied()?;
        port.listeners.iter().find_map(|listener| {
            let routes = listener.routes.iter().filter_map(|id| plan.routes.get(id));
            let route = routes.filter(|route| route.kind == RouteKind::Http).find(|route| answers(route))?;
            Some(curl(port.protocol, nearby(address), &host(listener, route), &path(route)))
        })
    })
}

fn answers(route: &Route) -> bool {
    route.rules.iter().any(|rule| !rule.backends.is_empty())
}

fn curl(protocol: PortProtocol, address: SocketAddr, host: &Option<String>, path: &str) -> String {
    match (protocol, host) {
        (PortProtocol::Http, Some(host)) => format!("curl -i -H 'Host: {host}' http://{address}{path}"),
        (PortProtocol::Http, None) => format!("curl -i http://{address}{path}"),
        (PortProtocol::Https, Some(host)) => {
            let port = address.port();
            format!("curl -ik --resolve {host}:{port}:{} https://{host}:{port}{path}", address.ip())
        }
        (PortProtocol::Https, None) => format!("curl -ik https://{address}{path}"),
    }
}

/// Returns a name that both the listener and the route mean; `None` when any will do.
fn host(listener: &Listener, route: &Route) -> Option<String> {
    let route_host = route.hostnames.iter().find(|hostname| hostname.intersects(&listener.hostname))?;
    match (route_host, &listener.hostname) {
        (Hostname::Exact(name), _) | (_, Hostname::Exact(name)) => Some(name.to_string()),
        (Hostname::Wildcard(a), Hostname::Wildcard(b)) => Some(format!("www{}", if a.len() > b.len() { a } else { b })),
        (Hostname::Wildcard(suffix), Hostname::Any) | (Hostname::Any, Hostname::Wildcard(suffix)) => {
            Some(format!("www{suffix}"))
        }
        (Hostname::Any, Hostname::Any) => None,
    }
}

fn path(route: &Route) -> String {
    let matches = route.rules.iter().flat_map(|rule| &rule.matches);
    let plain = matches.filter(|found| found.headers.is_empty() && found.query.is_empty() && found.method.is_none());
    let path = plain.map(|found| match &found.path {
        PathMatch::Exact(path) | PathMatch::Prefix(path) => path.to_string(),
        PathMatch::Regex(_) => "/".to_owned(),
    });
    path.min_by_key(String::len).unwrap_or_else(|| "/".into())
}

/// Returns an address that reaches what is bound from this machine.
fn nearby(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
