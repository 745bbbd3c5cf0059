//! The developer's commands, one module each. The product must not be able to see them.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command's output is what it is for")]

mod bench;
mod build;
mod certificate;
mod changes;
mod cluster;
mod conformance;
mod crds;
mod faults;
mod idle;
mod judge;
mod load;
mod manifest;
mod origin;
mod process;
mod response;
mod sample;
mod test;
mod tidy;
mod verdicts;

use clap::Parser;

#[derive(Parser)]
#[command(name = "cargo xtask", about, max_term_width = 100)]
enum Command {
    /// Measure CPU per request beside nginx, HAProxy and Envoy
    Bench(bench::Args),
    /// Edit the manifests a thousand times under load and look for requests that failed
    Changes(changes::Args),
    /// Run a real Kubernetes of one node
    Cluster(cluster::Args),
    /// Run the official conformance suite against Gatewright in a cluster
    Conformance(conformance::Args),
    /// Let what Gatewright depends on in a cluster break, under load
    Faults(faults::Args),
    /// Build Gatewright's image, as an archive
    Image(cluster::image::WriteArgs),
    /// Measure what 10,000 idle HTTP/1.1 connections add to the process
    Idle(idle::Args),
    /// Let h2spec, grpc-go and a WebSocket client judge the binary
    Judge(judge::Args),
    /// Check form and lints, and run every test
    Test(test::Args),
    /// Check the house rules that a machine can see
    Tidy(tidy::Args),
    /// Fetch the CRDs that the tests compare our schemas with
    Crds(crds::Args),
    /// Compare our validation with the API server's own code, on random objects
    Verdicts(verdicts::Args),
    /// Answer every request with a fixed response until standard input closes
    #[command(hide = true)]
    Origin(origin::Args),
}

fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Bench(args) => bench::run(&args),
        Command::Changes(args) => changes::run(&args),
        Command::Cluster(args) => cluster::run(&args),
        Command::Conformance(args) => conformance::run(&args),
        Command::Crds(args) => crds::run(&args),
        Command::Faults(args) => faults::run(&args),
        Command::Idle(args) => idle::run(&args),
        Command::Image(args) => cluster::image::write(&args),
        Command::Judge(args) => judge::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Tidy(args) => tidy::run(&args),
        Command::Origin(args) => origin::run(&args),
        Command::Verdicts(args) => verdicts::run(&args),
    }
}
