//! House rules that a machine can see (STYLE.md, ARCHITECTURE.md), as a check rather than a reminder.
//!
//! Knows text, not Rust: a rule that would need the compiler is the compiler's, as a lint in the root Cargo.toml.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

#[cfg(test)]
mod tests;

/// Lines of a file; what is longer holds two things.
const LINES_MAX: usize = 500;
/// Files that may be longer, each with the reason that its header gives, too.
const LONG: [(&str, &str); 0] = [];
/// Names that say nothing: whatever is in them belongs somewhere else.
const EMPTY_NAMES: [&str; 8] = ["util", "utils", "helper", "helpers", "common", "misc", "manager", "ctx"];
/// What the core may be made of.
const CORE_DEPENDENCIES: [&str; 8] =
    ["base64", "foldhash", "gatewright-shared-map", "memchr", "regex", "regex-syntax", "serde", "serde_json"];
/// Words of Rust that mean I/O, a clock or chance.
const CORE_WORDS: [&str; 14] = [
    "tokio",
    "fs",
    "env",
    "process",
    "thread",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "ToSocketAddrs",
    "SystemTime",
    "Instant",
    "rand",
    "fastrand",
    "RandomState",
];

#[derive(clap::Args)]
pub(crate) struct Args {}

/// Checks the whole repository.
pub(crate) fn run(_: &Args) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")?;
    let mut sources = Vec::new();
    for folder in ["crates", "xtask"] {
        collect(root, &root.join(folder), &mut sources)?;
    }
    let mut broken: Vec<String> = sources.iter().flat_map(Source::broken).collect();
    broken.extend(needless_exceptions(&sources));
    let architecture = fs::read_to_string(root.join("ARCHITECTURE.md")).context("ARCHITECTURE.md")?;
    for manifest in [
        "crates/core",
        "crates/xds",
        "crates/proxy",
        "crates/controller",
        "crates/gatewright",
        "crates/shared-map",
        "xtask",
    ] {
        let path = format!("{manifest}/Cargo.toml");
        let text = fs::read_to_string(root.join(&path)).with_context(|| path.clone())?;
        broken.extend(broken_by_manifest(&path, &text, &architecture));
    }
    ensure!(broken.is_empty(), "{}", broken.join("\n"));
    println!("tidy: {} files keep the house rules", sources.len());
    Ok(())
}

/// A file of Rust.
struct Source {
    /// From the root, with `/`.
    path: String,
    text: String,
}

fn collect(root: &Path, folder: &Path, sources: &mut Vec<Source>) -> Result<()> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .with_context(|| folder.display().to_string())?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            collect(root, &entry, sources)?;
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let path = entry.strip_prefix(root).unwrap_or(&entry).to_string_lossy().into_owned();
            let text = fs::read_to_string(&entry).with_context(|| path.clone())?;
            sources.push(Source { path, text });
        }
    }
    Ok(())
}

impl Source {
    /// Returns what is wrong with it, a line each.
    fn broken(&self) -> Vec<String> {
        let rules = [Self::length, Self::name, Self::header, Self::purity, Self::loose_ends];
        rules.iter().filter_map(|rule| rule(self)).map(|wrong| format!("{}: {wrong}", self.path)).collect()
    }

    /// Tests and what they alone are made of.
    fn is_test(&self) -> bool {
        self.path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "golden" | "testdata" | "testbed.rs"))
    }

    fn length(&self) -> Option<String> {
        let lines = self.text.lines().count();
        let excused = self.is_test() || LONG.iter().any(|(path, _)| *path == self.path);
        (lines > LINES_MAX && !excused)
            .then(|| format!("{lines} lines, more than {LINES_MAX}: look for the second idea"))
    }

    fn name(&self) -> Option<String> {
        let parts = self.path.split('/').map(|part| part.trim_end_matches(".rs"));
        let empty = parts.into_iter().find(|part| EMPTY_NAMES.contains(part))?;
        Some(format!("`{empty}` says nothing: name it after what it does"))
    }

    fn header(&self) -> Option<String> {
        let missing = !self.is_test() && !self.text.starts_with("//!");
        missing.then(|| "does not begin with what it is for (`//!`)".to_owned())
    }

    /// The core is a function of its input.
    fn purity(&self) -> Option<String> {
        if self.is_test() || !self.path.starts_with("crates/core/src/") {
            return None;
        }
        let imports = self.text.lines().filter(|line| line.contains("::") && !line.trim_start().starts_with("//"));
        let mut words = imports.flat_map(|line| {
            let of_std = line.contains("std::");
            let words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            words.filter(move |word| {
                CORE_WORDS.contains(word) && (of_std || !matches!(*word, "fs" | "env" | "process" | "thread"))
            })
        });
        Some(format!("the core opens, asks and draws nothing: no `{}`", words.next()?))
    }

    /// Nothing is left for later.
    fn loose_ends(&self) -> Option<String> {
        let markers = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("#[", "ignore")];
        let found = markers.into_iter().find(|marker| self.text.contains(marker))?;
        Some(format!("`{found}`: finish it, or open an issue"))
    }
}

/// An exception that is no longer needed must not wait for the next long file.
fn needless_exceptions(sources: &[Source]) -> Vec<String> {
    let long = |path: &str| sources.iter().any(|source| source.path == path && source.text.lines().count() > LINES_MAX);
    let needless = LONG.iter().filter(|(path, _)| !long(path));
    needless.map(|(path, reason)| format!("{path}: is not long; drop its exception ({reason})")).collect()
}

/// Returns what is wrong with a crate's dependencies.
fn broken_by_manifest(path: &str, manifest: &str, architecture: &str) -> Vec<String> {
    let mut broken = Vec::new();
    let mut section = "";
    for line in manifest.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
            continue;
        }
        let Some((key, value)) = line.split_once('=').filter(|_| section.ends_with("dependencies")) else { continue };
        let name = key.trim().trim_end_matches(".workspace");
        if !architecture.contains(&format!("`{name}`")) {
            broken.push(format!("{path}: ARCHITECTURE.md does not say why `{name}` is here"));
        }
        if section == "dependencies" && path.starts_with("crates/core/") && !CORE_DEPENDENCIES.contains(&name) {
            broken.push(format!("{path}: the core does without `{name}`"));
        }
        if path.starts_with("crates/proxy/") && name == "gatewright-core" && value.contains("translate") {
            broken.push(format!("{path}: the proxy knows nothing of Kubernetes, so no feature `translate`"));
        }
        if section == "dependencies" && name == "xtask" {
            broken.push(format!("{path}: the product must not see xtask"));
        }
    }
    broken
}
