//! How long to wait before trying again.

use std::time::Duration;

/// Waits that double from attempt to attempt, each shortened at random, so that a crowd does not come back at once.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// Something went well: the next wait is a short one.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }

    /// Returns between the half and the whole of the next wait.
    pub(crate) fn wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(self.longest);
        wait.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}
