//! A worker's own side of observation: counters and the entrance to the access log.

use std::{
    cell::Cell,
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{Event, FAILURES, Record, histogram::Histogram, log::Entrance};
use crate::violation::Violation;

/// A number that one thread adds to and any thread reads: a plain load and store, without a locked instruction.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    /// Adds; only the owning worker calls it.
    pub(super) fn add(&self, more: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one worker counts. Aligned so that no two workers share a cache line (or a pair that is prefetched together).
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Counters {
    pub(super) events: [Counter; Event::ALL.len()],
    /// By [`FAILURES`].
    pub(super) failures: [Counter; FAILURES.len()],
    pub(super) violations: PerRule,
    /// By `Version`.
    pub(super) versions: [Counter; 3],
    pub(super) request_bytes: Counter,
    pub(super) response_bytes: Counter,
    /// Requests that no listener took.
    pub(super) without_listener: [Counter; super::series::CLASSES.len()],
    pub(super) duration: Histogram,
    pub(super) backend_duration: Histogram,
}

/// By [`Violation`].
#[derive(Debug)]
pub(super) struct PerRule(pub(super) [Counter; Violation::COUNT]);

impl Default for PerRule {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Counter::default()))
    }
}

/// Counts and logs for one worker. Not shareable: that is what makes its counters cheap.
#[derive(Debug)]
pub(crate) struct Recorder {
    worker: usize,
    counters: Arc<Counters>,
    log: Option<Entrance>,
    /// Keeps it on its worker's thread.
    unshared: PhantomData<Cell<()>>,
}

impl Recorder {
    pub(super) fn new(worker: usize, counters: Arc<Counters>, log: Option<Entrance>) -> Self {
        Self { worker, counters, log, unshared: PhantomData }
    }

    /// Counts `event` once.
    pub(crate) fn count(&self, event: Event) {
        self.counters.events[event as usize].add(1);
    }

    /// Counts a finished exchange and writes it to the access log.
    pub(crate) fn finish(&self, record: &Record<'_>) {
        let counters = &*self.counters;
        match record.listener {
            Some(listener) => listener.count(self.worker, record.status),
            None => counters.without_listener[super::series::class(record.status)].add(1),
        }
        if let Some(route) = record.route {
            route.count(self.worker, record.status);
        }
        if let Some(failure) = record.failure {
            counters.failures[failure as usize].add(1);
        }
        if let Some(violation) = record.violation {
            counters.violations.0[violation as usize].add(1);
        }
        counters.versions[record.version as usize].add(1);
        counters.request_bytes.add(record.request_bytes);
        counters.response_bytes.add(record.response_bytes);
        counters.duration.observe(record.duration);
        if let Some(duration) = record.backend_duration {
            counters.backend_duration.observe(duration);
        }
        if let Some(log) = &self.log
            && !log.push(record)
        {
            self.count(Event::LogDropped);
        }
    }
}
