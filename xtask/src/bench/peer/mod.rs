//! The contenders: how each is configured to do the same work, and how it is started.
//!
//! Every peer is tuned up as its own documentation recommends, never down. `bench/README.md` lists what each is told
//! and why.

mod envoy;
mod gatewright;
mod haproxy;
mod nginx;

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::PROXY_CORE;
use crate::{
    build::{self, Program},
    certificate::Certificate,
    manifest::{self, Listener},
    process::{self, Process},
};

pub(crate) use gatewright::start_on as start_gatewright_on;

/// Connections that a proxy may keep to the origin; above the most that any scenario can use.
const UPSTREAM_CONNECTIONS: usize = 1024;

/// What every contender is told, besides its own ports.
pub(crate) struct Setup<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) origin: SocketAddr,
    certificate: PathBuf,
    key: PathBuf,
    /// The chain and the key in one file, as HAProxy wants them.
    bundle: PathBuf,
    pair: Certificate,
}

/// Where a contender listens on loopback.
pub(crate) struct Ports {
    pub(crate) http1: u16,
    pub(crate) h2c: u16,
    pub(crate) https: u16,
}

/// A running contender.
pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) ports: Ports,
    pub(crate) process: Process,
    /// For wrk: which hosts and paths to ask for.
    pub(crate) script: Option<PathBuf>,
}

pub(crate) struct Peers(pub(crate) Vec<Peer>);

/// What a scenario needs of a running contender.
pub(crate) struct Contender<'a> {
    pub(crate) name: &'a str,
    pub(crate) ports: &'a Ports,
    pub(crate) process: &'a Process,
    pub(crate) script: Option<&'a Path>,
}

impl<'a> Setup<'a> {
    pub(crate) fn new(folder: &'a Path, origin: SocketAddr, pair: Certificate) -> Result<Self> {
        let file = |name: &str, content: &str| -> Result<PathBuf> {
            let path = folder.join(name);
            fs::write(&path, content)?;
            Ok(path)
        };
        Ok(Self {
            folder,
            origin,
            certificate: file("certificate.pem", &pair.chain)?,
            key: file("key.pem", &pair.key)?,
            bundle: file("bundle.pem", &format!("{}{}", pair.chain, pair.key))?,
            pair,
        })
    }

    /// The certificate as the Secret that [`Ports::listeners`] names.
    pub(crate) fn secret(&self) -> String {
        manifest::certificate("certificate", &self.pair)
    }

    /// Writes a contender's configuration and returns where it is.
    fn configure(&self, name: &str, content: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        fs::write(&path, content)?;
        Ok(path)
    }
}

impl Ports {
    pub(crate) fn free() -> Result<Self> {
        Ok(Self { http1: process::free_port()?, h2c: process::free_port()?, https: process::free_port()? })
    }

    /// The same as listeners of a Gateway; Gatewright tells HTTP/1.1 from h2c by itself.
    pub(crate) fn listeners(&self) -> [Listener; 3] {
        [
            Listener::http("http1", self.http1),
            Listener::http("h2c", self.h2c),
            Listener::https("https", self.https, "certificate"),
        ]
    }
}

impl Peer {
    fn contender(&self) -> Contender<'_> {
        let Self { name, ports, process, script, .. } = self;
        Contender { name, ports, process, script: script.as_deref() }
    }
}

impl Peers {
    pub(crate) fn contenders(&self) -> Vec<Contender<'_>> {
        self.0.iter().map(Peer::contender).collect()
    }

    pub(crate) fn versions(&self) -> Vec<(String, String)> {
        self.0.iter().map(|peer| (peer.name.clone(), peer.version.clone())).collect()
    }
}

/// Says which Debian packages are missing, or installs what comes from elsewhere.
pub(crate) fn require_tools() -> Result<()> {
    let tools = [
        ("nginx", "nginx"),
        ("haproxy", "haproxy"),
        ("wrk", "wrk"),
        ("h2load", "nghttp2-client"),
        ("python3", "python3-venv"),
        ("taskset", "util-linux"),
        ("setpriv", "util-linux"),
    ];
    let missing: Vec<&str> =
        tools.iter().filter(|(tool, _)| !is_installed(tool)).map(|(_, package)| *package).collect();
    if !missing.is_empty() {
        bail!("programs are missing; on Debian: apt-get install --no-install-recommends {}", missing.join(" "));
    }
    if std::thread::available_parallelism()?.get() < 2 {
        bail!("two cores are needed: one for the proxy, one for load generator and origin");
    }
    envoy::install()
}

/// Starts all contenders, Gatewright first when its binary is given.
pub(crate) fn start_all(setup: &Setup<'_>, gatewright: Option<&Program>) -> Result<Peers> {
    let mut peers = Vec::new();
    if let Some(program) = gatewright {
        peers.push(gatewright::start(setup, program)?);
    }
    peers.push(nginx::start(setup)?);
    peers.push(haproxy::start(setup)?);
    peers.push(envoy::start(setup)?);
    Ok(Peers(peers))
}

/// Starts a configured program on the proxies' core and waits until it listens.
fn start(name: &str, version: String, command: Command, ports: Ports) -> Result<Peer> {
    let mut process = Process::start(name, command)?;
    for port in [ports.http1, ports.h2c, ports.https] {
        process.wait_for((Ipv4Addr::LOCALHOST, port).into())?;
    }
    Ok(Peer { name: name.into(), version, ports, process, script: None })
}

fn pinned(program: impl AsRef<std::ffi::OsStr>) -> Command {
    process::pinned(PROXY_CORE, program)
}

/// Returns the first line that a program says about itself.
fn version(program: &str, argument: &str) -> Result<String> {
    let text = build::output(program, &[argument])?;
    Ok(text.lines().find(|line| !line.trim().is_empty()).context("a program names its version")?.trim().into())
}

fn is_installed(tool: &str) -> bool {
    build::output("which", &[tool]).is_ok()
}
