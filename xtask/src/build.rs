//! The program under measurement, and which source it was built from.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

/// A binary to measure.
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    /// The commit it was built from, or the path that was given in its place: what is not known is not claimed.
    pub(crate) source: String,
}

/// Builds the release binary, unless one is given.
pub(crate) fn gatewright(given: Option<&PathBuf>) -> Result<Program> {
    if let Some(path) = given {
        ensure!(path.is_file(), "{} is no file", path.display());
        let path = path.canonicalize()?;
        return Ok(Program { source: path.display().to_string(), path });
    }
    let source = format!("commit {}", commit());
    let status = Command::new(env!("CARGO")).args(["build", "--release", "--package", "gatewright"]).status()?;
    ensure!(status.success(), "the release build failed");
    Ok(Program { path: target_folder().join("release/gatewright"), source })
}

/// Returns the workspace's target folder, where downloads and reports of the commands go as well.
pub(crate) fn target_folder() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => folder.into(),
        None => workspace_folder().join("target"),
    }
}

fn workspace_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Returns the short commit, marked when the tree holds changes that are not in it.
fn commit() -> String {
    match output("git", &["describe", "--always", "--dirty", "--exclude", "*"]) {
        Ok(text) => text.trim().into(),
        Err(_) => "unknown".into(),
    }
}

/// Runs a program to its end and returns what it printed, standard error included.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output().with_context(|| format!("cannot run {program}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {} failed: {text}", arguments.join(" "));
    Ok(text)
}
