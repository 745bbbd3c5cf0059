//! Forwarding: chooses a backend, tries endpoints until one answers, and passes the answer on.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use tokio::time::Instant;

use super::answer::Answer;
use super::external_auth::Held;
use super::mirror::Mirrors;
use super::prepare::{Filters, Next, Place, Prepared, refused, refused_preflight};
use super::trial::Trial;
use super::{Aborted, Account, forwarded};
use crate::downstream::Downstream;
use crate::failure::{Failure, What};
use crate::message::{BodyLength, Fields, RequestHead, ResponseHead, Version};
use crate::observe::Event;
use crate::snapshot::{BackendSnapshot, Destination, Found, ListenerSnapshot, Snapshot, Terms};
use crate::upstream::Upstream;
use crate::violation::Violation;
use crate::watchdog::Watchdog;
use crate::worker::{Connection, Worker};

/// What an exchange works with.
pub(super) struct Exchange<'a, D> {
    pub(super) worker: &'a Rc<Worker>,
    pub(super) connection: &'a Connection,
    pub(super) snapshot: &'a Snapshot,
    pub(super) client: &'a mut D,
    pub(super) watchdog: &'a mut Watchdog,
    pub(super) account: &'a mut Account,
    pub(super) began: Instant,
    /// The request's body, once it has been read to be asked about.
    pub(super) held: Option<Box<Held>>,
}

