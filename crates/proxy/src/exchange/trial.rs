//! What a request carries from try to try, and when another try is safe.

use std::rc::Rc;
use std::time::Duration;

use gatewright_core::plan::Retry;
use tokio::time::Instant;

use super::deadline::Deadlines;
use super::external_auth::Held;
use super::farewell::Farewell;
use super::mirror::Mirrors;
use super::replay::Replay;
use crate::budget::Budget;
use crate::failure::{Failure, What};
use crate::forward::Pump;
use crate::limits::Limits;
use crate::message::{BodyLength, RequestHead, ResponseHead};
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
    /// Of a WebSocket, once it is one.
    pub(super) farewell: Option<Farewell>,
    /// A kept connection was dead: the next try makes a new one.
    pub(super) fresh: bool,
    idempotent: bool,
    is_grpc: bool,
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
        let mut deadlines = deadlines(began, terms, head, limits);
        let upload = if head.body == BodyLength::Empty || head.upgrade.is_some() {
            Pump::done()
        } else {
            if !may_rest(terms) {
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
            farewell: None,
            fresh: false,
            idempotent,
            is_grpc: head.is_grpc(),
            tries_left: retry.map_or(0, |retry| retry.attempts),
            unprocessed_tries_left: UNPROCESSED_TRIES,
            backoff: retry.map_or(Duration::ZERO, |retry| retry.backoff),
        }
    }

    /// Takes a body that has been read already; the mirrors get it at once.
    pub(super) fn hold(&mut self, held: Held, budget: &Budget) {
        self.upload = Pump::ended(held.bytes.len() as u64);
        self.mirrors.pass(&held.bytes, budget);
        self.mirrors.end();
        self.replay = Replay::whole(held);
    }

    /// Whether `response` is dropped for another try. The last try's is passed on whatever it is.
    pub(super) fn is_worth_another(&mut self, retry: Option<&Retry>, response: &ResponseHead) -> bool {
        let listed = retry
            .is_some_and(|retry| retry.codes.contains(&response.status) || (self.is_grpc && is_unavailable(response)));
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

    /// Whether another try after `failure` could give backends the same work twice: then the budget must grant it. What
    /// no backend has seen, and what was sent on a kept connection that was dead, is tried twice more at most, and no
    /// backend is the more loaded for it.
    pub(super) fn repeats_work(&self, failure: &Failure) -> bool {
        let was_stale = failure.what == What::BackendGone && self.fresh;
        !failure.unprocessed && !was_stale
    }

    /// Returns how long to wait before the next try, the first time little.
    pub(super) fn next_backoff(&mut self) -> Duration {
        let backoff = self.backoff;
        self.backoff = (backoff * 2).min(BACKOFF_MAX.max(backoff));
        backoff
    }

    /// From here on both directions are a tunnel's, of the protocol that the request asked for.
    pub(super) fn tunnel(&mut self, protocol: Option<&str>, limits: &Limits) {
        self.farewell =
            protocol.filter(|protocol| protocol.eq_ignore_ascii_case("websocket")).map(|_| Farewell::default());
        self.upload = Pump::default();
        self.deadlines = Deadlines::new(Instant::now(), None, limits.idle_timeout);
    }
}

/// Whether a call was not begun on, as its backend says: UNAVAILABLE, in a response of trailers alone (GEP-1731).
fn is_unavailable(response: &ResponseHead) -> bool {
    response.body == BodyLength::Empty && response.fields.get("grpc-status") == Some(b"14")
}

/// Whether both directions may be silent for long: a stream of messages by the route's kind, and what has no limit by the
/// route. What the client says of its body decides nothing: any request may say that it is gRPC.
fn may_rest(terms: Terms<'_>) -> bool {
    terms.is_of_grpc || terms.timeouts.request == Some(Duration::ZERO)
}

/// The deadlines of a request, as its rule and the limits give them.
fn deadlines(began: Instant, terms: Terms<'_>, head: &RequestHead, limits: &Limits) -> Deadlines {
    let timeouts = terms.timeouts;
    let progress_timeout = if may_rest(terms) { limits.idle_timeout } else { limits.progress_timeout };
    // Whoever grants a request more time than that means it.
    let granted = [timeouts.request, timeouts.backend_request];
    let progress_timeout = granted.into_iter().flatten().fold(progress_timeout, Duration::max);
    let mut deadlines = Deadlines::new(began, timeouts.request.filter(|timeout| !timeout.is_zero()), progress_timeout);
    if timeouts.request.is_none() && !terms.is_of_grpc && head.upgrade.is_none() {
        deadlines.await_response(
            timeouts.backend_request.map_or(limits.request_timeout, |granted| granted.max(limits.request_timeout)),
        );
    }
    deadlines
}

#[cfg(test)]
mod tests;
