//! grpc-go's interoperability cases and ours, through a GRPCRoute, in plaintext and in TLS.

use std::{fmt::Write as _, net::TcpListener, path::Path, time::Duration};

use anyhow::{Result, bail, ensure};

use super::{
    build_go, run_bounded,
    site::{HOST, Site},
};
use crate::manifest;

/// A case ends itself before this.
const PATIENCE: Duration = Duration::from_secs(40);

pub(super) fn run(binary: &Path) -> Result<()> {
    let judge = build_go("grpc")?;
    let site = Site::start(binary, &judge, manifests)?;
    let list = run_bounded(&judge, &["list"], PATIENCE)?;
    let cases = String::from_utf8(list.stdout)?;
    ensure!(!cases.is_empty(), "the judge knows no case");
    let mut failures = String::new();
    for (transport, address) in [("plaintext", site.http), ("tls", site.https)] {
        let secure: &[&str] = if transport == "tls" { &["-tls"] } else { &[] };
        let address = address.to_string();
        let (mut passed, mut failed) = (0, 0);
        for case in cases.lines() {
            let output = run_bounded(&judge, &[&["case"], secure, &[case, &address]].concat(), PATIENCE)?;
            if output.status.success() {
                passed += 1;
            } else {
                failed += 1;
                let said = String::from_utf8_lossy(&output.stderr);
                write!(failures, "\n{case} ({transport}): {}", said.trim())?;
            }
        }
        println!("grpc-go, {transport}: {passed} passed, {failed} failed");
    }
    if failures.is_empty() {
        return Ok(());
    }
    bail!("grpc:{failures}")
}

/// The authorities that the judge asks for: see `conformance/grpc/main.go`.
fn manifests(origin: u16) -> Result<Vec<String>> {
    // Bound and let go: nothing listens there.
    let dead = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    Ok(vec![
        manifest::service("origin", 80, origin),
        manifest::service("dead", 80, dead),
        manifest::service_without_endpoints("empty", 80),
        manifest::grpc_route("origin", HOST, "origin", 80),
        manifest::grpc_route("dead", "dead.test", "dead", 80),
        manifest::grpc_route("empty", "empty.test", "empty", 80),
        manifest::grpc_route("broken", "broken.test", "missing", 80),
    ])
}
