//! Requests per listener or route, by class of status.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use super::recorder::Counter;

/// The classes of [`class`]: `1xx` to `5xx`, and exchanges that ended without a response.
pub(super) const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

pub(super) fn class(status: u16) -> usize {
    match status {
        100..=599 => usize::from(status / 100),
        _ => 0,
    }
}

/// The counters of one listener or route. A Snapshot holds it beside what it counts, so that a request finds it
/// without a lookup; it lives as long as some Snapshot names it.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    id: Arc<str>,
    counters: Arc<SeriesCounters>,
}

/// The counters of each worker, on a cache line of its own.
type SeriesCounters = [PerWorker];

impl Series {
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn count(&self, worker: usize, status: u16) {
        self.counters[worker].classes[class(status)].add(1);
    }
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct PerWorker {
    classes: [Counter; CLASSES.len()],
}

fn counters(workers: usize) -> Arc<SeriesCounters> {
    (0..workers).map(|_| PerWorker::default()).collect()
}

/// Returns the sum over all workers, in the order of [`CLASSES`].
fn sum(counters: &SeriesCounters) -> [u64; CLASSES.len()] {
    let mut sum = [0; CLASSES.len()];
    for worker in counters {
        for (sum, class) in sum.iter_mut().zip(&worker.classes) {
            *sum += class.get();
        }
    }
    sum
}

/// All series of one kind, by id.
#[derive(Debug)]
pub(super) struct SeriesSet {
    workers: usize,
    live: Mutex<BTreeMap<Arc<str>, Weak<SeriesCounters>>>,
    /// Shared by what came when the set was full.
    rest: Arc<SeriesCounters>,
}

impl SeriesSet {
    /// Series of their own. A Prometheus server pays for each label value it ever saw: 1,000 routes are 6,000 of its
    /// series, which is as much as one proxy may cost it; what comes later is counted together, as `other`.
    pub(super) const SERIES_MAX: usize = 1_000;

    pub(super) fn new(workers: usize) -> Self {
        Self { workers, live: Mutex::default(), rest: counters(workers) }
    }

    /// Returns the series of `id`: the one in use, so that counting goes on when a new Snapshot names it again.
    pub(super) fn get(&self, id: &Arc<str>) -> Series {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counters) = live.get(id).and_then(Weak::upgrade) {
            return Series { id: id.clone(), counters };
        }
        if live.len() >= Self::SERIES_MAX {
            live.retain(|_, weak| weak.strong_count() > 0);
        }
        let id = id.clone();
        if live.len() >= Self::SERIES_MAX {
            return Series { id, counters: self.rest.clone() };
        }
        let counters = counters(self.workers);
        live.insert(id.clone(), Arc::downgrade(&counters));
        Series { id, counters }
    }

    /// Returns every series in use with its sums, and `other` when something was counted there.
    pub(super) fn sums(&self) -> Vec<(Arc<str>, [u64; CLASSES.len()])> {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sums: Vec<_> = live.iter().filter_map(|(id, weak)| Some((id.clone(), sum(&weak.upgrade()?)))).collect();
        let rest = sum(&self.rest);
        if rest.iter().any(|count| *count > 0) {
            sums.push(("other".into(), rest));
        }
        sums
    }
}
