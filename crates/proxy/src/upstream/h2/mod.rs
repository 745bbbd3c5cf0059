//! HTTP/2 towards backends (RFC 9113): exchanges multiplexed over the worker's connections to an endpoint.
//!
//! Knows what a stream's end says of the request: whether the backend can have begun on it (RFC 9113 §8.7). What is
//! done about that is the exchange's.

mod connection;
mod fair;
mod head;
mod pool;

#[cfg(test)]
mod tests;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use h2::Reason;
use h2::client::ResponseFuture;

use super::Interim;
use crate::failure::{Failure, What};
use crate::http2::{Incoming, Outgoing};
use crate::limits::Limits;
use crate::message::{BodyLength, Fields, Read, RequestHead, ResponseHead, Scheme, Sink, Source};

pub(crate) use connection::Place;
pub(crate) use pool::Pool;

/// One exchange with a backend. Dropped before its end, it resets its stream.
pub(crate) struct Http2 {
    place: Place,
    reused: bool,
    /// Of the backend's connection.
    scheme: Scheme,
    limits: Arc<Limits>,
    upgrade: bool,
    /// Of the client's WebSocket handshake.
    websocket_key: Option<Vec<u8>>,
    expects_continue: bool,
    interim: Interim,
    response: Option<ResponseFuture>,
    outgoing: Option<Outgoing>,
    incoming: Option<Incoming>,
}

impl Http2 {
    /// An exchange at `place`; `reused` says that its connection has served before.
    pub(crate) fn new(place: Place, reused: bool, scheme: Scheme, limits: Arc<Limits>) -> Self {
        Self {
            place,
            reused,
            scheme,
            limits,
            upgrade: false,
            websocket_key: None,
            expects_continue: false,
            interim: Interim::default(),
            response: None,
            outgoing: None,
            incoming: None,
        }
    }

    pub(crate) fn is_reused(&self) -> bool {
        self.reused
    }

    /// Waits until it is known whether the backend takes upgrades (RFC 8441 §3): needed before the head of one.
    pub(crate) async fn settle(&self) {
        self.place.connection().settle().await;
    }

    /// Begins the exchange.
    ///
    /// # Errors
    /// [`What::BackendGone`], unprocessed, when the connection has ended; [`What::BadResponse`] when the backend takes no
    /// upgrades.
    pub(crate) fn send_head(&mut self, head: &RequestHead) -> Result<(), Failure> {
        self.upgrade = head.upgrade.is_some();
        self.expects_continue = head.expects_continue;
        self.websocket_key = head.fields.get("sec-websocket-key").filter(|_| self.upgrade).map(<[u8]>::to_vec);
        let is_end = !self.upgrade && matches!(head.body, BodyLength::Empty | BodyLength::Known(0));
        let request = head::write_request(head, self.scheme)?;
        let begun = self.place.connection().with_sender(|sender| {
            if self.upgrade && !sender.is_extended_connect_protocol_enabled() {
                return Err(What::BadResponse.into());
            }
            sender.send_request(request, is_end).map_err(gone)
        });
        let (response, body) = match begun {
            None => return Err(Failure::from(What::BackendGone).unprocessed()),
            Some(Ok(begun)) => begun,
            Some(Err(failure)) => {
                if failure.what == What::BackendGone {
                    // It takes no more streams: GOAWAY, or its end.
                    self.place.connection().close();
                    return Err(failure.unprocessed());
                }
                return Err(failure);
            }
        };
        self.response = Some(response);
        self.outgoing = Some(Outgoing::to_backend(body, is_end, &self.limits));
        Ok(())
    }

    /// Reads the response's head, interim ones too: after one of those, call again. An upgrade that the backend agrees
    /// to is a 101, as it is in HTTP/1.1.
    pub(crate) fn poll_response(&mut self, cx: &mut Context<'_>, head: &mut ResponseHead) -> Poll<Result<(), Failure>> {
        let Some(response) = &mut self.response else { return Poll::Ready(Err(What::BackendGone.into())) };
        // They have no flow control: what is in the codec is taken at once, and the exchange fails at the bound.
        while let Poll::Ready(Some(Ok(interim))) = response.poll_informational(cx) {
            let status = interim.status().as_u16();
            head::read_response(status, interim.headers(), true, head, &self.limits)?;
            self.interim.count(&head.fields, &self.limits)?;
            if status != 100 || self.expects_continue {
                return Poll::Ready(Ok(()));
            }
        }
        let (parts, body) = ready!(Pin::new(response).poll(cx)).map_err(gone)?.into_parts();
        self.response = None;
        head::read_response(parts.status.as_u16(), &parts.headers, body.is_end_stream(), head, &self.limits)?;
        if self.upgrade && parts.status.is_success() {
            head.status = 101;
            if let Some(key) = &self.websocket_key {
                head.fields.set("sec-websocket-accept", head::websocket_accept(key).as_bytes());
            }
        }
        self.incoming = Some(Incoming::of_backend(body, &self.limits));
        Poll::Ready(Ok(()))
    }

    fn outgoing(&mut self) -> Result<&mut Outgoing, Failure> {
        self.outgoing.as_mut().ok_or_else(|| What::BackendGone.into())
    }
}

/// What a stream's failure is. The backend has certainly not begun on a stream that it refused, or that is above the
/// last one its GOAWAY names.
fn gone(error: h2::Error) -> Failure {
    let refused = error.is_remote() && (error.is_go_away() || error.reason() == Some(Reason::REFUSED_STREAM));
    let malformed = error.is_library() && error.is_reset();
    let what = if malformed { What::BadResponse } else { What::BackendGone };
    let failure = Failure::because(what, io::Error::other(error));
    if refused { failure.unprocessed() } else { failure }
}

impl Source for Http2 {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<Read, Failure>> {
        match &mut self.incoming {
            Some(incoming) => incoming.poll_read(cx, buffer),
            None => Poll::Ready(Err(What::BackendGone.into())),
        }
    }
}

impl Sink for Http2 {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Failure>> {
        self.outgoing()?.poll_ready(cx)
    }

    fn write(&mut self, cx: &mut Context<'_>, data: &[u8], last: bool) -> Result<(), Failure> {
        self.outgoing()?.write(cx, data, last)
    }

    fn finish(&mut self, cx: &mut Context<'_>, trailers: Option<Fields>) -> Result<(), Failure> {
        self.outgoing()?.finish(cx, trailers)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.outgoing()?.poll_flush(cx)
    }
}
