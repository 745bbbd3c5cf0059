//! `gatewright check`: what is wrong with manifests, and where.

use std::{path::PathBuf, process::ExitCode};

use anyhow::bail;
use clap::ValueEnum;
use gatewright_core::api::schema;

use crate::{
    finding::Finding,
    judge::Judge,
    manifest::{Library, Sources},
    output::{self, count},
};

/// Say what is wrong with manifests, and where
///
/// Each object is validated as the API server would, and all of them together as `run` would serve them. An error keeps
/// an object or a part of it from working, or is a field that its kind does not have; a warning names what else has no
/// effect. Exits with 0 when there is no error, 1 when there is one, 2 when the manifests cannot be read.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Files and folders with manifests (.yaml, .yml, .json)
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Read the folders in folders, too
    #[arg(short = 'R', long)]
    recursive: bool,

    /// Which CRDs of the Gateway API to check against
    #[arg(long, value_enum, default_value_t = Channel::Experimental)]
    channel: Channel,

    /// Warn of a field that its kind does not have, instead of failing; `run` leaves such a field out
    #[arg(long)]
    lenient: bool,

    /// How to say it
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Channel {
    Standard,
    Experimental,
}

impl From<Channel> for schema::Channel {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Standard => Self::Standard,
            Channel::Experimental => Self::Experimental,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// file:line:column, object, field, what is wrong, what would be accepted
    Text,
    Json,
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    for path in &args.paths {
        if let Err(error) = std::fs::metadata(path) {
            bail!("{}: {error}", path.display());
        }
    }
    let judge = Judge::read(Sources { paths: args.paths, recursive: args.recursive }, args.channel.into());
    let mut findings = judge.findings();
    if !args.lenient {
        findings.iter_mut().filter(|finding| finding.is_unknown_field).for_each(|finding| finding.is_error = true);
    }
    match args.output {
        Format::Text => output::text(&text(judge.library(), &findings)),
        Format::Json => output::text(&format!("{}\n", serde_json::to_string_pretty(&findings)?)),
    }
    let fails = findings.iter().any(|finding| finding.is_error);
    Ok(if fails { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn text(library: &Library, findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        text += &format!("{finding}\n");
        if !finding.mend.is_empty() {
            text += "  this manifest would mend it:\n";
            finding.mend.lines().for_each(|line| text += &format!("    {line}\n"));
        }
    }
    let errors = findings.iter().filter(|finding| finding.is_error).count();
    text += &format!(
        "{} in {}: {}\n",
        count(library.objects(), "object"),
        count(library.files(), "file"),
        match (errors, findings.len() - errors) {
            (0, 0) => "nothing to say".to_owned(),
            (0, warnings) => count(warnings, "warning"),
            (errors, 0) => count(errors, "error"),
            (errors, warnings) => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
        }
    );
    if library.ignored() > 0 {
        text += &format!("{} of kinds that Gatewright does not read\n", count(library.ignored(), "object"));
    }
    text
}
