//! `gatewright run`: manifests in force, for as long as the process lives.

mod announce;
mod example;
mod metrics;
mod serve;
mod setup;
mod signal;

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    str::FromStr,
    sync::{Arc, Mutex, mpsc},
    time::Instant,
};

use anyhow::Context;
use clap::ValueEnum;
use gatewright_proxy::{AccessLog, Proxy};

use super::{check::Channel, edge::EdgeArgs};
use crate::{
    admin::{self, Admin},
    judge::Judge,
    manifest::{Sources, Turn, Watch},
    output,
};
use serve::Server;
pub(crate) use setup::log;

/// Serve manifests, and follow their changes
///
/// An edit is in force within milliseconds; requests under way end as they began. What cannot be read or is not valid
/// leaves the last good version in force, and `gatewright status` says why.
///
/// SIGHUP reads every file again. SIGTERM and SIGINT let running requests end, then stop.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Files and folders with manifests (.yaml, .yml, .json); without any, a built-in example is served
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Read the folders in folders, too
    #[arg(short = 'R', long, requires = "paths")]
    recursive: bool,

    /// Which CRDs of the Gateway API the manifests are checked against
    #[arg(long, value_enum, default_value_t = Channel::Experimental)]
    channel: Channel,

    /// Address to bind the Gateways' ports on; may be given several times [default: every address, of the built-in
    /// example 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    bind: Vec<IpAddr>,

    /// Added to ports below 1024: 80 is then served on 10080. `auto` adds 10000 when this process may not bind such ports
    #[arg(long, value_name = "NUMBER", default_value = "auto")]
    port_offset: PortOffset,

    /// Threads that serve [default: one per core]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,

    /// Address for health, metrics, Plan and status, or `off`
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:19000")]
    admin: AdminAddress,

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
    drain_timeout: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PortOffset {
    Auto,
    Fixed(u16),
}

impl FromStr for PortOffset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            // A port below 1024 and the offset must make a port.
            number => match number.parse() {
                Ok(offset @ 0..=64_512) => Ok(Self::Fixed(offset)),
                _ => Err("give a number from 0 to 64512, or auto".into()),
            },
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AdminAddress {
    Off,
    On(SocketAddr),
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

impl fmt::Display for AdminAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::On(address) => write!(f, "{address}"),
        }
    }
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    log(&args.log_level, args.log_format)?;
    let is_example = args.paths.is_empty();
    let (sender, wakes) = mpsc::channel();
    let mut watch = Watch::new(sender.clone(), wakes);
    signal::listen(sender)?;

    let settings = setup::proxy(&args, is_example);
    let port_offset = settings.port_offset;
    let bind = settings.bind.clone();
    let proxy = Proxy::start(settings).context("cannot start the workers")?;
    let (metrics, registry) = metrics::Metrics::register(proxy.observer());
    let mut judge = Judge::new(Sources { paths: args.paths, recursive: args.recursive }, args.channel.into());
    if is_example {
        example::load(&mut judge)?;
    }
    let mut refresh = judge.refresh(Some(&mut watch));
    let judge = Arc::new(Mutex::new(judge));
    let reporting = judge.clone();
    let admin = Arc::new(Admin::new(registry, move || {
        let draft = serve::lock(&reporting).draft();
        draft.finish()
    }));
    let admin_address = match args.admin {
        AdminAddress::Off => None,
        AdminAddress::On(address) => Some(admin::start(admin.clone(), address).with_context(|| {
            format!(
                "cannot listen on {address} for --admin. Is another gatewright running? Give another address, or off"
            )
        })?),
    };
    let mut server = Server::new(judge, proxy, admin, metrics, bind);
    let summary = server.apply(Instant::now())?;
    output::news(&announce::summary(&summary, port_offset, admin_address, is_example));
    loop {
        let turn = watch.wait(refresh.again);
        let since = Instant::now();
        match turn {
            Turn::Stop => break,
            Turn::Reload => server.reload(),
            Turn::Rescan => {}
        }
        refresh = server.refresh(&mut watch);
        if refresh.is_changed || server.has_failed_ports() {
            server.apply(since)?;
        }
    }
    tracing::info!("draining: running requests have {} s to end; a second signal stops at once", args.drain_timeout);
    server.drain();
    Ok(ExitCode::SUCCESS)
}
