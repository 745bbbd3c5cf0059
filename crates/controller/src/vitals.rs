//! How the controller does, for probes and for Prometheus.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::watch::{Failure, Subject};

/// Upper bounds in seconds of a compilation.
const COMPILE_BOUNDS: [f64; 9] = [0.000_25, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

/// What is counted and shown.
#[derive(Debug)]
pub struct Vitals {
    is_ready: AtomicBool,
    compiled: Histogram,
    leads: Gauge,
    writes: Family<Written, Counter>,
    events: Family<Told, Counter>,
    failing: Family<Failing, Gauge>,
    /// Those that `failing` tells of: one that is well again is taken out.
    told: Mutex<BTreeSet<Failing>>,
}

/// What became of a write to an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Written {
    kind: &'static str,
    outcome: &'static str,
}

/// What became of an Event.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Told {
    outcome: &'static str,
}

/// A watch that does not come to its objects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
struct Failing {
    kind: &'static str,
    /// Empty for the whole cluster.
    namespace: String,
    reason: &'static str,
}

impl Default for Vitals {
    fn default() -> Self {
        Self {
            is_ready: AtomicBool::new(false),
            compiled: Histogram::new(COMPILE_BOUNDS),
            leads: Gauge::default(),
            writes: Family::default(),
            events: Family::default(),
            failing: Family::default(),
            told: Mutex::default(),
        }
    }
}

impl Vitals {
    /// Registers the metrics, each under `controller`.
    pub fn register(&self, registry: &mut Registry) {
        let own = registry.sub_registry_with_prefix("controller");
        own.register("compile_seconds", "From changed objects to Plans and statuses", self.compiled.clone());
        own.register("leader", "Whether this replica writes and provisions", self.leads.clone());
        own.register("writes", "Writes to objects, by kind and what became of them", self.writes.clone());
        own.register("events", "Kubernetes Events, by what became of them", self.events.clone());
        own.register("watch_failing", "1 for each watch that does not come to its objects", self.failing.clone());
    }

    /// Whether the whole cluster was known and its Plans were out. Once so, always so: what was known is served.
    pub fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Relaxed)
    }

    pub(crate) fn compiled(&self, elapsed: Duration) {
        self.compiled.observe(elapsed.as_secs_f64());
    }

    pub(crate) fn published(&self) {
        self.is_ready.store(true, Ordering::Relaxed);
    }

    pub(crate) fn leads(&self, leads: bool) {
        self.leads.set(leads.into());
    }

    pub(crate) fn wrote(&self, kind: &'static str, outcome: &'static str) {
        self.writes.get_or_create(&Written { kind, outcome }).inc();
    }

    pub(crate) fn events(&self, outcome: &'static str, count: usize) {
        self.events.get_or_create(&Told { outcome }).inc_by(count as u64);
    }

    /// Shows which watches fail now.
    pub(crate) fn failing<'a>(&self, failing: impl Iterator<Item = (&'a Subject, &'a Failure)>) {
        let now: BTreeSet<Failing> = failing
            .map(|(subject, failure)| Failing {
                kind: subject.kind.name(),
                namespace: subject.namespace.clone().unwrap_or_default(),
                reason: match failure {
                    Failure::Forbidden(_) => "forbidden",
                    Failure::Unavailable(_) => "unavailable",
                },
            })
            .collect();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for well in told.difference(&now) {
            self.failing.remove(well);
        }
        for failing in &now {
            self.failing.get_or_create(failing).set(1);
        }
        *told = now;
    }
}

#[cfg(test)]
mod tests;
