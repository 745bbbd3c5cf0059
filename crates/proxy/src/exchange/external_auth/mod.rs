//! ExternalAuth (GEP-1494): asks another server whether a request may pass, before it goes on.
//!
//! ```text
//! hold the body, if it is sent along → ask (http or grpc makes the question) → http or grpc reads the verdict
//! ```
//!
//! Whatever is not plainly a yes lets nothing pass: a server that is away, late, or says what cannot be understood.

mod ask;
mod grpc;
mod http;
mod message;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use gatewright_core::filter::external_auth::{AuthProtocol, ExternalAuth};
use gatewright_core::plan::ListenerFilter;
use tokio::time::Instant;

use super::answer::Answer;
use super::forward::Exchange;
use super::prepare::{Prepared, refused};
use crate::budget::Permit;
use crate::downstream::Downstream;
use crate::failure::{Failure, What};
use crate::message::{BodyLength, Fields, Read, RequestHead, ResponseHead};
use crate::observe::Event;
use crate::snapshot::ListenerSnapshot;
use crate::violation::Violation;

/// How long a server may take to answer, its connection included: far above what one takes that is well, and below what
/// clients wait.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// What a server said.
struct Reply {
    head: ResponseHead,
    body: Vec<u8>,
    trailers: Option<Fields>,
    /// For `body`.
    permit: Option<Permit>,
}

/// What that means.
enum Verdict {
    /// What it gives the request is in it already.
    Pass,
    Denied(Answer),
}

/// A request's body, held to be asked about and sent on.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) bytes: Vec<u8>,
    pub(super) trailers: Option<Fields>,
    /// For `bytes`.
    pub(super) permit: Option<Permit>,
}

