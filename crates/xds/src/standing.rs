//! What every connected proxy has confirmed, those that other controllers serve included.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::watch;

use crate::Version;

/// A connected proxy, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// The name it gives itself, a pod's; for people alone, nothing is decided by it.
    pub proxy: Arc<str>,
    /// What it has in force; `None` until it has confirmed something.
    pub version: Option<Version>,
    /// Resources of that version that it does not use, by name, and why; of each the last good one is in force, if any.
    pub rejected: BTreeMap<String, String>,
}

/// How a data plane stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What was published last, here.
    pub published: Option<Version>,
    /// What of it is sent to nobody, by name, and why.
    pub refused: BTreeMap<Arc<str>, String>,
    /// Every connected proxy, in no particular order.
    pub proxies: Vec<Confirmation>,
}

impl Standing {
    /// Whether there is a proxy, and every one enforces what was published last, but for what it rejects.
    pub fn is_confirmed(&self) -> bool {
        self.published.is_some()
            && !self.proxies.is_empty()
            && self.proxies.iter().all(|proxy| proxy.version == self.published)
    }

    /// Returns what is not in force of what was published: what any proxy rejects whose version `counts`, and what is sent
    /// to nobody.
    pub fn rejected(&self, counts: impl Fn(Version) -> bool) -> BTreeMap<&str, &str> {
        let heard = self.proxies.iter().filter(|proxy| proxy.version.is_some_and(&counts));
        let rejected = heard.flat_map(|proxy| proxy.rejected.iter().map(|(name, why)| (&**name, &**why)));
        // What a proxy says of a resource that it was not sent is not why.
        rejected.chain(self.refused.iter().map(|(name, why)| (&**name, &**why))).collect()
    }
}

/// Who serves a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    Here,
    /// A controller that relays, by the number of its stream.
    Relay(u64),
}

/// Everybody's confirmations. Cheap to clone; clones share.
#[derive(Clone)]
pub(crate) struct Ledger {
    shared: Arc<Shared>,
}

struct Shared {
    planes: Mutex<BTreeMap<String, Entries>>,
    changes: watch::Sender<u64>,
    next: AtomicU64,
}

type Entries = HashMap<(Source, u64), Confirmation>;

impl Ledger {
    pub(crate) fn new() -> Self {
        let shared = Shared { planes: Mutex::default(), changes: watch::Sender::new(0), next: AtomicU64::new(0) };
        Self { shared: Arc::new(shared) }
    }

    /// Wakes whenever anything is different.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    pub(crate) fn touch(&self) {
        self.shared.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Returns a number that no other stream has.
    pub(crate) fn number(&self) -> u64 {
        self.shared.next.fetch_add(1, Ordering::Relaxed)
    }

    fn planes(&self) -> MutexGuard<'_, BTreeMap<String, Entries>> {
        self.shared.planes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn proxies(&self, plane: &str) -> Vec<Confirmation> {
        self.planes().get(plane).map(|entries| entries.values().cloned().collect()).unwrap_or_default()
    }

    /// Returns the proxies that this process serves, by plane.
    pub(crate) fn own(&self) -> BTreeMap<String, Vec<Confirmation>> {
        let planes = self.planes();
        let own = planes.iter().map(|(plane, entries)| {
            let own = entries.iter().filter(|((source, _), _)| *source == Source::Here);
            let mut own: Vec<_> = own.map(|((_, number), proxy)| (*number, proxy.clone())).collect();
            own.sort_by_key(|(number, _)| *number);
            (plane.clone(), own.into_iter().map(|(_, proxy)| proxy).collect::<Vec<_>>())
        });
        own.filter(|(_, own)| !own.is_empty()).collect()
    }

    /// Enters a proxy that this process serves, until the returned entry is dropped.
    pub(crate) fn enter(&self, plane: &str, proxy: Arc<str>) -> Entry {
        let entry = Entry { ledger: self.clone(), plane: plane.into(), number: self.number() };
        entry.write(&Confirmation { proxy, version: None, rejected: BTreeMap::new() });
        entry
    }

    /// Replaces what a relaying controller said of one plane.
    pub(crate) fn relayed(&self, relay: u64, plane: &str, proxies: Vec<Confirmation>) {
        let mut planes = self.planes();
        let entries = planes.entry(plane.into()).or_default();
        entries.retain(|(source, _), _| *source != Source::Relay(relay));
        entries.extend((0..).zip(proxies).map(|(index, proxy)| ((Source::Relay(relay), index), proxy)));
        planes.retain(|_, entries| !entries.is_empty());
        drop(planes);
        self.touch();
    }

    /// Forgets what a relaying controller said.
    pub(crate) fn relay_ended(&self, relay: u64) {
        let mut planes = self.planes();
        for entries in planes.values_mut() {
            entries.retain(|(source, _), _| *source != Source::Relay(relay));
        }
        planes.retain(|_, entries| !entries.is_empty());
        drop(planes);
        self.touch();
    }
}

/// One connected proxy's line in the ledger.
pub(crate) struct Entry {
    ledger: Ledger,
    plane: String,
    number: u64,
}

impl Entry {
    pub(crate) fn write(&self, confirmation: &Confirmation) {
        let mut planes = self.ledger.planes();
        let entries = planes.entry(self.plane.clone()).or_default();
        let before = entries.insert((Source::Here, self.number), confirmation.clone());
        drop(planes);
        if before.as_ref() != Some(confirmation) {
            self.ledger.touch();
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut planes = self.ledger.planes();
        if let Some(entries) = planes.get_mut(&self.plane) {
            entries.remove(&(Source::Here, self.number));
            if entries.is_empty() {
                planes.remove(&self.plane);
            }
        }
        drop(planes);
        self.ledger.touch();
    }
}
