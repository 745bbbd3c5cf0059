//! h2spec, strict, in plaintext and in TLS: what fails must be on the list of exceptions, and what is on it must fail.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::{build_go, run_bounded, site::Site};
use crate::manifest;

const EXCEPTIONS: &str = include_str!("../../../conformance/h2spec/exceptions.txt");

/// Each of its 146 cases waits at most two seconds for an answer.
const PATIENCE: Duration = Duration::from_secs(300);

/// One case as it ended.
#[derive(Deserialize)]
struct Case {
    id: String,
    description: String,
    outcome: Outcome,
    requirement: String,
    expected: Option<Vec<String>>,
    actual: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Passed,
    Failed,
    Skipped,
}

pub(super) fn run(binary: &Path) -> Result<()> {
    let judge = build_go("h2spec")?;
    let exceptions = parse_exceptions(EXCEPTIONS)?;
    let site = Site::start(binary, &judge, |origin| {
        Ok(vec![manifest::service("origin", 80, origin), manifest::route("all", None, "/", "origin", 80)])
    })?;
    let mut findings = Vec::new();
    for (transport, address) in [("plaintext", site.http), ("tls", site.https)] {
        let cases = judge_one(&judge, transport, address)?;
        let count = |outcome| cases.iter().filter(|case| case.outcome == outcome).count();
        println!(
            "h2spec, strict, {transport}: {} passed, {} failed, {} skipped of {}",
            count(Outcome::Passed),
            count(Outcome::Failed),
            count(Outcome::Skipped),
            cases.len()
        );
        let accepted = |id: &str| exceptions.get(&(transport.to_owned(), id.to_owned())).map(String::as_str);
        findings.extend(cases.iter().filter_map(|case| verdict(case, transport, accepted(&case.id))));
        for (listed_for, id) in exceptions.keys() {
            if listed_for == transport && !cases.iter().any(|case| case.id == *id) {
                findings.push(format!("{id} ({transport}) is an exception and no case"));
            }
        }
    }
    if findings.is_empty() {
        return Ok(());
    }
    bail!("h2spec:\n{}", findings.join("\n"))
}

fn judge_one(judge: &Path, transport: &str, address: SocketAddr) -> Result<Vec<Case>> {
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let secure: &[&str] = if transport == "tls" { &["-tls"] } else { &[] };
    let arguments = [&["judge"], secure, &[host.as_str(), port.as_str()]].concat();
    let output = run_bounded(judge, &arguments, PATIENCE)?;
    let progress = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "h2spec broke off: {progress}");
    let lines = String::from_utf8(output.stdout)?;
    let cases = lines.lines().map(serde_json::from_str).collect::<Result<Vec<Case>, _>>()?;
    ensure!(!cases.is_empty(), "h2spec ran no case: {progress}");
    Ok(cases)
}

/// Prints a case that did not pass, and says what is wrong with the way it ended, if anything is.
fn verdict(case: &Case, transport: &str, accepted: Option<&str>) -> Option<String> {
    let Case { id, description, requirement, expected, actual, outcome } = case;
    let complaint = || {
        let expected = expected.iter().flatten().cloned().collect::<Vec<_>>().join(", or ");
        format!("{id} ({transport}): {description}\n    {requirement}\n    expected {expected}\n    got {actual}")
    };
    match (outcome, accepted) {
        (Outcome::Passed, None) => None,
        (Outcome::Passed, Some(_)) => Some(format!("{id} ({transport}) passes: it is no exception any more")),
        (Outcome::Failed, Some(reason)) => {
            println!("  accepted: {}\n    because {reason}", complaint());
            None
        }
        (Outcome::Failed, None) => Some(complaint()),
        (Outcome::Skipped, _) => Some(format!("{id} ({transport}) was skipped: it must be judged")),
    }
}

/// Reads lines of `TRANSPORT CASE REASON`; `#` begins a comment.
fn parse_exceptions(text: &str) -> Result<BTreeMap<(String, String), String>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let mut words = line.splitn(3, ' ');
            let mut word = || words.next().map(str::to_owned).context(format!("no TRANSPORT CASE REASON: {line}"));
            Ok(((word()?, word()?), word()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(outcome: Outcome) -> Case {
        let text = String::new;
        Case {
            id: "http2/1/1".into(),
            description: text(),
            outcome,
            requirement: text(),
            expected: None,
            actual: text(),
        }
    }

    #[test]
    fn failure_must_be_listed_and_what_is_listed_must_fail() {
        assert!(verdict(&case(Outcome::Passed), "tls", None).is_none());
        assert!(verdict(&case(Outcome::Passed), "tls", Some("reason")).is_some());
        assert!(verdict(&case(Outcome::Failed), "tls", None).is_some());
        assert!(verdict(&case(Outcome::Failed), "tls", Some("reason")).is_none());
        assert!(verdict(&case(Outcome::Skipped), "tls", Some("reason")).is_some());
    }

    #[test]
    fn exceptions_have_reasons() {
        assert!(parse_exceptions(EXCEPTIONS).is_ok());
        assert!(parse_exceptions("tls http2/1/1").is_err());
        assert_eq!(parse_exceptions("# why\n\ntls http2/1/1 a reason\n").unwrap().len(), 1);
    }
}
