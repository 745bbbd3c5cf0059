//! The objects of all manifest files, kept as an API server would keep them.
//!
//! What is refused leaves the object's last good version in force, and a file that cannot be read to its end takes
//! nothing away: an object goes only when a whole file no longer holds it, or the file is gone.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
};

use gatewright_core::{
    api::schema::{Channel, Node, Position},
    world::{Object, ObjectRef, World},
};

use super::{
    document::{Document, place_of},
    yaml,
};
use crate::finding::Finding;

/// All objects, by file.
#[derive(Debug)]
pub(crate) struct Library {
    channel: Channel,
    files: BTreeMap<PathBuf, File>,
    /// Which files hold an object; the first of them counts.
    holders: BTreeMap<ObjectRef, BTreeSet<PathBuf>>,
}

#[derive(Debug, Default)]
struct File {
    /// In order, with the number of their first line, from 0.
    documents: Vec<(u32, Arc<Document>)>,
    objects: BTreeMap<ObjectRef, Held>,
    /// What is wrong beyond the documents themselves.
    findings: Vec<Finding>,
}

/// An object as a file holds it, which may be the last good version of what the file says now.
#[derive(Clone, Debug)]
struct Held {
    object: Arc<Object>,
    source: Written,
}

/// Where an object is written.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    document: Arc<Document>,
    /// Of the document in its file, from 0.
    first_line: u32,
    index: usize,
    /// Of the object in its file.
    at: Position,
}

impl Written {
    /// Reads the object again, as it was written.
    pub(crate) fn node(&self) -> Option<Node> {
        self.document.written(self.index)
    }

    /// Returns where a field stands in the file, or the nearest value around it that was written.
    fn place(&self, field: &str) -> Position {
        self.node().map_or(self.at, |node| shift(place_of(&node, field), self.first_line))
    }
}

fn shift(at: Position, first_line: u32) -> Position {
    Position { line: if at.line == 0 { 0 } else { at.line.saturating_add(first_line) }, ..at }
}

impl Library {
    pub(crate) fn new(channel: Channel) -> Self {
        Self { channel, files: BTreeMap::new(), holders: BTreeMap::new() }
    }

    /// Takes the new text of a file, and brings `world` up to date.
    pub(crate) fn replace(&mut self, path: &Path, text: &str, world: &mut World) {
        let old = self.files.remove(path).unwrap_or_default();
        let new = self.read(path, text, &old);
        let changed = self.index(path, old, &new);
        self.files.insert(path.to_owned(), new);
        self.update(world, &changed);
    }

    /// Forgets a file that is gone, and brings `world` up to date.
    pub(crate) fn remove(&mut self, path: &Path, world: &mut World) {
        if let Some(old) = self.files.remove(path) {
            let changed = self.index(path, old, &File::default());
            self.update(world, &changed);
        }
    }

    /// Keeps what a file held, though it cannot be read now.
    pub(crate) fn fail(&mut self, path: &Path, problem: String) {
        let file = self.files.entry(path.to_owned()).or_default();
        file.documents.clear();
        file.findings = vec![Finding::of_file(path.to_owned(), Position::default(), problem)];
    }

    /// Returns everything that is wrong with the files.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (path, file) in &self.files {
            findings.extend(file.findings.iter().cloned());
            for (first_line, document) in &file.documents {
                findings.extend(document.findings.iter().map(|finding| finding.clone().placed(path, *first_line)));
            }
        }
        for (object, holders) in self.holders.iter().filter(|(_, holders)| holders.len() > 1) {
            let mut holders = holders.iter();
            let first = holders.next().map(|first| first.display().to_string()).unwrap_or_default();
            findings.extend(holders.map(|path| {
                let at = self.held(path, object).map(|held| held.source.at).unwrap_or_default();
                twice(path, object, at, &first)
            }));
        }
        findings
    }

    /// Returns the file of an object, and the place of a field in it, or of the nearest value that was written.
    pub(crate) fn place(&self, object: &ObjectRef, field: &str) -> Option<(&Path, Position)> {
        let path = self.holders.get(object)?.first()?;
        Some((path, self.held(path, object)?.source.place(field)))
    }

    /// Returns where an object is written.
    pub(crate) fn written(&self, object: &ObjectRef) -> Option<&Written> {
        let path = self.holders.get(object)?.first()?;
        Some(&self.held(path, object)?.source)
    }

    pub(crate) fn files(&self) -> usize {
        self.files.len()
    }

    /// Returns how many objects are in force.
    pub(crate) fn objects(&self) -> usize {
        self.holders.len()
    }

    /// Returns how many objects of others' kinds the files hold.
    pub(crate) fn ignored(&self) -> usize {
        self.files.values().flat_map(|file| &file.documents).map(|(_, document)| document.ignored).sum()
    }

    fn held(&self, path: &Path, object: &ObjectRef) -> Option<&Held> {
        self.files.get(path)?.objects.get(object)
    }

    /// Reads a file's text. A document that stood there before is not read again: an edit costs what it changes.
    fn read(&self, path: &Path, text: &str, old: &File) -> File {
        let known: HashMap<&str, &Arc<Document>> =
            old.documents.iter().map(|(_, document)| (&*document.text, document)).collect();
        let mut file = File::default();
        for (first_line, text) in yaml::split(text) {
            let document =
                known.get(text).map_or_else(|| Document::read(text, self.channel).into(), |known| Arc::clone(known));
            file.take(path, first_line, &document, old);
            file.documents.push((first_line, document));
        }
        if file.documents.iter().any(|(_, document)| !document.is_whole) {
            for (name, held) in &old.objects {
                file.objects.entry(name.clone()).or_insert_with(|| held.clone());
            }
        }
        file
    }

    /// Notes which objects `path` holds now, and returns those that this changes.
    fn index(&mut self, path: &Path, old: File, new: &File) -> BTreeSet<ObjectRef> {
        let mut changed = BTreeSet::new();
        for (name, held) in &new.objects {
            let is_same = |old: &Held| Arc::ptr_eq(&old.object, &held.object) || old.object == held.object;
            if !old.objects.get(name).is_some_and(is_same) {
                changed.insert(name.clone());
                self.holders.entry(name.clone()).or_default().insert(path.to_owned());
            }
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
                Some(held) => world.insert((*held.object).clone()),
                None => {
                    world.remove(name);
                }
            }
        }
    }
}

impl File {
    /// Takes what a document holds. What it refuses stays as the `old` file had it.
    fn take(&mut self, path: &Path, first_line: u32, document: &Arc<Document>, old: &Self) {
        for entry in &document.entries {
            let at = shift(entry.at, first_line);
            if let Some(first) = self.objects.get(&entry.name) {
                self.findings.push(twice(path, &entry.name, at, &format!("line {}", first.source.at.line)));
                continue;
            }
            let held = match &entry.object {
                Some(object) => {
                    let source = Written { document: document.clone(), first_line, index: entry.index, at };
                    Some(Held { object: object.clone(), source })
                }
                None => old.objects.get(&entry.name).cloned(),
            };
            if let Some(held) = held {
                self.objects.insert(entry.name.clone(), held);
            }
        }
    }
}

fn twice(path: &Path, object: &ObjectRef, at: Position, first: &str) -> Finding {
    Finding {
        object: object.to_string(),
        accepted: "the object once".into(),
        ..Finding::of_file(path.to_owned(), at, format!("has no effect: {first} holds the same object"))
    }
}
