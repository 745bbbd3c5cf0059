//! `gatewright proxy`: the data plane of a cluster, which gets its Plan from the controller.

mod cache;
mod cluster;
mod news;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use gatewright_proxy::Proxy;
use gatewright_xds::{TlsDial, Trust};

use crate::{
    admin::{Admin, Audience, DataPlane},
    report::StatusReport,
    serving::{self, AdminAddress},
};
use cache::Cache;
use cluster::Cluster;
use news::News;

/// Serve what a controller sends
///
/// The Plan comes over TLS and stays in force when the controller is away. It is kept in --cache-dir, too, without keys,
/// so that the next process can start without a controller.
///
/// SIGTERM ends readiness, goes on serving for --min-drain, lets running requests end, then stops.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The controller: https://HOST:PORT
    #[arg(long, value_name = "URL", value_parser = address)]
    control_plane: String,

    /// What the controller's certificate must be for [default: the host of --control-plane]
    #[arg(long, value_name = "NAME")]
    control_plane_name: Option<String>,

    /// PEM certificates of the CA that vouches for the controller; read for every connection
    #[arg(long, value_name = "FILE")]
    ca_file: PathBuf,

    /// The token to show to the controller; read for every connection
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,

    /// Folder for the last good Plan, best in memory: it holds no TLS keys, but where everything is
    #[arg(long, value_name = "FOLDER")]
    cache_dir: Option<PathBuf>,

    /// What this proxy is called in the controller's logs
    #[arg(long, value_name = "NAME", env = "POD_NAME", default_value = "")]
    node: String,

    /// Added to ports below 1024: 80 is then served on 10080
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000, value_parser = clap::value_parser!(u16).range(0..=64_512))]
    port_offset: u16,

    /// Address for health and metrics, or `off`; the Plan is shown to this machine alone
    #[arg(long, value_name = "ADDRESS", default_value_t = AdminAddress::On(SocketAddr::from(([0, 0, 0, 0], 19_000))))]
    admin: AdminAddress,

    /// Seconds to go on serving, once told to stop, until nobody sends anything new
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    min_drain: u64,

    #[command(flatten)]
    serving: serving::Options,
}

/// Returns `host:port` of a URL.
fn address(url: &str) -> Result<String, String> {
    let wanted = || "give https://HOST:PORT".to_owned();
    let rest = url.strip_prefix("https://").ok_or_else(wanted)?;
    let address = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = address.rsplit_once(':').ok_or_else(wanted)?;
    match port.parse::<u16>() {
        Ok(1..) if !host.is_empty() && !host.contains('/') => Ok(address.into()),
        _ => Err(wanted()),
    }
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    args.serving.log()?;
    let proxy = Proxy::start(args.serving.settings(args.port_offset)).context("cannot start the workers")?;
    let (metrics, registry) = cluster::Metrics::register(proxy.observer());
    let admin = Arc::new(Admin::new(registry, Audience::LocalBeyondHealth, DataPlane::new(StatusReport::default)));
    if let Some(address) = args.admin.start(&admin)? {
        tracing::info!("http://{address}/ for health and metrics");
    }
    let mut cluster = Cluster::new(proxy, admin, metrics, args.cache_dir.map(Cache::new));
    let known = cluster.start_from_cache()?;
    let dial = TlsDial {
        address: args.control_plane,
        name: args.control_plane_name,
        trust: Trust::File(args.ca_file),
        token: args.token_file,
    };
    let min_drain = Duration::from_secs(args.min_drain);
    let mut channel = news::listen(dial, args.node, known, min_drain)?;
    while let Some(news) = channel.next() {
        match news {
            News::Piece { added, removed } => cluster.take(&added, &removed),
            News::Complete(version) => cluster.complete(version)?,
            News::Connected(is_connected) => cluster.connected(is_connected),
            News::Tick => cluster.tick()?,
            News::Stop => {
                tracing::info!("told to stop: serving for {min_drain:?} until nobody sends anything new");
                cluster.wind_down();
            }
            News::Drain => break,
        }
        if let Some(acknowledgement) = cluster.acknowledgement() {
            channel.acknowledge(acknowledgement);
        }
    }
    tracing::info!("draining: running requests have {} s to end", args.serving.drain_timeout);
    cluster.drain();
    Ok(ExitCode::SUCCESS)
}
