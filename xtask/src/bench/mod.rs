//! `cargo xtask bench`: CPU per request beside nginx, HAProxy and Envoy.
//!
//! Each contender has one pinned core and one worker; the load generator and the origin share the other core. Runs are
//! interleaved, and ratios are taken within a round, so that a slow minute of the machine weighs on all alike.
//! `bench/README.md` describes the method for readers of the figures.

mod load;
mod peer;
mod report;
mod route;
mod scenario;

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Result, bail};

use crate::{build, certificate, origin};
use report::Report;
use scenario::{Measured, Scenario};

/// The proxies have this core for themselves.
const PROXY_CORE: usize = 0;
/// Load generator and origin share this one.
const LOAD_CORE: usize = 1;
/// What every contender is asked for, and what its certificate names.
const HOST: &str = "bench.example.com";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// About a minute instead of eight: fewer and shorter rounds, wider spread
    #[arg(long)]
    quick: bool,
    /// Only the scenarios whose names contain this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Measure this binary instead of building the release
    #[arg(long, value_name = "PATH")]
    gatewright: Option<PathBuf>,
    /// Compare the peers with each other, without Gatewright
    #[arg(long, conflicts_with = "gatewright")]
    peers_only: bool,
    /// Where the report goes as JSON [default: bench.json in the target folder]
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,
}

/// How long and how often everything runs.
#[derive(Clone, Copy)]
struct Pace {
    rounds: usize,
    window: Duration,
    /// Before the first round of a scenario, per contender.
    warm_up: Duration,
}

impl Pace {
    fn of(args: &Args) -> Self {
        let seconds = Duration::from_secs;
        match args.quick {
            true => Self { rounds: 2, window: seconds(1), warm_up: Duration::from_millis(500) },
            false => Self { rounds: 5, window: seconds(3), warm_up: seconds(1) },
        }
    }
}

/// Measures, prints the table, writes the JSON, and fails when a target is missed.
pub(crate) fn run(args: &Args) -> Result<()> {
    let gatewright = if args.peers_only { None } else { Some(build::gatewright(args.gatewright.as_ref())?) };
    peer::require_tools()?;
    let folder = tempfile::tempdir()?;
    let origin = origin::start(LOAD_CORE)?;
    let setup = peer::Setup::new(folder.path(), origin.address, certificate::Authority::new()?.issue(HOST)?)?;
    let peers = peer::start_all(&setup, gatewright.as_ref())?;

    let pace = Pace::of(args);
    let wanted = |scenario: &Scenario| args.only.as_deref().is_none_or(|text| scenario.name.contains(text));
    let mut measured: Vec<Measured> = Vec::new();
    for scenario in scenario::beside_peers().into_iter().filter(wanted) {
        measured.push(scenario.measure(&peers.contenders(), pace)?);
    }
    let versions = peers.versions();
    drop(peers);
    if let Some(binary) = &gatewright {
        for (scenario, layout) in scenario::over_routes().into_iter().filter(|(scenario, _)| wanted(scenario)) {
            let tables = route::start_all(&setup, binary, layout)?;
            measured.push(scenario.measure(&tables.contenders(), pace)?);
        }
    }

    let report = Report::new(versions, pace, measured);
    print!("{}", report.table());
    let path = args.json.clone().unwrap_or_else(|| build::target_folder().join("bench.json"));
    fs::write(&path, report.json()?)?;
    println!("\nJSON: {}", path.display());
    if report.missed() {
        bail!("a target was missed");
    }
    Ok(())
}
