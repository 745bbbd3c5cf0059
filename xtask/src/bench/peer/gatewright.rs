//! Gatewright, from this tree.

use std::{fs, path::Path, process::Stdio};

use anyhow::Result;

use super::{Peer, Ports, Setup};
use crate::{build::Program, manifest};

pub(super) fn start(setup: &Setup<'_>, program: &Program) -> Result<Peer> {
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
    start_on("gatewright", &folder, program, ports)
}

/// Starts a process that serves the manifests in `folder`.
pub(crate) fn start_on(name: &str, folder: &Path, program: &Program, ports: Ports) -> Result<Peer> {
    let mut command = super::pinned(&program.path);
    command.arg("run").arg(folder).args(manifest::RUN_ARGUMENTS).args(["--workers", "1"]).stdout(Stdio::null());
    super::start(name, program.source.clone(), command, ports)
}
