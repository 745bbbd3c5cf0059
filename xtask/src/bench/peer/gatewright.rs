//! Gatewright, from this tree.

use std::{fs, path::Path};

use anyhow::Result;

use super::{Peer, Ports, Setup};
use crate::{build, manifest};

pub(super) fn start(setup: &Setup<'_>, binary: &Path) -> Result<Peer> {
    let folder = setup.folder.join("gatewright");
    let ports = Ports::free()?;
    let manifests = [
        manifest::gateway(&ports.listeners()),
        setup.secret(),
        manifest::service("origin", 80, setup.origin.port()),
        manifest::route("all", None, "/", "origin", 80),
    ];
    fs::create_dir(&folder)?;
    fs::write(folder.join("gateway.yaml"), manifests.join("---\n"))?;
    start_on("gatewright", &folder, binary, ports)
}

/// Starts a process that serves the manifests in `folder`.
pub(crate) fn start_on(name: &str, folder: &Path, binary: &Path, ports: Ports) -> Result<Peer> {
    let mut command = super::pinned(binary);
    command.arg("run").arg(folder).args(manifest::RUN_ARGUMENTS).args(["--workers", "1"]);
    super::start(name, format!("gatewright {}", build::commit()), command, ports)
}
