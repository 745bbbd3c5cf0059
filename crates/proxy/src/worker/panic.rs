//! Our own faults: a panic ends the task it happens in and nothing else, and is not passed over (HARDENING F25).
//!
//! The event loop catches it; what it says and where it was is the panic hook's to print.

use super::Worker;
use crate::observe::Event;

/// Held by a task for as long as it does its work: counts and logs that it panics.
pub(crate) struct Watch<'a> {
    worker: &'a Worker,
    /// What ends with the task.
    what: &'static str,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(worker: &'a Worker, what: &'static str) -> Self {
        Self { worker, what }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.worker.recorder.count(Event::Panicked);
            tracing::error!(ended = self.what, "a fault of the gateway itself: a task panicked");
        }
    }
}
