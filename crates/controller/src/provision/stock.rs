//! What is in the cluster of what this installation made, as the watches tell it.

use std::collections::BTreeMap;

use kube::runtime::watcher::Event;
use serde_json::Value;

use super::{
    kind::{Id, Made},
    label,
};

/// The objects that carry our label.
#[derive(Debug, Default)]
pub(super) struct Stock {
    objects: BTreeMap<Id, Value>,
    /// Of a kind whose list is under way: what was listed so far.
    listing: BTreeMap<Made, Vec<(Id, Value)>>,
    /// Why a kind cannot be watched. One that is neither here nor listed has not been heard of yet.
    failing: BTreeMap<Made, String>,
    listed: BTreeMap<Made, Listed>,
    /// Lists completed so far.
    lists: u64,
}

/// How far the watch of a kind has come.
#[derive(Debug, Default)]
struct Listed {
    /// The number of its last list.
    list: u64,
    /// The highest resourceVersion that it told of. Versions are numbers that grow from change to change of a kind
    /// (KEP-5504).
    version: u64,
}

impl Stock {
    /// Takes what a watch says.
    pub(super) fn take(&mut self, kind: Made, event: Event<Value>) {
        match event {
            Event::Init => drop(self.listing.insert(kind, Vec::new())),
            Event::InitApply(object) => {
                if let (Some(id), Some(listing)) = (id(kind, &object), self.listing.get_mut(&kind)) {
                    listing.push((id, object));
                }
            }
            Event::InitDone => {
                let listing = self.listing.remove(&kind).unwrap_or_default();
                self.objects.retain(|id, _| id.kind != kind);
                self.objects.extend(listing);
                self.failing.remove(&kind);
                self.lists += 1;
                let of_kind = self.objects.iter().filter(|(id, _)| id.kind == kind);
                let newest = of_kind.filter_map(|(_, object)| version(object)).max().unwrap_or_default();
                self.listed.insert(kind, Listed { list: self.lists, version: newest });
            }
            Event::Apply(object) => {
                self.come_to(kind, &object);
                drop(id(kind, &object).map(|id| self.objects.insert(id, object)));
            }
            Event::Delete(object) => {
                self.come_to(kind, &object);
                drop(id(kind, &object).and_then(|id| self.objects.remove(&id)));
            }
        }
    }

    fn come_to(&mut self, kind: Made, object: &Value) {
        if let (Some(listed), Some(version)) = (self.listed.get_mut(&kind), version(object)) {
            listed.version = listed.version.max(version);
        }
    }

    /// A watch failed; it is tried again by itself.
    pub(super) fn fail(&mut self, kind: Made, why: String) {
        self.failing.insert(kind, why);
    }

    /// Returns how many lists were completed.
    pub(super) fn lists(&self) -> u64 {
        self.lists
    }

    /// Takes what the API server answered, if it is ahead of the watch. Otherwise the watch has told it, or what came of it:
    /// the object may be gone since. `lists` is how many there were when it was asked.
    pub(super) fn put(&mut self, id: Id, object: Value, lists: u64) {
        let is_ahead = self.listed.get(&id.kind).is_none_or(|listed| {
            listed.list <= lists && version(&object).is_none_or(|version| version > listed.version)
        });
        if is_ahead {
            self.objects.insert(id, object);
        }
    }

    pub(super) fn get(&self, id: &Id) -> Option<&Value> {
        self.objects.get(id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Id, &Value)> {
        self.objects.iter()
    }

    /// Whether it is known which objects of a kind there are; false before its watch has told.
    ///
    /// # Errors
    /// Says why its watch cannot tell.
    pub(super) fn knows(&self, kind: Made) -> Result<bool, String> {
        match (self.listed.contains_key(&kind), self.failing.get(&kind)) {
            (true, _) => Ok(true),
            (false, None) => Ok(false),
            (false, Some(why)) => Err(format!("{} objects cannot be watched: {why}", kind.name())),
        }
    }
}

fn id(kind: Made, object: &Value) -> Option<Id> {
    let text = |field: &str| Some(object["metadata"][field].as_str()?.to_owned());
    Some(Id { kind, namespace: text("namespace")?, name: text("name")? })
}

fn version(object: &Value) -> Option<u64> {
    object["metadata"]["resourceVersion"].as_str()?.parse().ok()
}

/// Which data plane an object was made for.
pub(super) fn data_plane(object: &Value) -> Option<&str> {
    object["metadata"]["annotations"][label::DATA_PLANE].as_str()
}

#[cfg(test)]
mod tests;
