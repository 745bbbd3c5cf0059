//! A deadline that is cheap to move.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// One timer for all deadlines of a connection or stream.
///
/// Moving a deadline later touches no timer: the timer fires at the earlier time, finds the deadline moved and goes
/// back to sleep. So a busy connection, which moves its deadline with every request, pays for a timer once a minute.
#[derive(Debug)]
pub(crate) struct Watchdog {
    timer: Pin<Box<Sleep>>,
    deadline: Instant,
}

impl Watchdog {
    pub(crate) fn new(deadline: Instant) -> Self {
        Self { timer: Box::pin(tokio::time::sleep_until(deadline)), deadline }
    }

    pub(crate) fn set(&mut self, deadline: Instant) {
        self.deadline = deadline;
        if deadline < self.timer.deadline() {
            self.timer.as_mut().reset(deadline);
        }
    }

    pub(crate) fn set_in(&mut self, time: Duration) {
        self.set(Instant::now() + time);
    }

    /// Moves the deadline to `deadline` unless it is earlier already.
    pub(crate) fn set_by(&mut self, deadline: Instant) {
        if deadline < self.deadline {
            self.set(deadline);
        }
    }

    /// Ready when the deadline has passed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.timer.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) if Instant::now() >= self.deadline => return Poll::Ready(()),
                Poll::Ready(()) => self.timer.as_mut().reset(self.deadline),
            }
        }
    }
}

#[cfg(test)]
mod tests;
