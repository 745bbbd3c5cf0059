//! nginx, from Debian.

use anyhow::Result;

use super::{Peer, Ports, Setup, UPSTREAM_CONNECTIONS};

pub(super) fn start(setup: &Setup<'_>) -> Result<Peer> {
    let ports = Ports::free()?;
    let configuration = setup.configure("nginx.conf", &configuration(setup, &ports))?;
    let mut command = super::pinned("nginx");
    command.arg("-p").arg(setup.folder).arg("-c").arg(configuration).arg("-e").arg("stderr");
    super::start("nginx", super::version("nginx", "-v")?, command, ports)
}

fn configuration(setup: &Setup<'_>, ports: &Ports) -> String {
    let Setup { origin, folder, certificate, key, .. } = setup;
    let (folder, certificate, key) = (folder.display(), certificate.display(), key.display());
    let Ports { http1, h2c, https } = ports;
    format!(
        "daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {folder}/nginx-body;
  proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-fastcgi;
  uwsgi_temp_path {folder}/nginx-uwsgi;
  scgi_temp_path {folder}/nginx-scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 300s;
  upstream origin {{
    server {origin};
    keepalive {UPSTREAM_CONNECTIONS};
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
  }}
  server {{
    listen 127.0.0.1:{http1} backlog=4096;
    listen 127.0.0.1:{h2c} http2 backlog=4096;
    listen 127.0.0.1:{https} ssl backlog=4096;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
    location / {{
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $host;
    }}
  }}
}}
"
    )
}
