//! `cargo xtask changes`: a thousand edits under load, none of which may cost a request.
//!
//! Each edit is written to the folder as people and tools do, and looked for from outside, on new connections, until
//! every worker shows it. The command refuses to know how the gateway watches or compiles.

mod edit;
mod observe;
mod origin;
mod report;
mod site;
#[cfg(test)]
mod tests;

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use crate::{
    build,
    certificate::Authority,
    load::{self, Tally, Target},
    manifest,
    process::{self, Process},
};
use edit::{Edit, Sign, TURN};
use observe::Observer;
use report::{InForce, Promise, Report};
use site::{Ports, Site};

/// What the load asks for, and what certificates name.
const HOST: &str = "changes.example.com";

/// From one edit to the next, at least.
const EDIT_INTERVAL: Duration = Duration::from_millis(50);

#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(long, default_value_t = 1000)]
    edits: u32,
    /// Requests per second, over all protocols
    #[arg(long, default_value_t = 2000.0)]
    rate: f64,
    /// Fail when fewer were made; the load goes on after the last edit until then
    #[arg(long, default_value_t = 100_000)]
    requests: u64,
    /// Fail when the 99th percentile of edits takes longer to be in force
    #[arg(long, value_name = "MS", default_value_t = 50.0)]
    at_most: f64,
    /// Measure this binary instead of building the release
    #[arg(long, value_name = "PATH")]
    gatewright: Option<PathBuf>,
    /// Where the report goes as JSON [default: changes.json in the target folder]
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,
}

/// Starts everything, edits under load, prints the table, writes the JSON, and fails when a promise is not kept.
pub(crate) fn run(args: &Args) -> Result<()> {
    let gatewright = build::gatewright(args.gatewright.as_ref())?;
    process::raise_descriptor_limit()?;
    let folder = tempfile::tempdir()?;
    let authority = Authority::new()?;
    let ports = Ports { http: process::free_port()?, https: process::free_port()? };
    let mut site = Site::create(folder.path(), origin::start()?, ports, authority.issue(HOST)?)?;
    let _process = start(&gatewright.path, folder.path(), ports)?;

    let tls = authority.http2_client()?;
    let observer = Observer { tls: tls.clone() };
    let first = Sign::Served { port: ports.http, path: "/probe", edit: 0 };
    if observer.wait(&first, Instant::now()).is_none() {
        bail!("the first manifests were never in force");
    }
    let tally = Arc::new(Tally::default());
    let target = Target {
        address: Ipv4Addr::LOCALHOST.into(),
        http: ports.http,
        https: ports.https,
        host: HOST,
        may_go: false,
        lasts: false,
    };
    let load = load::start(target, tls, tally.clone(), args.rate)?;
    let in_force = edit_all(args.edits, &mut site, ports, &authority, &observer, &tally)?;
    tally.enter("rest".into());
    while tally.answered() < args.requests && load.is_running() {
        thread::sleep(EDIT_INTERVAL);
    }
    load.stop()?;

    let report = Report::new(gatewright.source, in_force, tally.counts());
    print!("{}", report.table());
    let path = args.json.clone().unwrap_or_else(|| build::target_folder().join("changes.json"));
    fs::write(&path, report.json()?)?;
    println!("JSON: {}", path.display());
    let missed = report.missed(&Promise { requests_min: args.requests, in_force_ms_max: args.at_most });
    if !missed.is_empty() {
        bail!("{}", missed.join("; "));
    }
    Ok(())
}

fn start(binary: &Path, folder: &Path, ports: Ports) -> Result<Process> {
    let mut command = process::dying_with_us(binary);
    command.arg("run").arg(folder).args(manifest::RUN_ARGUMENTS).stdout(Stdio::null());
    let mut gatewright = Process::start("gatewright", command)?;
    gatewright.wait_for((Ipv4Addr::LOCALHOST, ports.http).into())?;
    gatewright.wait_for((Ipv4Addr::LOCALHOST, ports.https).into())?;
    Ok(gatewright)
}

fn edit_all(
    edits: u32,
    site: &mut Site,
    ports: Ports,
    authority: &Authority,
    observer: &Observer,
    tally: &Tally,
) -> Result<InForce> {
    let mut in_force = InForce::default();
    for (number, edit) in (1..=edits).zip(TURN.into_iter().cycle()) {
        let begin = Instant::now();
        tally.enter(format!("edit {number} ({edit:?})"));
        let sign = edit::apply(edit, number, site, ports, authority)?;
        let written = Instant::now();
        if edit == Edit::Break {
            // Nothing will show: the gateway is given its time to notice, and must then serve what it served.
            thread::sleep(EDIT_INTERVAL);
        }
        match observer.wait(&sign, written) {
            Some(_) if edit == Edit::Break => {}
            Some(after) => in_force.milliseconds.entry(edit).or_default().push(after.as_secs_f64() * 1e3),
            None => in_force.never.push(format!("edit {number}: {sign:?}")),
        }
        in_force.edits += 1;
        thread::sleep(EDIT_INTERVAL.saturating_sub(begin.elapsed()));
        if number % 100 == 0 {
            eprintln!("  {number} edits, {} requests", tally.answered());
        }
    }
    Ok(in_force)
}
