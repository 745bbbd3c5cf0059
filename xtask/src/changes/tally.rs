//! What became of the load: counts by protocol, and the first failures in words.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;

/// Failures that are kept in words; more only repeat them.
const FAILURES_KEPT_MAX: usize = 20;

/// How a request travelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Via {
    /// HTTP/1.1, connections kept alive.
    Http1,
    /// HTTP/1.1, a connection per request.
    Http1Fresh,
    /// HTTP/2 in plaintext.
    H2c,
    /// HTTP/2 in TLS, a new connection now and then.
    H2Tls,
    /// A WebSocket message and its echo.
    WebSocket,
}

/// Shared by the load's tasks and the edits.
#[derive(Default)]
pub(super) struct Tally(Mutex<Counts>);

#[derive(Clone, Default)]
pub(super) struct Counts {
    pub(super) by_protocol: BTreeMap<Via, Count>,
    pub(super) failures: Vec<String>,
    /// From when a request was due to its last byte, in milliseconds.
    pub(super) latencies_ms: Vec<f64>,
    /// The edit in force or about to be, for the words of a failure.
    edit: String,
}

#[derive(Clone, Copy, Default, Serialize)]
pub(super) struct Count {
    pub(super) answered: u64,
    pub(super) failed: u64,
}

impl Tally {
    pub(super) fn record(&self, via: Via, latency: Duration, result: &anyhow::Result<()>) {
        let mut counts = self.lock();
        let count = counts.by_protocol.entry(via).or_default();
        match result {
            Ok(()) => {
                count.answered += 1;
                counts.latencies_ms.push(latency.as_secs_f64() * 1e3);
            }
            Err(error) => {
                count.failed += 1;
                if counts.failures.len() < FAILURES_KEPT_MAX {
                    let words = format!("{via:?} at {}: {error:#}", counts.edit);
                    counts.failures.push(words);
                }
            }
        }
    }

    /// Names the edit that failures from now on may be due to.
    pub(super) fn enter(&self, edit: String) {
        self.lock().edit = edit;
    }

    pub(super) fn counts(&self) -> Counts {
        self.lock().clone()
    }

    pub(super) fn answered(&self) -> u64 {
        self.lock().by_protocol.values().map(|count| count.answered).sum()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    pub(super) fn answered(&self) -> u64 {
        self.by_protocol.values().map(|count| count.answered).sum()
    }

    pub(super) fn failed(&self) -> u64 {
        self.by_protocol.values().map(|count| count.failed).sum()
    }
}
