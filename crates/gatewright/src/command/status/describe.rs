//! What `kubectl describe` would show: each object with its conditions, and what is wrong with it.

use serde_json::Value;

use super::table::aligned;
use crate::command::yaml;
use crate::{finding::Finding, report::StatusReport};

/// Describes every object.
pub(super) fn write(report: &StatusReport) -> String {
    let objects = report.objects.iter().map(|object| {
        let name = super::name_of(object);
        let findings: Vec<_> = report.findings.iter().filter(|finding| finding.object == name).collect();
        describe(object, &findings)
    });
    objects.collect::<Vec<_>>().join("\n")
}

fn describe(object: &Value, findings: &[&Finding]) -> String {
    let mut text = format!("{}\n", super::name_of(object));
    section(&mut text, "Spec", &object["spec"]);
    let status = &object["status"];
    if status.is_null() {
        text += "Status: none; nothing that Gatewright serves refers to it\n";
    }
    for (name, conditions) in conditions(status) {
        text += &format!("Conditions{name}:\n");
        let mut rows = vec![["TYPE", "STATUS", "REASON", "SINCE", "MESSAGE"].map(str::to_owned).to_vec()];
        for condition in conditions.as_array().into_iter().flatten() {
            let fields = ["type", "status", "reason", "lastTransitionTime", "message"];
            rows.push(fields.map(|field| condition[field].as_str().unwrap_or_default().to_owned()).to_vec());
        }
        aligned(&rows).lines().for_each(|line| text += &format!("  {line}\n"));
    }
    for finding in findings {
        text += &format!("{}\n", super::explain(finding));
    }
    text
}

fn section(text: &mut String, name: &str, value: &Value) {
    let mut body = String::new();
    yaml::write(&mut body, value);
    *text += &format!("{name}:\n");
    body.lines().for_each(|line| *text += &format!("  {line}\n"));
}

/// Returns the conditions of an object and of its parts, with what they are of.
fn conditions(status: &Value) -> Vec<(String, &Value)> {
    let mut all = Vec::new();
    if !status["conditions"].is_null() {
        all.push((String::new(), &status["conditions"]));
    }
    let list = |field: &str| status[field].as_array().into_iter().flatten();
    for listener in list("listeners") {
        let (name, routes) = (listener["name"].as_str().unwrap_or_default(), &listener["attachedRoutes"]);
        all.push((format!(" of listener {name} ({routes} routes)"), &listener["conditions"]));
    }
    for parent in list("parents") {
        all.push((format!(" for parent {}", reference(&parent["parentRef"])), &parent["conditions"]));
    }
    for ancestor in list("ancestors") {
        all.push((format!(" for ancestor {}", reference(&ancestor["ancestorRef"])), &ancestor["conditions"]));
    }
    all
}

/// Returns `Gateway namespace/name section`, as far as it is written.
fn reference(reference: &Value) -> String {
    let part = |field: &str| reference[field].as_str();
    let mut text = format!("{} ", part("kind").unwrap_or("Gateway"));
    if let Some(namespace) = part("namespace") {
        text += &format!("{namespace}/");
    }
    text += part("name").unwrap_or_default();
    if let Some(section) = part("sectionName") {
        text += &format!(" section {section}");
    }
    text
}
