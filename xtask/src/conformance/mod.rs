//! `cargo xtask conformance`: the official suite of the Gateway API, unmodified, against Gatewright in a cluster.
//!
//! Installs Gatewright as its users do, and lets the suite ask its GatewayClass what to test. Knows no test by name.

mod install;
mod report;
#[cfg(test)]
mod tests;

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, ensure};

use crate::{
    build,
    cluster::{Channel, Cluster, image, program},
};

/// The class that `gatewright install` makes.
const CLASS: &str = "gatewright";
/// The version of the suite, and of the CRDs.
const API_VERSION: &str = "v1.7.0";
/// One of the addresses that only who asks for them gets, and one that nobody gets.
const USABLE_ADDRESS: &str = "198.51.100.200";
const UNUSABLE_ADDRESS: &str = "203.0.113.1";
/// Tests mostly wait. More at once would make them wait for each other's pods.
const PARALLEL: &str = "-test.parallel=4";
/// Many times what a run takes when nothing fails; a failing test waits out its minutes.
const PATIENCE: &str = "-test.timeout=60m";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A profile to run; may be given several times
    #[arg(long = "profile", value_name = "PROFILE", default_values = PROFILES)]
    profiles: Vec<String>,
    /// Run one test alone, which makes no report
    #[arg(long, value_name = "NAME")]
    test: Option<String>,
    /// Which of the Gateway API's CRDs
    #[arg(long, value_enum, default_value_t)]
    channel: Channel,
    /// The cluster to run it in
    #[arg(long, default_value = "conformance")]
    name: String,
    /// Take the cluster as it is if it runs, and leave it running
    #[arg(long)]
    reuse: bool,
    /// Keep the report of all default profiles in conformance/reports
    #[arg(long, conflicts_with = "test")]
    keep: bool,
    #[command(flatten)]
    image: image::Args,
}

/// What Gatewright conforms to so far.
const PROFILES: [&str; 2] = ["GATEWAY-HTTP", "GATEWAY-GRPC"];

/// Runs the suite, and fails unless every test that it selects is run and passes.
pub(crate) fn run(args: &Args) -> Result<()> {
    let cluster = Cluster::named(&args.name)?;
    // What takes minutes and needs no cluster comes first.
    let binary = args.image.program()?;
    let folder = build::target_folder().join("conformance").join(args.channel.name());
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let verdict = start(args, &cluster).and_then(|()| judge(args, &cluster, &binary, &folder));
    // Whatever went wrong: what everybody had to say goes with the cluster.
    let logs = verdict.as_ref().err().map(|_| cluster.keep_logs(&folder.join("cluster")));
    if !args.reuse {
        cluster.down()?;
    }
    verdict.and(logs.unwrap_or(Ok(())))
}

fn start(args: &Args, cluster: &Cluster) -> Result<()> {
    if !(args.reuse && cluster.is_running()) {
        return cluster.up(args.channel);
    }
    let channel = cluster.channel()?;
    ensure!(channel == args.channel.name(), "cluster {} has the {channel} CRDs", args.name);
    Ok(())
}

fn judge(args: &Args, cluster: &Cluster, binary: &Path, folder: &Path) -> Result<()> {
    image::load_program(cluster, binary)?;
    install::run(cluster, binary)?;
    let report = folder.join("report.yaml");
    let passed = run_suite(args, cluster, folder, &report);
    install::keep_logs(cluster, folder)?;
    let passed = passed?;
    if args.test.is_none() {
        let text = fs::read_to_string(&report).context("the suite wrote no report")?;
        let complete = report::summarize(&text)?;
        if args.keep {
            keep(args, &text)?;
        }
        ensure!(complete, "not every test was run and passed; see {}", folder.display());
    }
    ensure!(passed, "the suite failed; see {}", folder.display());
    Ok(())
}

/// Runs the suite inside the cluster's network; prints the verdict of each test, and writes all that it says to a file.
fn run_suite(args: &Args, cluster: &Cluster, folder: &Path, report: &Path) -> Result<bool> {
    let mut suite = cluster.inside(program::find("conformance.test")?);
    suite.env("KUBECONFIG", cluster.kubeconfig("admin")).current_dir(folder);
    suite.args(["-test.v", "-test.run=^TestConformance$", PARALLEL, PATIENCE]);
    suite.arg(format!("--gateway-class={CLASS}"));
    suite.arg(format!("--usable-address={USABLE_ADDRESS}")).arg(format!("--unusable-address={UNUSABLE_ADDRESS}"));
    suite.arg(format!("--conformance-profiles={}", args.profiles.join(",")));
    match &args.test {
        // Of one test alone the suite does not ask the class, and would skip what is not core.
        Some(test) => {
            suite.arg(format!("--run-test={test}"));
            suite.arg(format!("--supported-features={}", install::features(cluster)?));
        }
        None => {
            suite.arg(format!("--report-output={}", report.display()));
            suite.args(report::IMPLEMENTATION).arg(concat!("--version=v", env!("CARGO_PKG_VERSION")));
        }
    }
    let log = folder.join("suite.log");
    println!("running the suite; all that it says goes to {}", log.display());
    let mut child = suite.stdout(Stdio::piped()).stderr(fs::File::create(folder.join("suite.err"))?).spawn()?;
    let mut log = fs::File::create(log)?;
    for line in BufReader::new(child.stdout.take().context("standard output is piped")?).lines() {
        let line = line?;
        writeln!(log, "{line}")?;
        if report::is_verdict(&line) {
            println!("{}", line.trim());
        }
    }
    Ok(child.wait()?.success())
}

/// Keeps the report in the repository, under the name that the Gateway API's own collection asks for.
fn keep(args: &Args, text: &str) -> Result<()> {
    ensure!(args.profiles == PROFILES, "a report of a part is not kept");
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../conformance/reports", API_VERSION].iter().collect();
    fs::create_dir_all(&folder)?;
    let name = format!("{}-v{}-default-report.yaml", args.channel.name(), env!("CARGO_PKG_VERSION"));
    fs::write(folder.join(&name), text)?;
    println!("the report is conformance/reports/{API_VERSION}/{name}");
    Ok(())
}