impl<D: Downstream> Exchange<'_, D> {
    /// Takes the request through the filters of its listener, before a route is looked for (GEP-5224); an answer is one
    /// that the client gets instead.
    pub(super) async fn filter_listener(
        &mut self,
        listener: &ListenerSnapshot,
        head: &mut RequestHead,
        prepared: &mut Prepared<'_>,
    ) -> Result<Option<Answer>, Failure> {
        for filter in &listener.filters {
            match filter {
                ListenerFilter::Refuse(refusal) => return Err(refused(*refusal).into()),
                ListenerFilter::ExternalAuth(auth) => {
                    if let Some(answer) = self.authorize(auth, None, head, prepared).await? {
                        return Ok(Some(answer));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Asks whether the request may pass, and takes over into it what the server adds. An answer is what the client gets
    /// instead. `until` is when the request's own time is over.
    pub(super) async fn authorize(
        &mut self,
        auth: &ExternalAuth,
        until: Option<Instant>,
        head: &mut RequestHead,
        prepared: &mut Prepared<'_>,
    ) -> Result<Option<Answer>, Failure> {
        let body = self.body_to_ask_about(auth, head).await?;
        let mut reply = {
            let body = body.then(|| self.held.as_ref().map_or(&[][..], |held| &held.bytes));
            let (question, body) = match &auth.protocol {
                AuthProtocol::Http { path_prefix, .. } => http::question(auth, path_prefix, head, body),
                AuthProtocol::Grpc { .. } => grpc::question(auth, head, self.connection, body),
            };
            let Some(_copy) = self.worker.budget.bytes(body.len()) else { return Err(What::Overloaded.into()) };
            self.ask(auth, until, &question, &body).await?
        };
        let permit = reply.permit.take();
        let verdict = match &auth.protocol {
            AuthProtocol::Http { response_headers, .. } => http::judge(reply, response_headers, head),
            AuthProtocol::Grpc { .. } => grpc::judge(&reply, head, prepared)?,
        };
        match verdict {
            Verdict::Pass => Ok(None),
            Verdict::Denied(answer) => {
                self.worker.recorder.count(Event::Denied);
                Ok(Some(Answer { _permit: permit, ..answer }))
            }
        }
    }

    /// Asks one of the server's endpoints, within the time there is.
    async fn ask(
        &mut self,
        auth: &ExternalAuth,
        until: Option<Instant>,
        question: &RequestHead,
        body: &[u8],
    ) -> Result<Reply, Failure> {
        let backend = self.snapshot.backend_by_id(&auth.backend).ok_or(What::Broken)?;
        let patience = Instant::now() + ANSWER_TIMEOUT;
        self.watchdog.set(until.map_or(patience, |until| until.min(patience)));
        let mut asking = Box::pin(ask::ask(self.worker, backend, question, body));
        let asked = poll_fn(|cx| match asking.as_mut().poll(cx) {
            Poll::Ready(asked) => Poll::Ready(asked),
            Poll::Pending => self.watchdog.poll(cx).map(|()| Err(What::Timeout.into())),
        });
        asked.await.map_err(|failure: Failure| {
            tracing::warn!(
                backend = %auth.backend, what = ?failure.what, source = failure.source.as_ref().map(tracing::field::display),
                "the authorization server gave no answer"
            );
            let is_over = until.is_some_and(|until| until <= Instant::now());
            Failure { what: if is_over { What::Timeout } else { What::AuthFailed }, ..failure }
        })
    }

    /// Reads and holds the request's body if it is to be asked about; whether it is.
    ///
    /// # Errors
    /// [`Violation::BodyTooLarge`] for one that is longer than may be held, [`Violation::BodyTimeout`] for one that trickles,
    /// [`What::Overloaded`] when the process holds as much as it may.
    async fn body_to_ask_about(&mut self, auth: &ExternalAuth, head: &mut RequestHead) -> Result<bool, Failure> {
        let bytes_max = auth.body_bytes_max as usize;
        if bytes_max == 0 || head.body == BodyLength::Empty || head.upgrade.is_some() {
            return Ok(false);
        }
        if self.held.is_none() {
            if matches!(head.body, BodyLength::Known(length) if length > bytes_max as u64) {
                return Err(Violation::BodyTooLarge.into());
            }
            if std::mem::take(&mut head.expects_continue) {
                let go_on = ResponseHead { status: 100, ..ResponseHead::default() };
                poll_fn(|cx| self.client.send_interim(cx, &go_on).into()).await?;
            }
            let held = self.hold(bytes_max).await?;
            self.held = Some(Box::new(held));
        }
        match &self.held {
            Some(held) if held.bytes.len() > bytes_max => Err(Violation::BodyTooLarge.into()),
            Some(_) | None => Ok(true),
        }
    }

    async fn hold(&mut self, bytes_max: usize) -> Result<Held, Failure> {
        let (worker, began) = (self.worker, Instant::now());
        let mut bytes = Vec::new();
        let mut permit = None;
        let trailers = poll_fn(|cx| {
            let mut scratch = worker.scratch.borrow_mut();
            loop {
                // As slow as any body may come (HARDENING D1).
                let earned = Duration::from_secs(bytes.len() as u64 / worker.limits.body_rate_min.max(1));
                self.watchdog.set(began + worker.limits.body_grace + earned);
                let Poll::Ready(read) = self.client.poll_read(cx, &mut scratch) else {
                    return self.watchdog.poll(cx).map(|()| Err(Failure::from(Violation::BodyTimeout)));
                };
                match read? {
                    Read::Data { bytes: read, last } => {
                        if bytes.len() + read > bytes_max {
                            return Poll::Ready(Err(Violation::BodyTooLarge.into()));
                        }
                        if !worker.budget.extend(&mut permit, read) {
                            return Poll::Ready(Err(What::Overloaded.into()));
                        }
                        bytes.extend_from_slice(&scratch[..read]);
                        if last {
                            return Poll::Ready(Ok(None));
                        }
                    }
                    Read::Trailers(trailers) => return Poll::Ready(Ok(Some(trailers))),
                    Read::End => return Poll::Ready(Ok(None)),
                }
            }
        })
        .await?;
        Ok(Held { bytes, trailers, permit })
    }
}

/// The fields of the request that are sent along.
fn fields_sent(auth: &ExternalAuth, head: &RequestHead) -> Fields {
    let mut fields = Fields::default();
    for (name, value) in head.fields.iter().filter(|(name, _)| auth.sends(name)) {
        fields.push(name, value);
    }
    fields
}

/// A server's no, as the client gets it. A gRPC client gets the gRPC status that its own library would make of the HTTP
/// status.
fn denied(status: u16, fields: Fields, body: Vec<u8>, head: &RequestHead) -> Verdict {
    Verdict::Denied(if head.is_grpc() {
        Answer::grpc_denial(status)
    } else {
        Answer::with_body(status, fields, Cow::Owned(body), head)
    })
}
