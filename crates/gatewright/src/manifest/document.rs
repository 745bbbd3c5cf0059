//! One YAML document: the objects in it, and what is wrong with it. The same text gives the same document.

use std::sync::Arc;

use gatewright_core::{
    api::schema::{self, Channel, Decision, Node, Position},
    world::{Kind, Object, ObjectRef},
};

use super::yaml;
use crate::finding::Finding;

/// What a document's text means. Lines are counted from the document's first, so that it means the same wherever it
/// stands in its file.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) text: Arc<str>,
    /// What can be named, in order.
    pub(super) entries: Vec<Entry>,
    /// Without their file.
    pub(super) findings: Vec<Finding>,
    /// Objects of kinds that belong to others, such as Deployments.
    pub(super) ignored: usize,
    /// Whether everything in it could be named: nothing is missing but what was taken out.
    pub(super) is_whole: bool,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: ObjectRef,
    /// `None` when it was refused.
    pub(super) object: Option<Arc<Object>>,
    /// Among everything in the document, named or not: a List has several.
    pub(super) index: usize,
    pub(super) at: Position,
}

impl Document {
    pub(super) fn read(text: &str, channel: Channel) -> Self {
        let mut document =
            Self { text: text.into(), entries: Vec::new(), findings: Vec::new(), ignored: 0, is_whole: true };
        match yaml::parse(text) {
            Ok(nodes) => {
                for (index, node) in nodes.into_iter().flat_map(expand_list).enumerate() {
                    document.take(index, node, channel);
                }
            }
            Err(error) => {
                document.is_whole = false;
                document.findings.push(Finding::of_file(Default::default(), error.at, error.message));
            }
        }
        document
    }

    fn take(&mut self, index: usize, node: Node, channel: Channel) {
        if is_foreign(&node) {
            self.ignored += 1;
            return;
        }
        let (name, at) = (name_of(&node), node.at);
        let checked = schema::validate(node, channel);
        let findings = checked.findings.into_iter();
        self.findings.extend(findings.map(|found| Finding::of_schema(name.as_ref(), found)));
        let Some(name) = name else {
            self.is_whole = false;
            return;
        };
        let object = match checked.decision {
            Decision::Accepted => Object::from_value(checked.object.into())
                .inspect_err(|error| {
                    let finding = Finding::of_file(Default::default(), at, error.to_string());
                    self.findings.push(Finding { object: name.to_string(), ..finding });
                })
                .ok(),
            Decision::Rejected | Decision::Ignored => None,
        };
        self.entries.push(Entry { name, object: object.map(Arc::new), index, at });
    }

    /// Returns an object as it was written. Reading it again is rare, and takes a fraction of the memory that keeping it
    /// would.
    pub(super) fn written(&self, index: usize) -> Option<Node> {
        yaml::parse(&self.text).ok()?.into_iter().flat_map(expand_list).nth(index)
    }
}

/// Returns the objects of a `kind: List` (also `HTTPRouteList` and its like), or the object itself.
fn expand_list(node: Node) -> Vec<Node> {
    let is_list = node.get("kind").and_then(Node::as_str).is_some_and(|kind| kind.ends_with("List"));
    match node.get("items").and_then(Node::as_list) {
        Some(items) if is_list => items.to_vec(),
        _ => vec![node],
    }
}

/// Returns what an object is called, valid or not.
fn name_of(node: &Node) -> Option<ObjectRef> {
    let text = |path: &[&str]| node.find(path).and_then(Node::as_str).filter(|text| !text.is_empty());
    let kind = Kind::find(group_of(text(&["apiVersion"])?), text(&["kind"])?)?;
    let namespace = if kind.is_namespaced() { text(&["metadata", "namespace"]).unwrap_or("default") } else { "" };
    Some(ObjectRef::new(kind, namespace, text(&["metadata", "name"])?))
}

/// Whether an object is whole, but not for us: a Deployment in the same file, say. A kind that is misspelt in one of the
/// groups we read is not foreign.
fn is_foreign(node: &Node) -> bool {
    let text = |field| node.get(field).and_then(Node::as_str);
    let (Some(api_version), Some(kind)) = (text("apiVersion"), text("kind")) else { return false };
    let group = group_of(api_version);
    let is_ours = !KUBERNETES_GROUPS.contains(&group) && Kind::ALL.iter().any(|known| known.group() == group);
    Kind::find(group, kind).is_none() && !is_ours
}

/// Groups of which a few kinds are read and many others are common.
const KUBERNETES_GROUPS: [&str; 2] = ["", "discovery.k8s.io"];

fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// Returns where `spec.rules[0].name` stands, or the last part of it that was written.
pub(super) fn place_of(object: &Node, field: &str) -> Position {
    let mut node = object;
    for step in field.split(['.', '[']).filter(|step| !step.is_empty()) {
        let next = match step.strip_suffix(']') {
            Some(index) => match index.parse::<usize>() {
                Ok(index) => node.as_list().and_then(|items| items.get(index)),
                Err(_) => node.get(index),
            },
            None => node.get(step),
        };
        let Some(next) = next else { break };
        node = next;
    }
    node.at
}
