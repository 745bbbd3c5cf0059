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
pub(crate) enum Via {
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
    /// An HTTP/1.1 request that takes seconds.
    Http1Long,
    /// A gRPC call that takes seconds.
    Grpc,
}

/// Shared by the load's tasks and the edits.
#[derive(Default)]
pub(crate) struct Tally(Mutex<Counts>);

#[derive(Clone, Default)]
pub(crate) struct Counts {
    pub(crate) by_protocol: BTreeMap<Via, Count>,
    pub(crate) failures: Vec<String>,
    /// From when a request was due to its last byte, in milliseconds.
    pub(crate) latencies_ms: Vec<f64>,
    /// The edit in force or about to be, for the words of a failure.
    edit: String,
}

#[derive(Clone, Copy, Default, Serialize)]
pub(crate) struct Count {
    pub(crate) answered: u64,
    pub(crate) failed: u64,
}

impl Tally {
    pub(crate) fn record(&self, via: Via, latency: Duration, result: &anyhow::Result<()>) {
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
    pub(crate) fn enter(&self, edit: String) {
        self.lock().edit = edit;
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().clone()
    }

    pub(crate) fn answered(&self) -> u64 {
        self.lock().by_protocol.values().map(|count| count.answered).sum()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    pub(crate) fn answered(&self) -> u64 {
        self.by_protocol.values().map(|count| count.answered).sum()
    }

    pub(crate) fn failed(&self) -> u64 {
        self.by_protocol.values().map(|count| count.failed).sum()
    }
}
