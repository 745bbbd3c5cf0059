//! The objects of all manifest files, kept as an API server would keep them.
//!
//! What is refused leaves the object's last good version in force, and a file that cannot be read to its end takes
//! nothing away: an object goes only when a whole file no longer holds it, or the file is gone.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use gatewright_core::{
    api::schema::{self, Channel, Decision, Node, Position},
    world::{Kind, Object, ObjectRef, World},
};

use super::yaml;
use crate::finding::Finding;

/// All objects, by file.
#[derive(Debug)]
pub(crate) struct Library {
    channel: Channel,
    files: BTreeMap<PathBuf, File>,
    /// Which files hold an object; the first of them counts.
    holders: BTreeMap<ObjectRef, BTreeSet<PathBuf>>,
}

#[derive(Clone, Debug, Default)]
struct File {
    objects: BTreeMap<ObjectRef, Held>,
    findings: Vec<Finding>,
    /// Objects of kinds that belong to others, such as Deployments.
    ignored: usize,
}

/// An object as a file holds it.
#[derive(Clone, Debug)]
struct Held {
    object: Object,
    source: Source,
}

/// Where an object is written: enough to read it again, which is rare, at a fraction of the memory that its values take.
#[derive(Clone, Debug)]
struct Source {
    document: Arc<str>,
    /// Of the document in its file, from 0.
    first_line: u32,
    /// Among the document's objects: a List has several.
    index: usize,
    at: Position,
}

impl Source {
    fn node(&self) -> Option<Node> {
        let nodes = yaml::parse(&self.document, self.first_line).ok()?;
        nodes.into_iter().flat_map(expand_list).nth(self.index)
    }
}

impl Library {
    pub(crate) fn new(channel: Channel) -> Self {
        Self { channel, files: BTreeMap::new(), holders: BTreeMap::new() }
    }

    /// Takes the new text of a file, and brings `world` up to date. Says whether any object changed.
    pub(crate) fn replace(&mut self, path: &Path, text: &str, world: &mut World) -> bool {
        let old = self.files.remove(path).unwrap_or_default();
        let new = self.read(path, text, &old);
        let changed = self.index(path, old, &new);
        self.files.insert(path.to_owned(), new);
        self.update(world, &changed);
        !changed.is_empty()
    }

    /// Forgets a file that is gone, and brings `world` up to date. Says whether any object changed.
    pub(crate) fn remove(&mut self, path: &Path, world: &mut World) -> bool {
        let Some(old) = self.files.remove(path) else { return false };
        let changed = self.index(path, old, &File::default());
        self.update(world, &changed);
        !changed.is_empty()
    }

    /// Keeps what a file held, though it cannot be read now.
    pub(crate) fn fail(&mut self, path: &Path, problem: String) {
        let file = self.files.entry(path.to_owned()).or_default();
        file.findings = vec![Finding::of_file(path.to_owned(), Position::default(), problem)];
    }

