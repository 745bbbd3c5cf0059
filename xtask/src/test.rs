//! Everything that must hold before a change is taken: form, lints, other people's suites, and every test.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{crds, tidy};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only run the tests and the judges
    #[arg(long)]
    tests_only: bool,
}

/// Runs the steps in the order of what is found fastest, and `cargo test` last.
pub(crate) fn run(args: &Args) -> Result<()> {
    if !args.tests_only {
        cargo(&["fmt", "--all", "--check"])?;
        tidy::run(&tidy::Args {})?;
        cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
        // The proxy must build without the Kubernetes half of the core.
        cargo(&["check", "--locked", "--package", "gatewright-proxy"])?;
        deny()?;
    }
    crds::run(&crds::Args {})?;
    cargo(&["xtask", "judge"])?;
    cargo(&["test", "--locked", "--workspace"])
}

/// Checks what `deny.toml` says of dependencies, where cargo-deny is installed; without the advisories, whose database is
/// not everywhere within reach.
fn deny() -> Result<()> {
    let installed = Command::new(env!("CARGO")).args(["deny", "--version"]).output();
    if installed.is_ok_and(|output| output.status.success()) {
        return cargo(&["deny", "check", "bans", "licenses", "sources"]);
    }
    println!("cargo-deny is not installed: dependencies are not checked against deny.toml");
    Ok(())
}

fn cargo(arguments: &[&str]) -> Result<()> {
    let command = format!("cargo {}", arguments.join(" "));
    println!("$ {command}");
    let status =
        Command::new(env!("CARGO")).args(arguments).status().with_context(|| format!("cannot run {command}"))?;
    ensure!(status.success(), "{command} failed");
    Ok(())
}
