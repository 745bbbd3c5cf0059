//! The deadlines of one exchange, kept by its one [`Watchdog`].

use std::time::Duration;

use tokio::time::Instant;

use crate::limits::Limits;
use crate::watchdog::Watchdog;

/// When an exchange, its present try, or a stall in it has taken too long.
pub(super) struct Deadlines {
    /// The rule's `timeouts.request`.
    pub(super) request: Option<Instant>,
    /// Of the response's beginning, where the rule says nothing.
    response: Option<Instant>,
    /// The rule's `timeouts.backendRequest`, of the present try.
    pub(super) attempt: Option<Instant>,
    /// Of the upload: the slowest a client may be (HARDENING D1).
    body: Option<Instant>,
    progress: Instant,
    progress_timeout: Duration,
    began: Instant,
    /// The upload has a slowest pace: a stream of messages and a tunnel have none, they may rest.
    paced: bool,
    /// Since when the upload waits for the backend, or for one to be found, which is not the client's fault.
    held_since: Option<Instant>,
}

impl Deadlines {
    /// Of what began at `began`.
    pub(super) fn new(began: Instant, request: Option<Duration>, progress_timeout: Duration) -> Self {
        Self {
            request: request.and_then(|timeout| began.checked_add(timeout)),
            response: None,
            attempt: None,
            body: None,
            progress: began + progress_timeout,
            progress_timeout,
            began,
            paced: false,
            held_since: None,
        }
    }

    /// Wants the response to begin within `timeout` of the exchange's own beginning.
    pub(super) fn await_response(&mut self, timeout: Duration) {
        self.response = self.began.checked_add(timeout);
    }

    /// The response has begun: from here on it may take its time, as long as something moves.
    pub(super) fn responded(&mut self) {
        self.response = None;
    }

    /// Holds the client to a pace from now on.
    pub(super) fn pace_upload(&mut self) {
        self.paced = true;
    }

    /// The upload waits for the backend, or no longer does. Returns whether that is new: then [`Self::progressed`] is
    /// to be told.
    pub(super) fn upload_waits(&mut self, for_backend: bool) -> bool {
        match (self.held_since, for_backend) {
            (None, true) => {
                self.held_since = Some(Instant::now());
                self.body = None;
                true
            }
            (Some(since), false) => {
                self.held_since = None;
                self.began += since.elapsed();
                true
            }
            (None, false) | (Some(_), true) => false,
        }
    }

    /// A try begins, at `now`.
    pub(super) fn begin_attempt(&mut self, now: Instant, timeout: Option<Duration>) {
        self.attempt = timeout.and_then(|timeout| now.checked_add(timeout));
        self.progress = now + self.progress_timeout;
        // Until the upload is moved again, the client is not to blame for it.
        self.held_since.get_or_insert(now);
        self.body = None;
    }

    /// Bytes moved, `uploaded` of the request's body so far; `None` once the body is all there.
    pub(super) fn progressed(&mut self, uploaded: Option<u64>, limits: &Limits) {
        self.progress = Instant::now() + self.progress_timeout;
        let waited_for = self.paced && self.held_since.is_none();
        self.body = uploaded.filter(|_| waited_for).map(|bytes| {
            let earned = Duration::from_secs(bytes / limits.body_rate_min.max(1));
            self.began + limits.body_grace + earned
        });
    }

    /// Has `watchdog` wait for the earliest.
    pub(super) fn arm(&self, watchdog: &mut Watchdog) {
        let given = [self.request, self.attempt, self.response, self.body].into_iter().flatten();
        watchdog.set(given.fold(self.progress, Instant::min));
    }

    /// Whether the client's upload alone is what took too long.
    pub(super) fn is_client_slow(&self, now: Instant) -> bool {
        let passed = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        let waits_for_client = self.body.is_some();
        let client_slow = passed(self.body) || (waits_for_client && passed(self.response));
        !passed(self.request) && !passed(self.attempt) && client_slow
    }

    pub(super) fn is_request_over(&self, now: Instant) -> bool {
        [self.request, self.response].into_iter().flatten().any(|deadline| deadline <= now)
    }
}

#[cfg(test)]
mod tests;
