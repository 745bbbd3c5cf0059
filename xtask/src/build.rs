//! The program under measurement, and which source it was built from.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

/// Builds the release binary, unless one is given, and returns where it is.
pub(crate) fn gatewright(given: Option<&PathBuf>) -> Result<PathBuf> {
    if let Some(path) = given {
        ensure!(path.is_file(), "{} is no file", path.display());
        return Ok(path.canonicalize()?);
    }
    let status = Command::new(env!("CARGO")).args(["build", "--release", "--package", "gatewright"]).status()?;
    ensure!(status.success(), "the release build failed");
    Ok(target_folder().join("release/gatewright"))
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
pub(crate) fn commit() -> String {
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
