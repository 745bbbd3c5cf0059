//! `cargo xtask faults`: a cluster with Gatewright under a constant load, while what it depends on breaks.
//!
//! Every fault is provoked, none is imitated: processes are killed or stopped, objects are edited in the API server. What
//! counts is what clients saw, and how soon an edit is in force afterwards. Knows nothing of how Gatewright is made.

mod churn;
mod control;
mod data;
mod isolation;
mod object;
mod reader;
mod scale;
mod site;
mod upgrade;
mod watches;
mod wrong;

use std::{path::PathBuf, process::Command, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::{
    build,
    cluster::Cluster,
    load::{self, Counts, Tally},
};
use site::Site;

/// What the load asks for, and what certificates name.
const HOST: &str = "faults.example.com";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which ones; all by default
    #[arg(value_enum)]
    faults: Vec<Fault>,
    /// The cluster, which runs and has Gatewright installed
    #[arg(long, env = "GATEWRIGHT_CLUSTER", default_value = "default")]
    name: String,
    /// Requests per second, over all protocols
    #[arg(long, default_value_t = 300.0)]
    rate: f64,
    /// Gatewright's program of the version before, for the upgrade
    #[arg(long, value_name = "PROGRAM")]
    before: Option<PathBuf>,
    /// Shorten what is long
    #[arg(long)]
    short: bool,
    /// We are in the cluster's network already
    #[arg(long, hide = true)]
    inside: bool,
}

/// What breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Fault {
    /// Every controller is killed (-9) and comes back
    ControllerKilled,
    /// The controller that leads is killed (-9)
    LeaderLost,
    /// The leader hears no more from the API server, and all others do
    LeaderCut,
    /// The API server is away for ten minutes
    ApiServerDown,
    /// The API server restarts several times
    ApiServerRestarts,
    /// etcd stands still for two seconds, again and again
    EtcdSlow,
    /// All proxies are replaced, one after the other
    RollingRestart,
    /// One proxy, three, one
    Scale,
    /// A thousand endpoint changes a second
    EndpointChurn,
    /// A certificate changes a hundred times, once to a bad one
    Certificates,
    /// Routes are edited under load
    RouteEdits,
    /// A route is deleted and made again at once, many times
    RouteRecreated,
    /// All endpoints go and come back
    NoEndpoints,
    /// A Gateway is deleted and made again at once, many times
    GatewayRecreated,
    /// The version before takes over, and this one again; needs --before
    Upgrade,
    /// The proxy starts cold, with 5,000 routes, while no controller is there
    ColdStart,
    /// 5,000 routes in 50 namespaces
    ManyRoutes,
    /// A tenant reads the control channel with its proxy's credentials, and grants begin and end
    Isolation,
    /// What happened is forgotten before the controllers heard of it
    WatchesExpired,
    /// The controllers' connections to the API server fall silent
    WatchesSilent,
    /// An object is let in that the CRD's rules refuse
    InvalidObject,
    /// A kind goes and comes back
    KindGone,
    /// The controllers may not read one kind any more
    Forbidden,
    /// The proxy cannot carry out what it is sent
    RefusedByProxy,
}

const ALL: [Fault; 23] = [
    Fault::RouteEdits,
    Fault::RouteRecreated,
    Fault::Certificates,
    Fault::NoEndpoints,
    Fault::Isolation,
    Fault::WatchesExpired,
    Fault::WatchesSilent,
    Fault::InvalidObject,
    Fault::KindGone,
    Fault::Forbidden,
    Fault::RefusedByProxy,
    Fault::EndpointChurn,
    Fault::RollingRestart,
    Fault::Scale,
    Fault::ControllerKilled,
    Fault::LeaderLost,
    Fault::LeaderCut,
    Fault::EtcdSlow,
    Fault::ApiServerDown,
    Fault::ApiServerRestarts,
    Fault::GatewayRecreated,
    Fault::ColdStart,
    Fault::ManyRoutes,
];

impl Fault {
    /// Whether a proxy is killed in it, as no drain is: whoever asked that one notices.
    fn takes_a_proxy(self) -> bool {
        matches!(self, Self::ColdStart)
    }
}

/// A figure of a fault, and what it may be at most.
#[derive(Debug, Serialize)]
struct Figure {
    name: &'static str,
    value: f64,
    at_most: f64,
}

#[derive(Serialize)]
struct Outcome {
    fault: Fault,
    requests: u64,
    failed: u64,
    figures: Vec<Figure>,
    /// Why it could not be gone through with.
    error: Option<String>,
    failures: Vec<String>,
}