impl<D: Downstream> Exchange<'_, D> {
    /// Carries the request through its listener's filters and its rule, which is `found` on the way.
    ///
    /// # Errors
    /// What went wrong; [`Exchange::fail`] knows whether the client can still be told.
    pub(super) async fn run<'s>(
        &mut self,
        listener: &'s ListenerSnapshot,
        head: &mut RequestHead,
        prepared: &mut Prepared<'s>,
        found: &mut Option<Found<'s>>,
    ) -> Result<(), Failure> {
        forwarded::apply(head, self.connection);
        if !listener.filters.is_empty()
            && let Some(answer) = Box::pin(self.filter_listener(listener, head, prepared)).await?
        {
            return self.answer_filtered(answer, prepared).await;
        }
        *found = listener.find(head);
        let found = found.as_ref().ok_or(What::NoRoute)?;
        if found.refuses_preflight {
            return self.answer_filtered(refused_preflight(), prepared).await;
        }
        if self.filter(found, Filters::new(found.filters(), 0), head, prepared).await? {
            return Ok(());
        }
        let worker = self.worker;
        let (share, destination) = found.rule.choose(|| worker.next_choice(found.rule.slot)).ok_or(What::Broken)?;
        let (filters, mirrors_before) = found.share_filters(share);
        if self.filter(found, Filters::new(filters, mirrors_before), head, prepared).await? {
            return Ok(());
        }
        match destination {
            Destination::Refused(refusal) => Err(refused(refusal).into()),
            Destination::Backend(number) => {
                let backend = self.snapshot.backend(number).ok_or(What::Broken)?;
                self.forward(backend, found.terms(), head, prepared).await
            }
        }
    }

    /// Applies filters of a rule in turn; whether one of them has answered.
    async fn filter<'s>(
        &mut self,
        found: &Found<'s>,
        mut filters: Filters<'s>,
        head: &mut RequestHead,
        prepared: &mut Prepared<'s>,
    ) -> Result<bool, Failure> {
        let worker = self.worker;
        let place = Place {
            snapshot: self.snapshot,
            port: self.connection.port,
            seen_port_offset: worker.edge.seen_port_offset,
            found,
        };
        loop {
            let count = |nth| worker.next_choice(found.rule.slot + 1 + nth);
            let answer = match prepared.apply(&mut filters, head, place, self.account, count)? {
                Next::Forward => return Ok(false),
                Next::Answer(answer) => Some(answer),
                Next::Redirect(answer) => {
                    self.mirror_redirected(head, prepared);
                    Some(answer)
                }
                Next::Ask(auth) => {
                    let granted = found.terms().timeouts.request.filter(|granted| !granted.is_zero());
                    let until = granted.and_then(|granted| self.began.checked_add(granted));
                    Box::pin(self.authorize(auth, until, head, prepared)).await?
                }
            };
            if let Some(answer) = answer {
                self.answer_filtered(answer, prepared).await?;
                return Ok(true);
            }
        }
    }

    /// Has a request mirrored that no backend gets. Its body is not read, so that one with a body is mirrored only where
    /// it was read to be asked about.
    fn mirror_redirected(&mut self, head: &RequestHead, prepared: &Prepared<'_>) {
        let held = self.held.take();
        if prepared.mirrors.is_empty() || (head.body != BodyLength::Empty && held.is_none()) {
            return;
        }
        let mut mirrors = Mirrors::default();
        mirrors.start(&prepared.mirrors, self.snapshot, self.worker, head);
        if let Some(held) = held {
            mirrors.pass(&held.bytes, &self.worker.budget);
        }
        mirrors.end();
    }

    /// Tries until a response may be passed on.
    async fn forward(
        &mut self,
        backend: &BackendSnapshot,
        terms: Terms<'_>,
        head: &RequestHead,
        prepared: &Prepared<'_>,
    ) -> Result<(), Failure> {
        let mut trial = Trial::new(self.began, terms, head, &self.worker.limits);
        trial.mirrors.start(&prepared.mirrors, self.snapshot, self.worker, head);
        if let Some(held) = self.held.take() {
            trial.hold(*held, &self.worker.budget);
        }
        let mut response = self.worker.response_heads.take();
        // Of the try under way, where it repeats an earlier one.
        let mut permit = None;
        loop {
            let tried = self.attempt(backend, terms, head, &mut trial, &mut response).await;
            drop(permit.take());
            let again = match tried {
                Ok(mut upstream) => {
                    let again = trial.is_worth_another(terms.retry, &response);
                    permit = if again { self.worker.budget.retry() } else { None };
                    if permit.is_none() {
                        let passed = self.pass_on(&mut upstream, &mut response, head, prepared, &mut trial).await;
                        self.account.request_bytes = trial.upload.bytes;
                        if passed.is_ok() {
                            upstream.release();
                        }
                        self.worker.response_heads.give(response);
                        return passed;
                    }
                    true
                }
                Err(failure) => {
                    if !trial.survives(&failure, terms.retry) {
                        return Err(failure);
                    }
                    if trial.repeats_work(&failure) {
                        permit = self.worker.budget.retry();
                        if permit.is_none() {
                            return Err(failure);
                        }
                    }
                    false
                }
            };
            self.account.retries += 1;
            self.worker.recorder.count(Event::Retried);
            self.pause(&mut trial, again).await?;
        }
    }

    /// Begins the client's response and moves what is left of both bodies.
    async fn pass_on(
        &mut self,
        upstream: &mut Upstream,
        response: &mut ResponseHead,
        head: &RequestHead,
        prepared: &Prepared<'_>,
        trial: &mut Trial,
    ) -> Result<(), Failure> {
        self.account.backend_duration = Some(self.began.elapsed());
        // An interim response has no use for one; over HTTP/2 an upgrade is a 200 (RFC 8441).
        if response.status != 101 || head.version == Version::Http2 {
            self.date(&mut response.fields);
        }
        prepared.finish(&mut response.fields);
        self.account.status = response.status;
        trial.deadlines.responded();
        if response.status == 101 {
            poll_fn(|cx| self.client.upgrade(cx, response).into()).await?;
            trial.tunnel(head.upgrade.as_deref(), &self.worker.limits);
            trial.deadlines.arm(self.watchdog);
            return self.relay(upstream, trial, true).await;
        }
        poll_fn(|cx| self.client.send_head(cx, response).into()).await?;
        if head.method == "HEAD" || response.body == BodyLength::Empty {
            return Ok(());
        }
        trial.deadlines.arm(self.watchdog);
        self.relay(upstream, trial, false).await
    }

    /// Says when the response was made, unless it does so itself (RFC 9110 §6.6.1). Filters come after it: they may take it
    /// away.
    fn date(&self, fields: &mut Fields) {
        if fields.get("date").is_none() {
            fields.push(b"date", &self.worker.date.now());
        }
    }

    async fn answer_filtered(&mut self, mut answer: Answer, prepared: &Prepared<'_>) -> Result<(), Failure> {
        self.date(&mut answer.head.fields);
        prepared.finish(&mut answer.head.fields);
        self.answer(answer).await
    }

    /// Sends an answer of the gateway's own.
    async fn answer(&mut self, answer: Answer) -> Result<(), Failure> {
        self.account.status = answer.head.status;
        self.watchdog.set_in(self.worker.limits.client_stall_timeout);
        poll_fn(|cx| self.client.send_head(cx, &answer.head).into()).await?;
        self.account.response_bytes = answer.body.len() as u64;
        let mut rest = &*answer.body;
        poll_fn(|cx| {
            while !rest.is_empty() {
                let Poll::Ready(room) = self.client.poll_ready(cx) else {
                    return self.watchdog.poll(cx).map(|()| Err(What::ClientSlow.into()));
                };
                let (piece, left) = rest.split_at(rest.len().min(room?));
                self.client.write(cx, piece, left.is_empty())?;
                rest = left;
            }
            match self.client.poll_flush(cx) {
                Poll::Pending => self.watchdog.poll(cx).map(|()| Err(What::ClientSlow.into())),
                ready => ready,
            }
        })
        .await
    }

    /// Tells the client what went wrong, or, when its response has begun, has it cut short.
    pub(super) async fn fail(
        &mut self,
        failure: Failure,
        head: &RequestHead,
        prepared: &Prepared<'_>,
    ) -> Result<(), Aborted> {
        self.account.failure = Some(failure.what);
        self.account.violation = failure.violation;
        tracing::debug!(
            client = %self.connection.client, host = head.host, path = head.path, what = ?failure.what,
            rule = failure.violation.map(Violation::name),
            source = failure.source.as_ref().map(tracing::field::display), "request failed"
        );
        if self.account.status != 0 || failure.what == What::ClientGone {
            return Err(Aborted);
        }
        if matches!(failure.what, What::BadRequest | What::ClientSlow | What::BodyTooLarge | What::HeadTooLarge) {
            self.client.give_up();
        }
        let mut answer = Answer::failure(&failure, head);
        self.date(&mut answer.head.fields);
        prepared.share(&mut answer.head.fields);
        self.answer(answer).await.map_err(|_| Aborted)
    }
}
