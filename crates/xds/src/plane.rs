//! What each data plane should have: one consistent snapshot each, and the difference to what a client has.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use gatewright_shared_map::{Difference, SharedMap};
use tokio::sync::watch;

use crate::{Change, Resource, Version};

/// Everything that one data plane should have.
pub(crate) struct Snapshot {
    pub(crate) version: Version,
    pub(crate) resources: SharedMap<Arc<str>, Arc<Resource>>,
    /// Those that are sent without their bodies, and why.
    pub(crate) refused: BTreeMap<Arc<str>, String>,
}

impl Snapshot {
    /// Returns what `change` makes of what was there `before`.
    fn after(before: Option<&Self>, change: Change) -> Self {
        let mut resources = before.map(|before| before.resources.clone()).unwrap_or_default();
        let mut refused = before.map(|before| before.refused.clone()).unwrap_or_default();
        for name in change.removed {
            resources.remove(&name);
            refused.remove(&name);
        }
        for resource in change.added {
            let name = resource.name.clone();
            refused.remove(&name);
            let sent = match resource.refused() {
                None => resource,
                Some((bare, why)) => {
                    refused.insert(name.clone(), why);
                    bare
                }
            };
            resources.insert(name, Arc::new(sent));
        }
        let version = Version::of_all(resources.values().map(|resource| (&*resource.name, resource.version)));
        Self { version, resources, refused }
    }
}

/// What a client has: what it said when it came, then what it was sent last.
pub(crate) enum Known {
    Said(BTreeMap<Arc<str>, Version>),
    Sent(Arc<Snapshot>),
}

impl Known {
    /// Returns what makes it `target`.
    pub(crate) fn change_to(&self, target: &Snapshot) -> Change {
        let mut change = Change::default();
        match self {
            Self::Said(versions) => {
                let has = |resource: &Resource| versions.get(&resource.name) == Some(&resource.version);
                let lacking = target.resources.values().filter(|resource| !has(resource));
                change.added.extend(lacking.map(|resource| Resource::clone(resource)));
                let gone = versions.keys().filter(|name| !target.resources.contains_key(*name));
                change.removed.extend(gone.cloned());
            }
            Self::Sent(sent) => {
                for Difference { key, before, now } in target.resources.differences(&sent.resources) {
                    match now {
                        Some(now) if before.map(|before| before.version) != Some(now.version) => {
                            change.added.push(Resource::clone(now));
                        }
                        Some(_) => {}
                        None => change.removed.push(key.clone()),
                    }
                }
            }
        }
        change
    }
}

/// The snapshots of all planes, and who waits for them.
#[derive(Default)]
pub(crate) struct Planes {
    planes: Mutex<HashMap<String, watch::Sender<Option<Arc<Snapshot>>>>>,
}

impl Planes {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<Option<Arc<Snapshot>>>>> {
        self.planes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn publish(&self, plane: &str, change: Change) -> Version {
        let mut planes = self.lock();
        let sender = planes.entry(plane.into()).or_default();
        let before = sender.borrow().clone();
        let snapshot = Snapshot::after(before.as_deref(), change);
        let version = snapshot.version;
        if before.is_none_or(|before| before.version != version) {
            sender.send_replace(Some(Arc::new(snapshot)));
        }
        version
    }

    /// Takes a plane away. Whoever waits for it is told nothing: a proxy keeps what it has until it is stopped.
    pub(crate) fn remove(&self, plane: &str) {
        let mut planes = self.lock();
        if let Some(sender) = planes.get(plane) {
            sender.send_replace(None);
            if sender.is_closed() {
                planes.remove(plane);
            }
        }
    }

    pub(crate) fn published(&self, plane: &str) -> Option<Arc<Snapshot>> {
        self.lock().get(plane)?.borrow().clone()
    }

    pub(crate) fn watch(&self, plane: &str) -> watch::Receiver<Option<Arc<Snapshot>>> {
        self.lock().entry(plane.into()).or_default().subscribe()
    }
}
