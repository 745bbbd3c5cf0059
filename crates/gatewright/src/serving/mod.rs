//! What the commands share that move traffic: options, logs, metrics, signals.

mod edge;
pub(crate) mod metrics;
pub(crate) mod signal;

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    str::FromStr,
    sync::Arc,
    thread,
    time::Duration,
};

use anyhow::Context;
use clap::ValueEnum;
use gatewright_proxy::{AccessLog, Settings, limits::Limits};
use tracing_subscriber::EnvFilter;

use self::edge::EdgeArgs;
use crate::admin::{self, Admin, Show};

/// Options of every command that serves.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Address to bind the Gateways' ports on; may be given several times [default: every address]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) bind: Vec<IpAddr>,

    /// Threads that serve [default: one per core]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,

    /// What standard output says of each request
    #[arg(long, value_enum, default_value_t = LogRequests::Off)]
    access_log: LogRequests,

    /// What standard error says: error, warn, info, debug, trace, or a filter such as gatewright_proxy=debug
    #[arg(long, value_name = "FILTER", default_value = "info", env = "GATEWRIGHT_LOG")]
    log_level: String,

    /// How standard error says it
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,

    #[command(flatten)]
    edge: EdgeArgs,

    /// Seconds that running requests have to end when the process is told to stop
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) drain_timeout: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogRequests {
    Off,
    /// A line a person can read
    Text,
    /// A JSON object
    Json,
}

impl From<LogRequests> for AccessLog {
    fn from(log: LogRequests) -> Self {
        match log {
            LogRequests::Off => Self::Off,
            LogRequests::Text => Self::Text,
            LogRequests::Json => Self::Json,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl Options {
    /// Sends the process's own log to standard error.
    ///
    /// # Errors
    /// When the filter is none.
    pub(crate) fn log(&self) -> anyhow::Result<()> {
        log(&self.log_level, self.log_format)
    }

    /// Returns how the proxy runs.
    pub(crate) fn settings(&self, port_offset: u16) -> Settings {
        Settings {
            workers: self.workers.map_or_else(cores, usize::from),
            bind: if self.bind.is_empty() { every_address() } else { self.bind.clone() },
            port_offset,
            limits: Limits { drain_timeout: Duration::from_secs(self.drain_timeout), ..Limits::default() },
            edge: self.edge.edge(),
            access_log: self.access_log.into(),
        }
    }
}

/// Sends the process's own log to standard error.
///
/// # Errors
/// When the filter is none.
pub(crate) fn log(level: &str, format: LogFormat) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(level).context("--log-level")?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_target(false);
    match format {
        LogFormat::Text => builder.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Returns the unspecified address of each family that this machine has.
fn every_address() -> Vec<IpAddr> {
    let families: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    families.into_iter().filter(|address| TcpListener::bind((*address, 0)).is_ok()).collect()
}

/// Where the admin listener is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AdminAddress {
    Off,
    On(SocketAddr),
}

impl AdminAddress {
    /// Starts the listener, and returns where it listens.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub(crate) fn start<S: Show>(self, admin: &Arc<Admin<S>>) -> anyhow::Result<Option<SocketAddr>> {
        let Self::On(address) = self else { return Ok(None) };
        let bound = admin::start(admin.clone(), address).with_context(|| {
            format!(
                "cannot listen on {address} for --admin. Is another gatewright running? Give another address, or off"
            )
        })?;
        Ok(Some(bound))
    }
}

impl FromStr for AdminAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            address => address.parse().map(Self::On).map_err(|_| "give ADDRESS:PORT, or off".into()),
        }
    }
}

impl fmt::Display for AdminAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::On(address) => write!(f, "{address}"),
        }
    }
}
