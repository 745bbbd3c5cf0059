//! From what was typed to how the parts run.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener},
    thread,
    time::Duration,
};

use anyhow::Context;
use gatewright_proxy::{Settings, limits::Limits};
use tracing_subscriber::{EnvFilter, fmt};

use super::{Args, LogFormat, PortOffset};

/// Added to ports below 1024 where they may not be bound: beyond the 8080 and 8443 that manifests like to name.
const PORT_OFFSET_AUTO: u16 = 10_000;

/// Sends the process's own log to standard error.
pub(crate) fn log(level: &str, format: LogFormat) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(level).context("--log-level")?;
    let builder = fmt().with_env_filter(filter).with_writer(io::stderr).with_target(false);
    match format {
        LogFormat::Text => builder.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}

pub(super) fn proxy(args: &Args, is_example: bool) -> Settings {
    let bind = match (args.bind.as_slice(), is_example) {
        ([], true) => vec![Ipv4Addr::LOCALHOST.into()],
        ([], false) => every_address(),
        (given, _) => given.to_vec(),
    };
    Settings {
        workers: args.workers.map_or_else(cores, usize::from),
        bind,
        port_offset: match args.port_offset {
            PortOffset::Fixed(offset) => offset,
            PortOffset::Auto if may_bind_low_ports() => 0,
            PortOffset::Auto => PORT_OFFSET_AUTO,
        },
        limits: Limits { drain_timeout: Duration::from_secs(args.drain_timeout), ..Limits::default() },
        edge: args.edge.edge(),
        access_log: args.access_log.into(),
    }
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Returns the unspecified address of each family that this machine has.
fn every_address() -> Vec<IpAddr> {
    let families: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    families.into_iter().filter(|address| TcpListener::bind((*address, 0)).is_ok()).collect()
}

/// Asks the kernel by trying: only a refusal for want of permission counts, for the port itself may be taken.
fn may_bind_low_ports() -> bool {
    const LOW_PORT: u16 = 1023;
    !matches!(TcpListener::bind((Ipv4Addr::LOCALHOST, LOW_PORT)), Err(error) if error.kind() == io::ErrorKind::PermissionDenied)
}