    /// Returns everything that is wrong with the files, in their order.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<_> = self.files.values().flat_map(|file| file.findings.iter().cloned()).collect();
        for (object, holders) in &self.holders {
            let mut holders = holders.iter();
            let Some(first) = holders.next() else { continue };
            findings.extend(holders.map(|path| Finding {
                object: object.to_string(),
                accepted: "the object once".into(),
                ..Finding::of_file(
                    path.clone(),
                    self.held(path, object).map(|held| held.source.at).unwrap_or_default(),
                    format!("has no effect: {} holds the same object", first.display()),
                )
            }));
        }
        findings.sort();
        findings
    }

    /// Returns the file of an object, and the place of a field in it, or of the nearest one that was written.
    pub(crate) fn place(&self, object: &ObjectRef, field: &str) -> Option<(&Path, Position)> {
        let path = self.holders.get(object)?.first()?;
        let source = &self.held(path, object)?.source;
        Some((path, source.node().map_or(source.at, |node| place_of(&node, field))))
    }

    /// Returns an object as it was written.
    pub(crate) fn written(&self, object: &ObjectRef) -> Option<Node> {
        let path = self.holders.get(object)?.first()?;
        self.held(path, object)?.source.node()
    }

    pub(crate) fn files(&self) -> usize {
        self.files.len()
    }

    /// Returns how many objects of others' kinds the files hold.
    pub(crate) fn ignored(&self) -> usize {
        self.files.values().map(|file| file.ignored).sum()
    }

    fn held(&self, path: &Path, object: &ObjectRef) -> Option<&Held> {
        self.files.get(path)?.objects.get(object)
    }

    fn read(&self, path: &Path, text: &str, old: &File) -> File {
        let mut file = File::default();
        // Something could not even be named, so nothing that seems to be missing may be taken away.
        let mut is_whole = true;
        for document in yaml::read(text) {
            match document.nodes {
                Ok(nodes) => {
                    let text: Arc<str> = document.text.into();
                    for (index, node) in nodes.into_iter().flat_map(expand_list).enumerate() {
                        let source =
                            Source { document: text.clone(), first_line: document.first_line, index, at: node.at };
                        is_whole &= self.read_object(path, node, source, old, &mut file);
                    }
                }
                Err(error) => {
                    is_whole = false;
                    file.findings.push(Finding::of_file(path.to_owned(), error.at, error.message));
                }
            }
        }
        if !is_whole {
            for (object, held) in &old.objects {
                file.objects.entry(object.clone()).or_insert_with(|| held.clone());
            }
        }
        file
    }

    /// Takes one object into `file`; says whether it could be named.
    fn read_object(&self, path: &Path, node: Node, source: Source, old: &File, file: &mut File) -> bool {
        if is_foreign(&node) {
            file.ignored += 1;
            return true;
        }
        let name = name_of(&node);
        let checked = schema::validate(node, self.channel);
        let findings = checked.findings.into_iter();
        file.findings.extend(findings.map(|found| Finding::of_schema(path.to_owned(), name.as_ref(), found)));
        let Some(name) = name else { return false };
        if let Some(first) = file.objects.get(&name) {
            let problem = format!("has no effect: line {} holds the same object", first.source.at.line);
            file.findings.push(Finding {
                object: name.to_string(),
                accepted: "the object once".into(),
                ..Finding::of_file(path.to_owned(), source.at, problem)
            });
            return true;
        }
        let object = match checked.decision {
            Decision::Accepted => Object::from_value(checked.object.into())
                .inspect_err(|error| {
                    file.findings.push(Finding {
                        object: name.to_string(),
                        ..Finding::of_file(path.to_owned(), source.at, error.to_string())
                    });
                })
                .ok(),
            Decision::Rejected | Decision::Ignored => None,
        };
        let held = object.map(|object| Held { object, source }).or_else(|| old.objects.get(&name).cloned());
        if let Some(held) = held {
            file.objects.insert(name, held);
        }
        true
    }

    /// Notes which objects `path` holds now, and returns those that this changes.
    fn index(&mut self, path: &Path, old: File, new: &File) -> BTreeSet<ObjectRef> {
        let mut changed = BTreeSet::new();
        for (name, held) in &new.objects {
            if old.objects.get(name).is_none_or(|old| old.object != held.object) {
                changed.insert(name.clone());
            }
            self.holders.entry(name.clone()).or_default().insert(path.to_owned());
        }
        for name in old.objects.into_keys().filter(|name| !new.objects.contains_key(name)) {
            if let Some(holders) = self.holders.get_mut(&name) {
                holders.remove(path);
                if holders.is_empty() {
                    self.holders.remove(&name);
                }
            }
            changed.insert(name);
        }
        changed
    }

    /// Puts into `world` what the first file holds of each changed object.
    fn update(&self, world: &mut World, changed: &BTreeSet<ObjectRef>) {
        for name in changed {
            let held = self.holders.get(name).and_then(|holders| self.held(holders.first()?, name));
            match held {
                Some(held) => world.insert(held.object.clone()),
                None => {
                    world.remove(name);
                }
            }
        }
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
    let (group, _) = split_api_version(text(&["apiVersion"])?);
    let kind = Kind::find(group, text(&["kind"])?)?;
    let namespace = if kind.is_namespaced() { text(&["metadata", "namespace"]).unwrap_or("default") } else { "" };
    Some(ObjectRef::new(kind, namespace, text(&["metadata", "name"])?))
}

/// Whether an object is whole, but not for us: a Deployment in the same file, say. A kind that is misspelt in one of the
/// groups we read is not foreign.
fn is_foreign(node: &Node) -> bool {
    let text = |field| node.get(field).and_then(Node::as_str);
    let (Some(api_version), Some(kind)) = (text("apiVersion"), text("kind")) else { return false };
    let (group, _) = split_api_version(api_version);
    let is_read = |known: &&Kind| known.group() == group && !KUBERNETES_GROUPS.contains(&group);
    Kind::find(group, kind).is_none() && !Kind::ALL.iter().any(|known| is_read(&known))
}

/// Groups of which a few kinds are read and many others are common.
const KUBERNETES_GROUPS: [&str; 2] = ["", "discovery.k8s.io"];

fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// Returns where `spec.rules[0].name` stands, or the last part of it that was written.
fn place_of(object: &Node, field: &str) -> Position {
    let mut node = object;
    let mut at = object.at;
    for step in field.split(['.', '[']).filter(|step| !step.is_empty()) {
        let next = match step.strip_suffix(']') {
            Some(index) => match index.parse::<usize>() {
                Ok(index) => node.as_list().and_then(|items| items.get(index)),
                Err(_) => node.get(index),
            },
            None => node.get(step),
        };
        let Some(next) = next else { return at };
        node = next;
        at = node.at;
    }
    at
}
