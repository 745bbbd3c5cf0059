//! The gateway that judges meet: the real binary on a folder of manifests, with a judge's own origin behind it.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Stdio,
};

use anyhow::{Context, Result};

use crate::{
    certificate::Authority,
    manifest::{self, Listener},
    process::{self, Process},
};

/// The name that leads to the origin.
pub(super) const HOST: &str = "judge.test";

/// A running gateway and its origin; both end with this.
pub(super) struct Site {
    pub(super) http: SocketAddr,
    pub(super) https: SocketAddr,
    _gatewright: Process,
    _origin: Process,
    _folder: tempfile::TempDir,
}

impl Site {
    /// Starts `judge origin`, and the gateway on the manifests that `manifests` makes for the origin's port.
    pub(super) fn start(binary: &Path, judge: &Path, manifests: impl Fn(u16) -> Result<Vec<String>>) -> Result<Self> {
        let mut command = process::dying_with_us(judge);
        command.arg("origin").stdout(Stdio::piped());
        let mut origin = Process::start("the origin", command)?;
        let address: SocketAddr = origin.read_line()?.trim().parse().context("the origin prints its address first")?;

        let [http, https] = [process::free_port()?, process::free_port()?];
        let listeners = [Listener::http("http", http), Listener::https("https", https, "judge")];
        let mut documents =
            vec![manifest::gateway(&listeners), manifest::certificate("judge", &Authority::new()?.issue(HOST)?)];
        documents.extend(manifests(address.port())?);
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("judge.yaml"), documents.join("---\n"))?;

        let mut command = process::dying_with_us(binary);
        command.arg("run").arg(folder.path()).args(manifest::RUN_ARGUMENTS).stdout(Stdio::null());
        let mut gatewright = Process::start("gatewright", command)?;
        let [http, https] = [http, https].map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        gatewright.wait_for(http)?;
        gatewright.wait_for(https)?;
        Ok(Self { http, https, _gatewright: gatewright, _origin: origin, _folder: folder })
    }
}
