//! The manifests of `examples/`, compiled in, with backends of their own: what `run` serves when nothing is given.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;

use crate::{command::echo, judge::Judge};

/// Every file of `examples/`.
const FILES: [(&str, &str); 10] = [
    ("examples/backends.yaml", include_str!("../../../../../examples/backends.yaml")),
    ("examples/basic.yaml", include_str!("../../../../../examples/basic.yaml")),
    ("examples/cors.yaml", include_str!("../../../../../examples/cors.yaml")),
    ("examples/gateway.yaml", include_str!("../../../../../examples/gateway.yaml")),
    ("examples/grpc.yaml", include_str!("../../../../../examples/grpc.yaml")),
    ("examples/headers.yaml", include_str!("../../../../../examples/headers.yaml")),
    ("examples/mirror.yaml", include_str!("../../../../../examples/mirror.yaml")),
    ("examples/redirect.yaml", include_str!("../../../../../examples/redirect.yaml")),
    ("examples/tls.yaml", include_str!("../../../../../examples/tls.yaml")),
    ("examples/weights.yaml", include_str!("../../../../../examples/weights.yaml")),
];

/// The echo backends that `examples/backends.yaml` names.
const BACKENDS: [(&str, u16); 2] = [("echo-a", 3000), ("echo-b", 3001)];

/// Starts the backends and loads the manifests. Where a port is taken the backend gets another, and the manifest with it.
pub(super) fn load(judge: &mut Judge) -> anyhow::Result<()> {
    let mut ports = Vec::new();
    for (name, port) in BACKENDS {
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let bound =
            echo::start(wanted, name).or_else(|_| echo::start(any, name)).context("cannot start an echo backend")?;
        tracing::info!("{name}, a backend of the example, listens on {bound}");
        ports.push((port, bound.port()));
    }
    for (name, text) in FILES {
        let text = ports.iter().fold(text.to_owned(), |text, (port, bound)| {
            text.replace(&format!("port: {port}\n"), &format!("port: {bound}\n"))
        });
        judge.insert(name, &text);
    }
    Ok(())
}
