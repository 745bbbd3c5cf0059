//! `gatewright run`: manifests in force, for as long as the process lives.

mod announce;
mod example;
mod metrics;
mod serve;

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    process::ExitCode,
    str::FromStr,
    sync::{Arc, Mutex, mpsc},
    time::Instant,
};

use anyhow::Context;
use gatewright_proxy::Proxy;

use super::check::Channel;
use crate::{
    admin::{Admin, Audience, DataPlane},
    judge::Judge,
    manifest::{Sources, Turn, Wake, Watch},
    output,
    serving::{
        self, AdminAddress,
        signal::{self, Signal},
    },
};
use serve::Server;

/// Added to ports below 1024 where they may not be bound: beyond the 8080 and 8443 that manifests like to name.
const PORT_OFFSET_AUTO: u16 = 10_000;

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

    /// Added to ports below 1024: 80 is then served on 10080. `auto` adds 10000 when this process may not bind such ports
    #[arg(long, value_name = "NUMBER", default_value = "auto")]
    port_offset: PortOffset,

    /// Address for health, metrics, Plan and status, or `off`
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:19000")]
    admin: AdminAddress,

    #[command(flatten)]
    serving: serving::Options,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PortOffset {
    Auto,
    Fixed(u16),
}

impl PortOffset {
    fn number(self) -> u16 {
        match self {
            Self::Fixed(offset) => offset,
            Self::Auto if may_bind_low_ports() => 0,
            Self::Auto => PORT_OFFSET_AUTO,
        }
    }
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

/// Asks the kernel by trying: only a refusal for want of permission counts, for the port itself may be taken.
fn may_bind_low_ports() -> bool {
    const LOW_PORT: u16 = 1023;
    !matches!(TcpListener::bind((Ipv4Addr::LOCALHOST, LOW_PORT)), Err(error) if error.kind() == io::ErrorKind::PermissionDenied)
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    args.serving.log()?;
    let is_example = args.paths.is_empty();
    let (sender, wakes) = mpsc::channel();
    let mut watch = Watch::new(sender.clone(), wakes);
    signal::listen(move |signal| {
        // The main loop is gone only when it is stopping already.
        let _ = sender.send(match signal {
            Signal::Stop => Wake::Stop,
            Signal::Reload => Wake::Reload,
        });
    })?;

    let mut settings = args.serving.settings(args.port_offset.number());
    if is_example && args.serving.bind.is_empty() {
        settings.bind = vec![Ipv4Addr::LOCALHOST.into()];
    }
    let port_offset = settings.port_offset;
    // No Service stands in front: what is bound is what clients connect to.
    settings.edge.seen_port_offset = port_offset;
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
    let shown = DataPlane::new(move || {
        let draft = serve::lock(&reporting).draft();
        draft.finish()
    });
    let admin = Arc::new(Admin::new(registry, Audience::Everybody, shown));
    let admin_address = args.admin.start(&admin)?;
    let mut server = Server::new(judge, proxy, admin, metrics, bind);
    let summary = server.apply(Instant::now())?;
    server.warn_of_unknown_fields();
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
        if refresh.is_changed {
            server.warn_of_unknown_fields();
        }
    }
    tracing::info!(
        "draining: running requests have {} s to end; a second signal stops at once",
        args.serving.drain_timeout
    );
    server.drain();
    Ok(ExitCode::SUCCESS)
}
