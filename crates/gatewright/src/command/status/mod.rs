//! `gatewright status`: what became of each object.

mod describe;
mod source;
mod table;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::ValueEnum;
use serde_json::{Value, json};

use super::{check::Channel, yaml};
use crate::{finding::Finding, judge::Judge, manifest::Sources, output, report::StatusReport};

/// Say what became of each object, as `kubectl get` and `describe` would
///
/// Asks the process that `gatewright run` started on this machine; with PATH, compiles those manifests instead, without
/// the facts that only a running gateway knows.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Files and folders to compile instead of asking
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Read the folders in folders, too
    #[arg(short = 'R', long, requires = "paths")]
    recursive: bool,

    /// Which CRDs of the Gateway API the manifests are checked against
    #[arg(long, value_enum, default_value_t = Channel::Experimental, requires = "paths")]
    channel: Channel,

    /// How to say it
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,

    /// Only this object or kind: httproute, or httproute/NAMESPACE/NAME
    #[arg(long, value_name = "OBJECT")]
    only: Option<String>,

    /// The admin listener of the process to ask
    #[arg(long, default_value = "127.0.0.1:19000", value_name = "ADDRESS", conflicts_with = "paths")]
    admin: SocketAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line per object, then what is wrong and what would mend it
    Table,
    /// Each object with its spec, conditions and findings
    Describe,
    Json,
    Yaml,
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut report = match args.paths.is_empty() {
        true => source::ask(args.admin)?,
        false => {
            let sources = Sources { paths: args.paths, recursive: args.recursive };
            Judge::read(sources, args.channel.into()).draft().finish()
        }
    };
    if let Some(only) = &args.only {
        narrow(&mut report, only);
    }
    output::text(&match args.output {
        Format::Table => table::write(&report) + &explanations(&report),
        Format::Describe => describe::write(&report),
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&list(&report))?),
        Format::Yaml => {
            let mut text = String::new();
            yaml::write(&mut text, &list(&report));
            text
        }
    });
    Ok(ExitCode::SUCCESS)
}

/// Keeps the objects of `kind`, or the one of `kind/namespace/name`, and what is said of them.
fn narrow(report: &mut StatusReport, only: &str) {
    let (kind, name) = only.split_once('/').map_or((only, None), |(kind, name)| (kind, Some(name)));
    let is_meant = |object: &str| {
        let (have, full_name) = object.split_once(' ').unwrap_or((object, ""));
        let is_kind = have.eq_ignore_ascii_case(kind) || format!("{have}s").eq_ignore_ascii_case(kind);
        is_kind && name.is_none_or(|name| full_name == name || full_name.rsplit('/').next() == Some(name))
    };
    report.objects.retain(|object| is_meant(&name_of(object)));
    report.findings.retain(|finding| is_meant(&finding.object));
}

/// Returns the objects as the list that `kubectl get -o json` would print.
fn list(report: &StatusReport) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": report.objects})
}

/// `HTTPRoute namespace/name`, as findings have it.
fn name_of(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (kind, metadata) = (text(&object["kind"]), &object["metadata"]);
    match metadata["namespace"].as_str() {
        Some(namespace) => format!("{kind} {namespace}/{}", text(&metadata["name"])),
        None => format!("{kind} {}", text(&metadata["name"])),
    }
}

/// Returns every list of conditions in a status: its own, or those of its parents or ancestors.
fn conditions_of(status: &Value) -> impl Iterator<Item = &Value> {
    let parts = ["parents", "ancestors"].into_iter().flat_map(|field| status[field].as_array().into_iter().flatten());
    std::iter::once(&status["conditions"]).chain(parts.map(|part| &part["conditions"]))
}

/// Returns what is wrong, with what would mend it.
fn explanations(report: &StatusReport) -> String {
    report.findings.iter().map(|finding| format!("\n{}", explain(finding))).collect()
}

fn explain(finding: &Finding) -> String {
    let mut text = format!("{finding}\n");
    if !finding.mend.is_empty() {
        text += "This manifest would mend it:\n\n";
        finding.mend.lines().for_each(|line| text += &format!("    {line}\n"));
    }
    text
}
