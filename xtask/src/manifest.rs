//! The few manifests that measurements need, as YAML documents in one namespace.

use std::fmt::Write;

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::certificate::Certificate;

/// What `gatewright run` is told in every measurement, besides the folder: stay on loopback, and say little.
pub(crate) const RUN_ARGUMENTS: [&str; 10] =
    ["--bind", "127.0.0.1", "--admin", "off", "--access-log", "off", "--log-level", "error", "--drain-timeout", "5"];

/// One entry of a Gateway's listeners.
pub(crate) struct Listener {
    name: String,
    port: u16,
    /// The Secret of an HTTPS listener.
    certificate: Option<String>,
}

impl Listener {
    pub(crate) fn http(name: &str, port: u16) -> Self {
        Self { name: name.into(), port, certificate: None }
    }

    pub(crate) fn https(name: &str, port: u16, certificate: &str) -> Self {
        Self { name: name.into(), port, certificate: Some(certificate.into()) }
    }
}

/// A GatewayClass and the Gateway that all routes here attach to.
pub(crate) fn gateway(listeners: &[Listener]) -> String {
    let mut text = "apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata:
  name: gatewright
spec:
  controllerName: gatewright.dev/gateway-controller
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: gateway
  namespace: default
spec:
  gatewayClassName: gatewright
  listeners:
"
    .to_owned();
    for Listener { name, port, certificate } in listeners {
        let _ = match certificate {
            None => writeln!(text, "    - {{ name: {name}, port: {port}, protocol: HTTP }}"),
            Some(secret) => writeln!(
                text,
                "    - {{ name: {name}, port: {port}, protocol: HTTPS, tls: {{ certificateRefs: [{{ name: {secret} }}] }} }}"
            ),
        };
    }
    text
}

/// A Service of one port, and its one endpoint: another port, of loopback.
pub(crate) fn service(name: &str, port: u16, endpoint_port: u16) -> String {
    service_without_endpoints(name, port)
        + "---\n"
        + &head("discovery.k8s.io/v1", "EndpointSlice", name)
        + &format!(
            "  labels:
    kubernetes.io/service-name: {name}
addressType: IPv4
ports:
  - port: {endpoint_port}
endpoints:
  - addresses: [127.0.0.1]
"
        )
}

/// A Service that no EndpointSlice belongs to.
pub(crate) fn service_without_endpoints(name: &str, port: u16) -> String {
    head("v1", "Service", name) + &format!("spec:\n  ports:\n    - port: {port}\n")
}

/// A Secret of type kubernetes.io/tls.
pub(crate) fn certificate(name: &str, pair: &Certificate) -> String {
    let (chain, key) = (BASE64_STANDARD.encode(&pair.chain), BASE64_STANDARD.encode(&pair.key));
    head("v1", "Secret", name) + &format!("type: kubernetes.io/tls\ndata:\n  tls.crt: {chain}\n  tls.key: {key}\n")
}

/// An HTTPRoute with one rule: a path prefix to a Service.
pub(crate) fn route(name: &str, hostname: Option<&str>, prefix: &str, service: &str, port: u16) -> String {
    let rule = format!(
        "    - matches:
        - path: {{ type: PathPrefix, value: {prefix} }}
      backendRefs:
        - {{ name: {service}, port: {port} }}
"
    );
    http_route(name, hostname, &rule)
}

/// An HTTPRoute with these rules, each an item of a list in four columns.
pub(crate) fn http_route(name: &str, hostname: Option<&str>, rules: &str) -> String {
    attached("HTTPRoute", name, hostname, rules)
}

/// A GRPCRoute that sends every method of a hostname to a Service.
pub(crate) fn grpc_route(name: &str, hostname: &str, service: &str, port: u16) -> String {
    let rule = format!("    - backendRefs:\n        - {{ name: {service}, port: {port} }}\n");
    attached("GRPCRoute", name, Some(hostname), &rule)
}

fn attached(kind: &str, name: &str, hostname: Option<&str>, rules: &str) -> String {
    let hostnames = hostname.map(|hostname| format!("  hostnames: [{hostname}]\n")).unwrap_or_default();
    head("gateway.networking.k8s.io/v1", kind, name)
        + &format!("spec:\n  parentRefs:\n    - name: gateway\n{hostnames}  rules:\n{rules}")
}

/// What every object begins with; more of its metadata may follow.
fn head(api_version: &str, kind: &str, name: &str) -> String {
    format!("apiVersion: {api_version}\nkind: {kind}\nmetadata:\n  name: {name}\n  namespace: default\n")
}