/// Goes through the faults, prints what became of each, and fails when a promise is not kept.
pub(crate) fn run(args: &Args) -> Result<()> {
    let cluster = Cluster::named(&args.name)?;
    cluster.running()?;
    if !args.inside {
        let mut command = cluster.inside(std::env::current_exe()?);
        command.args(std::env::args_os().skip(1)).arg("--inside").env("KUBECONFIG", cluster.kubeconfig("admin"));
        return finish(&mut command);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut faults = if args.faults.is_empty() { ALL.to_vec() } else { args.faults.clone() };
    if args.faults.is_empty() && args.before.is_some() {
        faults.push(Fault::Upgrade);
    }
    let mut outcomes = Vec::new();
    runtime.block_on(async {
        let site = Site::create(cluster).await.context("the site is not served")?;
        for fault in faults {
            let outcome = meet(fault, &site, args).await;
            println!("{}", outcome.line());
            outcome.failures.iter().for_each(|failure| println!("  ! {failure}"));
            outcomes.push(outcome);
        }
        anyhow::Ok(())
    })?;
    let path = build::target_folder().join("faults.json");
    std::fs::write(&path, serde_json::to_string_pretty(&outcomes)? + "\n")?;
    println!("JSON: {}", path.display());
    let missed = outcomes.iter().filter(|outcome| !outcome.is_good()).count();
    ensure!(missed == 0, "{missed} of {} faults did harm", outcomes.len());
    Ok(())
}

fn finish(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(status.success(), "faults: see above");
    Ok(())
}

/// Lets one fault happen under load.
async fn meet(fault: Fault, site: &Site, args: &Args) -> Outcome {
    eprintln!("{fault:?} ...");
    let tally = Arc::new(Tally::default());
    tally.enter(format!("{fault:?}"));
    let load = match load::start(site.target, site.trust.clone(), tally.clone(), args.rate) {
        Ok(load) => load,
        Err(error) => return Outcome::new(fault, Err(error), tally.counts()),
    };
    let figures = provoke(fault, site, args).await;
    let stopped = load.stop();
    Outcome::new(fault, figures.and_then(|figures| stopped.map(|()| figures)), tally.counts())
}

async fn provoke(fault: Fault, site: &Site, args: &Args) -> Result<Vec<Figure>> {
    let of = |long: u64, brief: u64| if args.short { brief } else { long };
    match fault {
        Fault::ControllerKilled => control::controllers_killed(site).await,
        Fault::LeaderLost => control::leader_lost(site).await,
        Fault::LeaderCut => watches::leader_cut(site).await,
        Fault::ApiServerDown => control::api_server_down(site, Duration::from_secs(of(600, 20))).await,
        Fault::ApiServerRestarts => control::api_server_restarts(site, of(20, 3)).await,
        Fault::EtcdSlow => control::etcd_slow(site, of(12, 4)).await,
        Fault::RollingRestart => data::rolling_restarts(site, of(3, 1)).await,
        Fault::Scale => data::scale(site).await,
        Fault::EndpointChurn => churn::endpoints(site, Duration::from_secs(of(60, 10))).await,
        Fault::Certificates => churn::certificates(site, of(100, 20)).await,
        Fault::RouteEdits => churn::routes(site, of(1000, 50)).await,
        Fault::RouteRecreated => churn::routes_recreated(site, of(100, 20)).await,
        Fault::NoEndpoints => churn::no_endpoints(site).await,
        Fault::GatewayRecreated => data::gateway_recreated(site, of(100, 10)).await,
        Fault::Upgrade => upgrade::there_and_back(site, args.before.as_deref()).await,
        Fault::ColdStart => data::cold_start(site, of(5000, 500)).await,
        Fault::Isolation => isolation::tenants(site).await,
        Fault::WatchesExpired => watches::expired(site).await,
        Fault::WatchesSilent => watches::silent(site).await,
        Fault::InvalidObject => wrong::invalid_object(site).await,
        Fault::KindGone => wrong::kind_gone(site).await,
        Fault::Forbidden => wrong::forbidden(site).await,
        Fault::RefusedByProxy => wrong::refused_by_proxy(site).await,
        Fault::ManyRoutes => scale::many_routes(site, of(5000, 500)).await,
    }
}

impl Outcome {
    fn new(fault: Fault, figures: Result<Vec<Figure>>, counts: Counts) -> Self {
        let (requests, failed) = (counts.answered() + counts.failed(), counts.failed());
        let (figures, error) = match figures {
            Ok(figures) => (figures, None),
            Err(error) => (Vec::new(), Some(format!("{error:#}"))),
        };
        Self { fault, requests, failed, figures, error, failures: counts.failures }
    }

    fn is_good(&self) -> bool {
        self.error.is_none()
            && (self.failed == 0 || self.fault.takes_a_proxy())
            && self.figures.iter().all(|figure| figure.value <= figure.at_most)
    }

    fn line(&self) -> String {
        let verdict = if self.is_good() { "ok    " } else { "FAILED" };
        let mut line = format!("{verdict} {:?}: {} requests, {} failed", self.fault, self.requests, self.failed);
        for Figure { name, value, at_most } in &self.figures {
            line += &format!("; {name} {value:.3} (at most {at_most})");
        }
        if let Some(error) = &self.error {
            line += &format!("; {error}");
        }
        line
    }
}
