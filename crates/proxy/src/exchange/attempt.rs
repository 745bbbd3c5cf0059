//! One try: a connection to one endpoint, the request on it, and its response's head.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, ready};

use tokio::time::Instant;

use super::forward::Exchange;
use super::trial::Trial;
use crate::downstream::Downstream;
use crate::failure::{Failure, What};
use crate::forward::{Part, Stopped};
use crate::message::{BodyLength, RequestHead, ResponseHead, Sink};
use crate::snapshot::{BackendSnapshot, Terms};
use crate::upstream::{self, Upstream};
use crate::violation::Violation;

impl<D: Downstream> Exchange<'_, D> {
    /// Sends the request to one endpoint and waits for its response's head.
    pub(super) async fn attempt(
        &mut self,
        backend: &BackendSnapshot,
        terms: Terms<'_>,
        head: &RequestHead,
        trial: &mut Trial,
        response: &mut ResponseHead,
    ) -> Result<Upstream, Failure> {
        // The first try begins with the exchange; reading the clock is not free.
        let now = if self.account.retries == 0 { self.began } else { Instant::now() };
        trial.deadlines.begin_attempt(now, terms.timeouts.backend_request);
        trial.deadlines.arm(self.watchdog);
        let mut upstream = self.acquire(backend, trial).await?;
        if head.upgrade.is_some() {
            self.within_deadlines(trial, Box::pin(upstream.settle())).await?;
        }
        poll_fn(|cx| upstream.send_head(cx, head).into()).await?;
        let sent = match self.replay(&mut upstream, head, trial).await {
            Ok(()) => self.await_response(&mut upstream, trial, response).await,
            Err(failure) => Err(failure),
        };
        match sent {
            Ok(()) => Ok(upstream),
            Err(failure) => {
                trial.fresh = upstream.is_reused();
                Err(failure)
            }
        }
    }

    /// Takes a kept connection or makes a new one.
    async fn acquire(&mut self, backend: &BackendSnapshot, trial: &mut Trial) -> Result<Upstream, Failure> {
        let endpoints = &self.worker.endpoints;
        let endpoint = upstream::choose(backend, endpoints, &trial.tried).or_else(|| {
            // All have been tried: one may have come back.
            trial.tried.clear();
            upstream::choose(backend, endpoints, &[])
        });
        let endpoint = endpoint.ok_or(What::NoEndpoint)?;
        self.account.endpoint = Some(endpoint.address);
        if !trial.fresh
            && let Some(upstream) = upstream::kept(self.worker, &endpoint, backend)
        {
            return Ok(upstream);
        }
        let connecting = Box::pin(upstream::connect(self.worker, &endpoint, backend));
        let connected = self.within_deadlines(trial, connecting).await?;
        if connected.is_err() {
            trial.tried.push(endpoint);
        }
        connected
    }

    /// Sends again what the client has sent so far. Whether it is flushed is the upload's to see to.
    async fn replay(&mut self, upstream: &mut Upstream, head: &RequestHead, trial: &mut Trial) -> Result<(), Failure> {
        let Some(bytes) = trial.replay.bytes() else { return Ok(()) };
        let ended = trial.upload.has_ended();
        let trailers = trial.replay.trailers.as_ref().filter(|_| ended);
        // Of unknown length and yet empty: that has to be said again, too.
        let unsaid = ended && bytes.is_empty() && head.body == BodyLength::Unknown && head.upgrade.is_none();
        if bytes.is_empty() && !unsaid {
            return Ok(());
        }
        let mut sent = 0;
        poll_fn(|cx| {
            while sent < bytes.len() {
                let Poll::Ready(room) = upstream.poll_ready(cx) else {
                    return self.watchdog.poll(cx).map(|()| Err(What::Timeout.into()));
                };
                let piece = &bytes[sent..bytes.len().min(sent + room?)];
                sent += piece.len();
                upstream.write(cx, piece, ended && trailers.is_none() && sent == bytes.len())?;
            }
            let left = unsaid || trailers.is_some();
            Poll::Ready(if left { upstream.finish(cx, trailers.cloned()) } else { Ok(()) })
        })
        .await?;
        trial.upload.flush_again();
        Ok(())
    }

    /// Moves the request's body while it waits for the response's head; passes interim ones on.
    async fn await_response(
        &mut self,
        upstream: &mut Upstream,
        trial: &mut Trial,
        response: &mut ResponseHead,
    ) -> Result<(), Failure> {
        let worker = self.worker;
        let mut refused = None;
        poll_fn(|cx| {
            let mut scratch = worker.scratch.borrow_mut();
            loop {
                self.poll_upload(cx, upstream, trial, &mut scratch, &mut refused)?;
                match upstream.poll_response(cx, response, &mut scratch) {
                    Poll::Ready(Ok(())) if response.status < 200 && response.status != 101 => {
                        self.client.send_interim(cx, response)?;
                    }
                    Poll::Ready(Ok(())) => return Poll::Ready(Ok(())),
                    Poll::Ready(Err(failure)) => return Poll::Ready(Err(failure)),
                    Poll::Pending => break,
                }
            }
            if trial.upload.is_done() && self.client.poll_gone(cx, &mut scratch).is_ready() {
                return Poll::Ready(Err(What::ClientGone.into()));
            }
            ready!(self.watchdog.poll(cx));
            Poll::Ready(Err(overdue(trial)))
        })
        .await
    }

    /// Moves the request's body. That the backend takes no more is no failure yet: its answer may be on its way.
    pub(super) fn poll_upload(
        &mut self,
        cx: &mut Context<'_>,
        upstream: &mut Upstream,
        trial: &mut Trial,
        scratch: &mut [u8],
        refused: &mut Option<Failure>,
    ) -> Result<(), Failure> {
        if trial.upload.is_done() || refused.is_some() {
            return Ok(());
        }
        let before = trial.upload.bytes;
        let budget = &self.worker.budget;
        let Trial { upload, replay, mirrors, farewell, .. } = trial;
        let moved = upload.poll(cx, self.client, upstream, scratch, |part| match part {
            Part::Bytes(piece) => {
                replay.record(piece, budget);
                mirrors.pass(piece, budget);
                if let Some(farewell) = farewell {
                    farewell.client_says(piece);
                }
            }
            Part::Trailers(trailers) => replay.trailers = Some(trailers.clone()),
        });
        if matches!(moved, Poll::Ready(Ok(()))) {
            mirrors.end();
        }
        let ended = upload.is_done();
        let turned = trial.deadlines.upload_waits(!ended && upload.waits_for_sink);
        if ended || turned || upload.bytes != before {
            trial.deadlines.progressed((!ended).then_some(trial.upload.bytes), &self.worker.limits);
            trial.deadlines.arm(self.watchdog);
        }
        match moved {
            Poll::Ready(Err(Stopped::Source(failure))) => Err(failure),
            Poll::Ready(Err(Stopped::Sink(failure))) => {
                *refused = Some(failure);
                Ok(())
            }
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        }
    }

    /// Waits before the next try, as the rule's retries say.
    pub(super) async fn pause(&mut self, trial: &mut Trial, answered: bool) -> Result<(), Failure> {
        trial.deadlines.upload_waits(true);
        let backoff = trial.next_backoff();
        // A dead connection or endpoint is no sign of load: the first other one is tried at once.
        if !answered && (trial.fresh || trial.tried.len() <= 1) || backoff.is_zero() {
            return Ok(());
        }
        self.within_deadlines(trial, Box::pin(tokio::time::sleep(backoff))).await
    }

    /// Does something that takes time, within the deadlines of the exchange.
    async fn within_deadlines<T>(&mut self, trial: &Trial, future: impl Future<Output = T>) -> Result<T, Failure> {
        trial.deadlines.arm(self.watchdog);
        let mut future = pin!(future);
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending => self.watchdog.poll(cx).map(|()| Err(overdue(trial))),
        })
        .await
    }
}

/// Whose fault it is that a deadline passed.
pub(super) fn overdue(trial: &Trial) -> Failure {
    if trial.deadlines.is_client_slow(Instant::now()) { Violation::BodyTimeout.into() } else { What::Timeout.into() }
}
