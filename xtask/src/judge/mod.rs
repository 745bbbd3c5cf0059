//! `cargo xtask judge`: strangers' suites against the real binary, fed with manifests as a user would.
//!
//! A judge is a Go module in `conformance/`, built here and run with bounded time. What it says is compared with what we
//! accept; the judges themselves know nothing of Gatewright.

mod grpc;
mod h2spec;
mod site;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{build, process};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(value_enum, default_value_t)]
    judge: Judge,
    /// Judge this binary instead of building one
    #[arg(long, value_name = "PATH")]
    gatewright: Option<PathBuf>,
}

#[derive(Clone, Copy, Default, clap::ValueEnum)]
enum Judge {
    /// HTTP/2, frame by frame, in plaintext and in TLS
    H2spec,
    /// grpc-go's interoperability cases, and ours
    Grpc,
    /// A WebSocket client over HTTP/1.1 and HTTP/2
    Websocket,
    #[default]
    All,
}

/// Runs the judges asked for, and fails when one is not content.
pub(crate) fn run(args: &Args) -> Result<()> {
    let binary = || match &args.gatewright {
        Some(path) => Ok(path.canonicalize()?),
        None => debug_binary(),
    };
    match args.judge {
        Judge::H2spec => h2spec::run(&binary()?),
        Judge::Grpc => grpc::run(&binary()?),
        Judge::Websocket => websocket(),
        Judge::All => {
            let binary = binary()?;
            // All have their say before one ends the command.
            let verdicts = [h2spec::run(&binary), grpc::run(&binary), websocket()];
            verdicts.into_iter().collect()
        }
    }
}

/// Strictness is the same in a debug build, which is there much sooner and checks its own assertions.
fn debug_binary() -> Result<PathBuf> {
    let status = Command::new(env!("CARGO")).args(["build", "--quiet", "--package", "gatewright"]).status()?;
    ensure!(status.success(), "the build failed");
    Ok(build::target_folder().join("debug/gatewright"))
}

/// The client is a crate, and its cases are the proxy's own tests.
fn websocket() -> Result<()> {
    let status = Command::new(env!("CARGO"))
        .args(["test", "--quiet", "--package", "gatewright-proxy", "--test", "judge", "websocket::"])
        .status()?;
    ensure!(status.success(), "websocket: see above");
    Ok(())
}

/// Builds the Go module of a judge and returns its program.
fn build_go(name: &str) -> Result<PathBuf> {
    let program = build::target_folder().join("judge").join(name);
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance").join(name);
    let status = Command::new("go").arg("build").arg("-o").arg(&program).arg(".").current_dir(&module).status();
    ensure!(status.context("cannot run go, which builds the judges")?.success(), "the judge {name} does not build");
    Ok(program)
}

/// Runs a program to its end, which it must reach in time.
fn run_bounded(program: &Path, arguments: &[&str], patience: Duration) -> Result<Output> {
    let mut command = process::dying_with_us("timeout");
    command.arg(patience.as_secs().to_string()).arg(program).args(arguments);
    let output = command.output().with_context(|| format!("cannot run {}", program.display()))?;
    // timeout(1) says so when it had to end the program.
    if output.status.code() == Some(124) {
        bail!("{} {} took more than {patience:?}", program.display(), arguments.join(" "));
    }
    Ok(output)
}
