//! A peer that is waited for and takes nothing, or next to nothing.

use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use crate::watchdog::Watchdog;

/// Watches one peer: within `timeout` of being waited for it must take `bytes_min`, and again and again.
pub(crate) struct Stall {
    timeout: Duration,
    bytes_min: u64,
    /// Bytes it has taken since the deadline was last moved.
    taken: u64,
    /// Runs while the peer is waited for, and is kept for the next time.
    watchdog: Option<Watchdog>,
    waiting: bool,
}

impl Stall {
    pub(crate) fn new(timeout: Duration, bytes_min: u64) -> Self {
        Self { timeout, bytes_min, taken: 0, watchdog: None, waiting: false }
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting
    }

    /// Called while the peer is waited for; ready when that has been so for too long.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = || Instant::now() + self.timeout;
        let watchdog = self.watchdog.get_or_insert_with(|| Watchdog::new(deadline()));
        if !self.waiting {
            watchdog.set(deadline());
            self.waiting = true;
            self.taken = 0;
        }
        watchdog.poll(cx)
    }

    /// The peer took some bytes: enough of them count as a new beginning.
    pub(crate) fn progress(&mut self, bytes: u64) {
        self.taken += bytes;
        if self.taken >= self.bytes_min {
            self.waiting = false;
        }
    }

    /// The peer took all there was.
    pub(crate) fn end(&mut self) {
        self.waiting = false;
    }
}
