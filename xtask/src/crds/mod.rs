//! Fetches the Gateway API's CRDs, against which the tests of our schemas compare themselves.
//!
//! They come as a Go module, through `go`, and stay out of the repository.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};

/// The version that Gatewright implements.
const MODULE: &str = "sigs.k8s.io/gateway-api";
const VERSION: &str = "v1.7.0";

/// Unpacks one folder of a module's zip; Go is what people who run this have.
const EXTRACT: &str = include_str!("extract.go");

#[derive(clap::Args)]
pub(crate) struct Args {}

/// Returns the folder that [`run`] fills.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/crds")
}

/// Fills `target/crds/standard` and `target/crds/experimental`, unless they are there.
pub(crate) fn run(_: &Args) -> Result<()> {
    let folder = folder();
    let done = folder.join(VERSION);
    if done.exists() {
        println!("the CRDs of {MODULE}@{VERSION} are in target/crds");
        return Ok(());
    }
    let module = format!("{MODULE}@{VERSION}");
    let scratch = tempfile::tempdir()?;
    // Where the module asks for a newer Go than this one, the download says so and fails, but has left the zip.
    let download = Command::new("go")
        .args(["mod", "download", "-json", &module])
        .current_dir(scratch.path())
        .env("GOTOOLCHAIN", "local")
        .output()
        .context("cannot run go, which fetches the CRDs: is Go installed?")?;
    let cache = Command::new("go").args(["env", "GOMODCACHE"]).output()?;
    let cache = PathBuf::from(String::from_utf8(cache.stdout)?.trim());
    let zip = cache.join("cache/download").join(MODULE).join("@v").join(format!("{VERSION}.zip"));
    ensure!(
        zip.exists(),
        "cannot fetch {module}: {}{}",
        String::from_utf8_lossy(&download.stdout),
        String::from_utf8_lossy(&download.stderr)
    );
    let program = scratch.path().join("extract.go");
    fs::write(&program, EXTRACT)?;
    let status = Command::new("go")
        .arg("run")
        .arg(&program)
        .arg(&zip)
        .arg(format!("{module}/config/crd/"))
        .arg(&folder)
        .current_dir(scratch.path())
        .status()?;
    ensure!(status.success(), "cannot unpack {}", zip.display());
    fs::write(done, "")?;
    println!("the CRDs of {module} are in target/crds");
    Ok(())
}
