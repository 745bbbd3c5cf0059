//! Validation of Kubernetes objects as they were written, before they become typed.
//!
//! [`validate`] gives the verdict that an API server with the real CRDs gives when an object is created: unknown fields
//! are pruned (and reported), nulls dropped, defaults filled in, then types, limits, patterns and closed sets checked, and
//! at last the rules that the CRDs say in CEL. `status` is left out, as the API server drops it from what people write.
//!
//! Works on untyped values with positions; knows nothing of files, of other objects, or of what an object will do. A
//! reader that fills [`Node`]s bounds how deep they nest.

mod finding;
mod format;
mod kind;
mod metadata;
mod openapi;
mod pattern;
mod prepare;
mod rule;
mod shape;
mod structure;
mod suggest;
mod value;

#[cfg(test)]
mod tests;

pub use finding::{Finding, Severity};
pub(crate) use format::{is_label_value, is_qualified_name as is_label_key};
pub use openapi::openapi;
pub use shape::Channel;
pub use value::{Entry, Map, Node, Position, Value};

use finding::{Path, Report, Step, shorten};
use kind::{Found, Kind};

/// What became of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// The object as the API server would store it: pruned, with defaults. As it was written if it was [`Decision::Ignored`].
    pub object: Node,
    pub decision: Decision,
    /// In the order of the checks; warnings also where the object was accepted.
    pub findings: Vec<Finding>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Accepted,
    /// At least one finding is an error.
    Rejected,
    /// Not of a kind that Gatewright reads.
    Ignored,
}

/// Validates one object.
pub fn validate(mut object: Node, channel: Channel) -> Checked {
    let mut path = Path::new(object.at);
    let mut report = Report::default();
    let kind = identify(&object, channel, &mut path, &mut report);
    if let (Some((kind, version)), Value::Map(root)) = (kind, &mut object.value) {
        root.remove("status");
        metadata::check(root, kind.metadata(), kind.scope, &mut path, &mut report);
        let schema = kind.schema(version, channel);
        prepare::prepare(schema, &mut object, &mut path, &mut report);
        structure::check(schema, &object, &mut path, &mut report);
        if !report.is_blocked {
            structure::ask_rules(schema, &object, &mut path, &mut report);
        }
        if kind.is_read_in_part() {
            report.findings.iter_mut().for_each(|finding| finding.is_unknown_field = false);
        }
    }
    let decision = match (report.has_error(), kind) {
        (true, _) => Decision::Rejected,
        (false, Some(_)) => Decision::Accepted,
        (false, None) => Decision::Ignored,
    };
    Checked { object, decision, findings: report.findings }
}

/// Finds the kind and the version that the object says it is of.
fn identify(
    object: &Node,
    channel: Channel,
    path: &mut Path,
    report: &mut Report,
) -> Option<(&'static Kind, &'static kind::Version)> {
    if object.as_map().is_none() {
        report.refuse(
            path,
            shorten(object),
            "the document is no object",
            "an object with apiVersion, kind and metadata",
        );
        return None;
    }
    let api_version = identity(object, "apiVersion", "gateway.networking.k8s.io/v1", path, report);
    let name = identity(object, "kind", "HTTPRoute", path, report);
    let (api_version, name) = (api_version?, name?);
    let (group, version) = api_version.as_str()?.rsplit_once('/').unwrap_or(("", api_version.as_str()?));
    match kind::find(group, version, name.as_str()?, channel) {
        Found::Served(kind, version) => Some((kind, version)),
        Found::Unknown => {
            path.push(Step::Field("kind"), name.at);
            report.warn(
                path,
                shorten(name),
                format!("is no kind that Gatewright reads in group {group:?}, and has no effect"),
                "the kinds of the Gateway API, and those they refer to",
            );
            path.pop();
            None
        }
        Found::NotServed { accepted } => {
            path.push(Step::Field("apiVersion"), api_version.at);
            report.refuse(path, shorten(api_version), "is not served for this kind", accepted);
            path.pop();
            None
        }
    }
}

/// The text of a field that says what the object is.
fn identity<'a>(
    object: &'a Node,
    field: &'static str,
    example: &str,
    path: &mut Path,
    report: &mut Report,
) -> Option<&'a Node> {
    let node = object.get(field);
    match node {
        Some(node) if node.as_str().is_some_and(|text| !text.is_empty()) => return Some(node),
        Some(node) => {
            path.push(Step::Field(field), node.at);
            report.refuse(path, shorten(node), "is no name", format!("a string like {example}"));
        }
        None => {
            path.push(Step::Field(field), Position::default());
            report.refuse(path, String::new(), "is missing", format!("a string like {example}"));
        }
    }
    path.pop();
    None
}
