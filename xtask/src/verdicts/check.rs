//! `gatewright check`, asked about one manifest at a time, as a user would.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::mutate::Question;
use crate::build;

/// The binary, and where manifests are put for it.
pub(super) struct Check {
    binary: PathBuf,
    folder: tempfile::TempDir,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    is_refused: bool,
}

impl Check {
    pub(super) fn new(given: Option<&Path>) -> Result<Self> {
        let binary = match given {
            Some(path) => path.to_owned(),
            None => {
                let status = Command::new(env!("CARGO")).args(["build", "--package", "gatewright"]).status()?;
                ensure!(status.success(), "the build failed");
                build::target_folder().join("debug/gatewright")
            }
        };
        Ok(Self { binary, folder: tempfile::tempdir()? })
    }

    /// Whether nothing in the object is such that an API server would refuse it.
    pub(super) fn accepts(&self, question: &Question) -> Result<bool> {
        let file = self.folder.path().join("object.json");
        fs::write(&file, serde_json::to_vec(&question.object)?)?;
        let output = Command::new(&self.binary)
            .args(["check", "--output", "json", "--channel", question.channel()])
            .arg(&file)
            .output()
            .context("cannot run gatewright check")?;
        ensure!(
            matches!(output.status.code(), Some(0 | 1)),
            "gatewright check could not run: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let findings: Vec<Finding> = serde_json::from_slice(&output.stdout).context("gatewright check says JSON")?;
        Ok(!findings.iter().any(|finding| finding.is_refused))
    }
}
