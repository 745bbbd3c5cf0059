//! What a request carries from try to try, and when another try is safe.

use std::rc::Rc;
use std::time::Duration;

use gatewright_core::plan::Retry;
use tokio::time::Instant;

use super::deadline::Deadlines;
use super::mirror::Mirrors;
use super::replay::Replay;
use crate::failure::{Failure, What};
use crate::forward::Pump;
use crate::limits::Limits;
use crate::message::{BodyLength, RequestHead};
use crate::snapshot::Terms;
use crate::upstream::Endpoint;

/// Endpoints tried beyond the first when the rule says nothing of retries: what no backend has acted on can be sent to
/// another one without harm.
const UNPROCESSED_TRIES: u32 = 2;
/// Bytes kept of an idempotent request's body against the case that a kept connection turns out dead.
const REPLAY_SMALL_BYTES: usize = 16 * 1024;
/// Backoff grows to this and no further.
const BACKOFF_MAX: Duration = Duration::from_secs(1);

pub(super) struct Trial {
    /// The request's body on its way.
    pub(super) upload: Pump,
    pub(super) replay: Replay,
    pub(super) mirrors: Mirrors,
    pub(super) deadlines: Deadlines,
    /// Endpoints that could not be connected to.
    pub(super) tried: Vec<Rc<Endpoint>>,
    /// A kept connection was dead: the next try makes a new one.
    pub(super) fresh: bool,
    idempotent: bool,
    tries_left: u32,
    unprocessed_tries_left: u32,
    backoff: Duration,
}

impl Trial {
    pub(super) fn new(began: Instant, terms: Terms<'_>, head: &RequestHead, limits: &Limits) -> Self {
        let idempotent = matches!(&*head.method, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE");
        let retry = terms.retry;
        let replay_bytes_max = match retry {
            Some(_) => limits.replay_bytes_max,
            None if idempotent => REPLAY_SMALL_BYTES,
            None => 0,
        };
        // A stream of messages may rest for long, and so may a tunnel.
        let progress_timeout = if head.is_grpc() { limits.idle_timeout } else { limits.progress_timeout };
        // Whoever grants a request more time than that means it.
        let granted = [terms.timeouts.request, terms.timeouts.backend_request];
        let progress_timeout = granted.into_iter().flatten().fold(progress_timeout, Duration::max);
        let mut deadlines = Deadlines::new(began, terms.timeouts.request, progress_timeout);
        let upload = if head.body == BodyLength::Empty || head.upgrade.is_some() {
            Pump::done()
        } else {
            if !head.is_grpc() {
                deadlines.pace_upload();
            }
            Pump::default()
        };
        Self {
            upload,
            replay: Replay::new(replay_bytes_max),
            mirrors: Mirrors::default(),
            deadlines,
            tried: Vec::new(),
            fresh: false,
            idempotent,
            tries_left: retry.map_or(0, |retry| retry.attempts),
            unprocessed_tries_left: UNPROCESSED_TRIES,
            backoff: retry.map_or(Duration::ZERO, |retry| retry.backoff),
        }
    }

    /// Whether a response with `status` is dropped for another try. The last try's is passed on whatever it is.
    pub(super) fn is_worth_another(&mut self, retry: Option<&Retry>, status: u16) -> bool {
        let listed = retry.is_some_and(|retry| retry.codes.contains(&status));
        if !listed || self.tries_left == 0 || self.replay.bytes().is_none() {
            return false;
        }
        self.tries_left -= 1;
        true
    }

    /// Whether the request may be tried again after `failure`, which takes one of the tries that are left.
    pub(super) fn survives(&mut self, failure: &Failure, retry: Option<&Retry>) -> bool {
        if self.replay.bytes().is_none() || self.deadlines.is_request_over(Instant::now()) {
            return false;
        }
        let stale = failure.what == What::BackendGone && self.fresh && self.idempotent;
        let listed = failure.what == What::Timeout && retry.is_some_and(|retry| retry.codes.contains(&504));
        if (listed || (failure.unprocessed && retry.is_some())) && self.tries_left > 0 {
            self.tries_left -= 1;
            return true;
        }
        if (stale || (failure.unprocessed && retry.is_none())) && self.unprocessed_tries_left > 0 {
            self.unprocessed_tries_left -= 1;
            return true;
        }
        false
    }

    /// Returns how long to wait before the next try, the first time little.
    pub(super) fn next_backoff(&mut self) -> Duration {
        let backoff = self.backoff;
        self.backoff = (backoff * 2).min(BACKOFF_MAX.max(backoff));
        backoff
    }

    /// From here on both directions are a tunnel's.
    pub(super) fn tunnel(&mut self, limits: &Limits) {
        self.upload = Pump::default();
        self.deadlines = Deadlines::new(Instant::now(), None, limits.idle_timeout);
    }
}

#[cfg(test)]
mod tests;
