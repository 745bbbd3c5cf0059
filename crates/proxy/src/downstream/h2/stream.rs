//! One stream as the client's side of an exchange.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{HeaderValue, Response, StatusCode, header};

use super::transport::Gauge;
use crate::downstream::Downstream;
use crate::failure::{Failure, What};
use crate::http2::{Incoming, Outgoing, write_fields};
use crate::limits::Limits;
use crate::message::{BodyLength, Fields, Read, ResponseHead, Sink, Source};

/// A request's body, and where its answer goes. Dropped before the answer is whole, it resets the stream.
pub(super) struct Stream {
    incoming: Incoming,
    outgoing: Answer,
    /// The request was a HEAD: its answer has no body.
    is_head: bool,
    limits: Arc<Limits>,
    gauge: Rc<Gauge>,
}

enum Answer {
    Awaited(SendResponse<Bytes>),
    Begun(Outgoing),
}

impl Stream {
    pub(super) fn new(
        body: RecvStream,
        answer: SendResponse<Bytes>,
        is_head: bool,
        limits: Arc<Limits>,
        gauge: Rc<Gauge>,
    ) -> Self {
        Self { incoming: Incoming::of_client(body, &limits), outgoing: Answer::Awaited(answer), is_head, limits, gauge }
    }

    fn begin(&mut self, response: Response<()>, is_end: bool) -> Result<(), Failure> {
        let Answer::Awaited(answer) = &mut self.outgoing else { return Err(out_of_order()) };
        let stream = answer.send_response(response, is_end).map_err(gone)?;
        self.outgoing = Answer::Begun(Outgoing::to_client(stream, is_end, &self.limits));
        Ok(())
    }

    fn body(&mut self) -> Result<&mut Outgoing, Failure> {
        match &mut self.outgoing {
            Answer::Awaited(_) => Err(out_of_order()),
            Answer::Begun(body) => Ok(body),
        }
    }
}

impl Downstream for Stream {
    fn poll_gone(&mut self, cx: &mut Context<'_>, _buffer: &mut [u8]) -> Poll<()> {
        match &mut self.outgoing {
            Answer::Awaited(answer) => answer.poll_reset(cx).map(|_| ()),
            Answer::Begun(body) => body.poll_gone(cx),
        }
    }

    fn send_interim(&mut self, _cx: &mut Context<'_>, head: &ResponseHead) -> Result<(), Failure> {
        let response = convert(head.status, &head.fields)?;
        match &mut self.outgoing {
            Answer::Awaited(answer) => answer.send_informational(response).map_err(gone),
            Answer::Begun(_) => Err(out_of_order()),
        }
    }

    fn send_head(&mut self, _cx: &mut Context<'_>, head: &ResponseHead) -> Result<(), Failure> {
        let mut response = convert(head.status, &head.fields)?;
        if let BodyLength::Known(length) = head.body
            && head.status != 204
        {
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        let bodiless = self.is_head || matches!(head.status, 204 | 304);
        self.begin(response, bodiless || matches!(head.body, BodyLength::Empty | BodyLength::Known(0)))
    }

    /// RFC 8441 §5: the answer is 200, and what HTTP/1.1's handshake proves there is nothing to prove here.
    fn upgrade(&mut self, _cx: &mut Context<'_>, head: &ResponseHead) -> Result<(), Failure> {
        let mut response = convert(200, &head.fields)?;
        response.headers_mut().remove(header::SEC_WEBSOCKET_ACCEPT);
        let Answer::Awaited(answer) = &mut self.outgoing else { return Err(out_of_order()) };
        let stream = answer.send_response(response, false).map_err(gone)?;
        self.gauge.has_tunnel.set(true);
        self.outgoing = Answer::Begun(Outgoing::to_tunnel(stream, &self.limits));
        Ok(())
    }

    /// Requests have streams of their own: whatever becomes of this one, the next is not concerned.
    fn give_up(&mut self) {}
}

impl Source for Stream {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<Read, Failure>> {
        self.incoming.poll_read(cx, buffer)
    }
}

impl Sink for Stream {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Failure>> {
        self.body()?.poll_ready(cx)
    }

    fn write(&mut self, cx: &mut Context<'_>, data: &[u8], last: bool) -> Result<(), Failure> {
        self.body()?.write(cx, data, last)
    }

    fn finish(&mut self, cx: &mut Context<'_>, trailers: Option<Fields>) -> Result<(), Failure> {
        self.body()?.finish(cx, trailers)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.body()?.poll_flush(cx)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        match &mut self.outgoing {
            Answer::Awaited(answer) => answer.send_reset(Reason::INTERNAL_ERROR),
            Answer::Begun(body) if body.has_timed_out() => self.gauge.has_stalled.set(true),
            Answer::Begun(_) => {}
        }
    }
}

fn convert(status: u16, fields: &Fields) -> Result<Response<()>, Failure> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(status).map_err(|_| What::BadResponse)?;
    write_fields(response.headers_mut(), fields, What::BadResponse)?;
    Ok(response)
}

fn gone(error: h2::Error) -> Failure {
    Failure::because(What::ClientGone, io::Error::other(error))
}

/// Our own fault: an exchange that answers twice, or sends a body before its head.
fn out_of_order() -> Failure {
    debug_assert!(false, "an answer is one head, then its body");
    What::Broken.into()
}
