//! `gatewright controller`: serves a cluster's Gateways.

mod health;

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, anyhow};
use gatewright_controller::{Settings, Vitals};
use kube::{Client, Config};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use self::health::Health;
use crate::{
    admin::{Admin, Audience},
    inspect::INSPECT,
    serving::{self, AdminAddress, LogFormat, log},
};

/// Serve the Gateways of a Kubernetes cluster
///
/// Watches the objects of the Gateway API, writes their status, provisions data planes and sends them their Plans. Finds
/// the API server as kubectl does, or by the Pod's ServiceAccount. `gatewright install` runs it in a cluster.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of a controller whose GatewayClasses are served; may be given several times
    #[arg(long = "controller-name", value_name = "NAME", default_value = "gatewright.dev/gateway-controller")]
    controller_names: Vec<String>,

    /// Namespace that the controller is in
    #[arg(long, env = "POD_NAMESPACE", default_value = "gatewright-system")]
    namespace: String,

    /// Name of this Pod; no two controllers have the same
    #[arg(long, value_name = "NAME", env = "POD_NAME")]
    pod_name: String,

    /// Address at which other controllers reach this one
    #[arg(long, value_name = "ADDRESS", env = "POD_IP")]
    pod_address: IpAddr,

    /// Image of the proxies
    #[arg(long = "proxy-image", value_name = "IMAGE", default_value = concat!("gatewright/gatewright:", env!("CARGO_PKG_VERSION")))]
    image: String,

    /// Address on which proxies are served
    #[arg(long, value_name = "ADDRESS", default_value = "[::]:18000")]
    listen: SocketAddr,

    /// Address for health and metrics, or `off`
    #[arg(long, value_name = "ADDRESS", default_value_t = AdminAddress::On(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 19_000))))]
    admin: AdminAddress,

    /// Token that is shown to the controller that leads
    #[arg(long, value_name = "FILE", default_value = "/var/run/secrets/gatewright/token")]
    token_file: PathBuf,

    /// What standard error says: error, warn, info, debug, trace, or a filter such as gatewright_controller=debug
    ///
    /// The client's own complaints are left out by default: what cannot be reached is said once, by what needs it.
    #[arg(long, value_name = "FILTER", default_value = "info,kube_client=off", env = "GATEWRIGHT_LOG")]
    log_level: String,

    /// How standard error says it
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

/// How long a connection to the API server may take to be made. The kernel tries ever more seldom: a new connection after
/// a few seconds finds an API server that is back long before an old one does.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection to the API server may be silent. A watch is ended by the API server before that, so that what
/// is longer silent is dead, and nobody waits for it for ever.
const SILENCE_MAX: Duration = Duration::from_secs(50);

/// How long the API server may leave what is sent to it unread.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

async fn client() -> anyhow::Result<Client> {
    let mut config = Config::infer().await?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(SILENCE_MAX);
    config.write_timeout = Some(WRITE_TIMEOUT);
    Ok(Client::try_from(config)?)
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    // What the client fails at is told by whoever asked it, once.
    log(&format!("kube_client=off,{}", args.log_level), args.log_format)?;
    // More than one provider is linked in nowhere; the client asks for the process's.
    let _ = rustls::crypto::CryptoProvider::install_default(rustls::crypto::aws_lc_rs::default_provider());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let client = client().await.context("cannot find the API server")?;
        let (stopping, stop) = watch::channel(false);
        let vitals = Arc::new(Vitals::default());
        let mut metrics = serving::metrics::registry();
        vitals.register(metrics.sub_registry_with_prefix("gatewright"));
        let health = Health { vitals: vitals.clone(), stop: stop.clone() };
        let admin = Arc::new(Admin::new(metrics, Audience::LocalBeyondHealth, health));
        if let Some(address) = args.admin.start(&admin)? {
            tracing::info!("http://{address}/ for health and metrics");
        }
        let mut term = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::spawn(async move {
            tokio::select! {
                _ = term.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("stopping: the Lease is given back");
            // Whoever listens is gone when this fails.
            let _ = stopping.send(true);
        });
        let settings = Settings {
            controller_names: args.controller_names,
            inspect: INSPECT,
            namespace: args.namespace,
            name: args.pod_name,
            listen: args.listen,
            address: args.pod_address,
            image: args.image,
            token: args.token_file,
            vitals,
        };
        gatewright_controller::run(client, settings, stop).await.map_err(|error| anyhow!(error))?;
        Ok(ExitCode::SUCCESS)
    })
}
