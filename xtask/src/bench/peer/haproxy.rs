//! HAProxy, from Debian.

use anyhow::Result;

use super::{Peer, Ports, Setup};

pub(super) fn start(setup: &Setup<'_>) -> Result<Peer> {
    let ports = Ports::free()?;
    let configuration = setup.configure("haproxy.cfg", &configuration(setup, &ports))?;
    let mut command = super::pinned("haproxy");
    command.arg("-f").arg(configuration).args(["-db", "-q"]);
    super::start("haproxy", super::version("haproxy", "-v")?, command, ports)
}

/// No `log` line: nothing is logged. Idle connections to a server are unlimited unless limited.
fn configuration(setup: &Setup<'_>, ports: &Ports) -> String {
    let Setup { origin, bundle, .. } = setup;
    let bundle = bundle.display();
    let Ports { http1, h2c, https } = ports;
    format!(
        "global
  nbthread 1
  maxconn 8192
  tune.ssl.default-dh-param 2048
defaults
  mode http
  maxconn 8192
  backlog 4096
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  timeout http-keep-alive 300s
  option http-keep-alive
frontend front
  bind 127.0.0.1:{http1}
  bind 127.0.0.1:{h2c} proto h2
  bind 127.0.0.1:{https} ssl crt {bundle}
  option forwardfor
  http-request set-header X-Forwarded-Proto https if {{ ssl_fc }}
  http-request set-header X-Forwarded-Proto http if !{{ ssl_fc }}
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
  default_backend origin
backend origin
  http-reuse always
  server origin {origin} pool-max-conn -1 pool-purge-delay 300s
"
    )
}
