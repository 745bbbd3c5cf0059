//! HTTP/1.1 clients (RFC 9112): one request after the other on a connection.

use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::Downstream;
use crate::exchange;
use crate::failure::{Failure, What};
use crate::http1::{
    BodyReader, BodyWriter, Incoming, Outgoing, Parsed, REQUEST_LINE_REST_BYTES_MAX, RequestContext, Transport,
    Trouble, glimpse, parse_request, write_interim, write_response,
};
use crate::limits::Limits;
use crate::message::{Fields, Read, Refused, RequestHead, ResponseHead, Sink, Source, Version};
use crate::stall::Stall;
use crate::violation::Violation;
use crate::watchdog::Watchdog;
use crate::worker::{Connection, Worker};

/// How HTTP/2 begins where it is not agreed on otherwise (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes of a request's unread body that are read away to keep the connection; with more, closing is cheaper.
const DRAIN_BYTES_MAX: usize = 256 * 1024;
/// How long a connection that closes on a client who may still be sending waits for it to notice. Closed at once, the
/// kernel answers late bytes with a reset, and that can take the response from the client (RFC 9112 §9.6).
const LINGER: Duration = Duration::from_secs(1);
/// Pipelined bytes that are read ahead while a request is under way.
const PIPELINE_BYTES_MAX: usize = 16 * 1024;

/// Serves a connection until it ends, or until it turns out to be HTTP/2: then it is returned with what was read.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    connection: &Rc<Connection>,
    worker: &Rc<Worker>,
    may_be_http2: bool,
) -> Option<(S, Vec<u8>)> {
    let mut client = Client::new(stream, worker.clone(), connection.clone());
    let first_by = connection.began + worker.limits.first_request_timeout;
    client.first_by = Some(first_by);
    let mut watchdog = Watchdog::new(first_by);
    let mut requests = 0;
    loop {
        let sniff = may_be_http2 && requests == 0;
        match poll_fn(|cx| client.poll_head(cx, &mut watchdog, sniff)).await {
            Next::Request(mut head) => {
                requests += 1;
                client.may_persist &= requests < worker.limits.connection_requests_max;
                // Boxed: an idle connection must not hold room for an exchange.
                let ended = Box::pin(exchange::serve(worker, connection, &mut client, &mut head, &mut watchdog)).await;
                worker.request_heads.give(head);
                if ended.is_err() || !client.recover(&mut watchdog).await {
                    break;
                }
            }
            Next::Refused(refused) => {
                Box::pin(client.refuse(&refused, &mut watchdog)).await;
                worker.request_heads.give(refused.head);
                break;
            }
            Next::Http2 => return Some(client.into_parts()),
            Next::Closed => return None,
        }
    }
    Box::pin(client.close(&mut watchdog)).await;
    None
}

/// What came of waiting for a request.
enum Next {
    Request(Box<RequestHead>),
    Refused(Refused),
    Http2,
    Closed,
}

struct Client<S> {
    transport: Transport<S>,
    incoming: Incoming,
    outgoing: Outgoing,
    worker: Rc<Worker>,
    connection: Rc<Connection>,
    /// Of the request under way.
    version: Version,
    is_head: bool,
    upgrade: Option<String>,
    /// The client may hold its body back until it is told to go on. Answered otherwise, it may send the body or leave
    /// it out, and nothing tells which (RFC 9110 §10.1.1).
    awaits_continue: bool,
    /// The client and we both want the connection to go on after this exchange.
    may_persist: bool,
    /// When the first request must be here.
    first_by: Option<Instant>,
    is_tunnel: bool,
    /// A client that does not read.
    stall: Stall,
    /// What `transport` had sent when that was last looked at.
    sent: u64,
    /// When the first byte of the head under way came.
    head_began: Option<Instant>,
    /// Bytes of `transport.inbound` known to hold no end of a head.
    searched: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    fn new(stream: S, worker: Rc<Worker>, connection: Rc<Connection>) -> Self {
        let stall = Stall::new(worker.limits.client_stall_timeout, worker.limits.client_bytes_min);
        Self {
            transport: Transport::new(stream, Vec::new()),
            incoming: Incoming::new(BodyReader::Done),
            outgoing: Outgoing::new(BodyWriter::Done),
            worker,
            connection,
            version: Version::Http11,
            is_head: false,
            upgrade: None,
            awaits_continue: false,
            may_persist: true,
            first_by: None,
            is_tunnel: false,
            stall,
            sent: 0,
            head_began: None,
            searched: 0,
        }
    }

    /// Waits for the next request's head.
    fn poll_head(&mut self, cx: &mut Context<'_>, watchdog: &mut Watchdog, sniff: bool) -> Poll<Next> {
        if !self.transport.inbound.is_empty() && self.head_began.is_none() {
            // A pipelined request was read with the one before.
            self.begin_head(watchdog);
            if let Some(next) = self.parse_inbound(sniff) {
                return Poll::Ready(next);
            }
        }
        let worker = self.worker.clone();
        let mut scratch = worker.scratch.borrow_mut();
        loop {
            let idle = self.transport.inbound.is_empty();
            match self.transport.poll_read(cx, &mut scratch[..]) {
                Poll::Pending => break,
                Poll::Ready(Err(_) | Ok(0)) => return Poll::Ready(Next::Closed),
                Poll::Ready(Ok(n)) if idle => {
                    if let Some(next) = self.parse_fresh(&scratch[..n], watchdog, sniff) {
                        return Poll::Ready(next);
                    }
                }
                Poll::Ready(Ok(n)) => {
                    self.transport.inbound.extend_from_slice(&scratch[..n]);
                    if let Some(next) = self.parse_inbound(sniff) {
                        return Poll::Ready(next);
                    }
                }
            }
        }
        let idle = self.transport.inbound.is_empty();
        if idle && self.connection.is_closing() && self.closing_since_expired(watchdog) {
            return Poll::Ready(Next::Closed);
        }
        self.connection.wake_on_close(cx.waker());
        match watchdog.poll(cx) {
            Poll::Ready(()) if idle => Poll::Ready(Next::Closed),
            Poll::Ready(()) => {
                let head = self.new_head();
                Poll::Ready(refused(Violation::HeadTimeout, &self.transport.inbound, head))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// The first byte of a head is here.
    fn begin_head(&mut self, watchdog: &mut Watchdog) {
        let now = Instant::now();
        self.head_began = Some(now);
        let by = now + self.worker.limits.head_timeout;
        watchdog.set(self.first_by.map_or(by, |first_by| by.min(first_by)));
    }

    /// An idle connection that is asked to end waits a little: a request may be on its way, and would meet a reset.
    fn closing_since_expired(&mut self, watchdog: &mut Watchdog) -> bool {
        let grace = self.worker.limits.drain_idle_timeout;
        if grace.is_zero() {
            return true;
        }
        watchdog.set_by(Instant::now() + grace);
        false
    }

    /// Parses a head that begins in `bytes`, keeping what is not used.
    fn parse_fresh(&mut self, bytes: &[u8], watchdog: &mut Watchdog, sniff: bool) -> Option<Next> {
        if sniff && bytes.starts_with(&PREFACE[..PREFACE.len().min(bytes.len()).min(4)]) {
            self.transport.inbound.extend_from_slice(bytes);
            self.begin_head(watchdog);
            return self.parse_inbound(sniff);
        }
        let mut head = self.new_head();
        match self.parse(bytes, &mut head) {
            Ok(Some(parsed)) => {
                self.transport.inbound.extend_from_slice(&bytes[parsed.consumed..]);
                Some(self.begin(head, parsed))
            }
            Ok(None) => {
                self.transport.inbound.extend_from_slice(bytes);
                self.searched = bytes.len();
                self.begin_head(watchdog);
                None
            }
            Err(violation) => Some(refused(violation, bytes, head)),
        }
    }

    /// Parses the head that `transport.inbound` holds, if it holds all of it.
    fn parse_inbound(&mut self, sniff: bool) -> Option<Next> {
        let inbound = &self.transport.inbound;
        if sniff && inbound.starts_with(&PREFACE[..inbound.len().min(PREFACE.len())]) {
            return (inbound.len() >= PREFACE.len()).then_some(Next::Http2);
        }
        // A head that trickles in is not parsed anew with every byte: only when an empty line came, or too much did.
        let from = self.searched.saturating_sub(3);
        let ended = memchr::memchr_iter(b'\n', &inbound[from..])
            .any(|at| matches!(inbound[from + at + 1..], [b'\n', ..] | [b'\r', b'\n', ..]));
        let searched = std::mem::replace(&mut self.searched, inbound.len());
        if searched > 0 && !ended && !is_worth_judging(searched, inbound.len(), &self.worker.limits) {
            return None;
        }
        let bytes = std::mem::take(&mut self.transport.inbound);
        let mut head = self.new_head();
        let parsed = self.parse(&bytes, &mut head);
        self.transport.inbound = bytes;
        match parsed {
            Ok(Some(parsed)) => {
                self.transport.inbound.drain(..parsed.consumed);
                Some(self.begin(head, parsed))
            }
            Ok(None) => None,
            Err(violation) => Some(refused(violation, &self.transport.inbound, head)),
        }
    }

    fn new_head(&self) -> Box<RequestHead> {
        let mut head = self.worker.request_heads.take();
        head.clear();
        head
    }

    fn parse(&self, bytes: &[u8], head: &mut RequestHead) -> Result<Option<Parsed>, Violation> {
        let context = RequestContext {
            scheme: self.connection.scheme,
            limits: &self.worker.limits,
            strict: self.worker.strict(self.connection.port),
        };
        parse_request(bytes, head, context)
    }

    /// Takes up the exchange that `head` asks for.
    fn begin(&mut self, head: Box<RequestHead>, parsed: Parsed) -> Next {
        self.first_by = None;
        self.head_began = None;
        self.searched = 0;
        self.incoming = Incoming::new(parsed.body);
        self.outgoing = Outgoing::new(BodyWriter::Done);
        self.version = head.version;
        self.is_head = head.method == "HEAD";
        self.upgrade.clone_from(&head.upgrade);
        self.awaits_continue = head.expects_continue && !self.incoming.is_done();
        self.may_persist = parsed.keep_alive;
        Next::Request(head)
    }

    /// Makes the connection ready for another request after an exchange; `false` when it must close.
    async fn recover(&mut self, watchdog: &mut Watchdog) -> bool {
        if !self.may_persist || !self.outgoing.is_done() {
            return false;
        }
        let mut waiting = false;
        let flushed = poll_fn(|cx| match self.transport.poll_flush(cx) {
            Poll::Ready(result) => Poll::Ready(result.is_ok()),
            Poll::Pending => {
                if !std::mem::replace(&mut waiting, true) {
                    watchdog.set_in(self.worker.limits.client_stall_timeout);
                }
                watchdog.poll(cx).map(|()| false)
            }
        });
        if !flushed.await || !(self.incoming.is_done() || Box::pin(self.read_away(watchdog)).await) {
            return false;
        }
        self.worker.buffers.give(std::mem::take(&mut self.transport.outbound));
        if self.transport.inbound.is_empty() {
            self.transport.inbound = Vec::new();
        }
        watchdog.set_in(self.worker.limits.idle_timeout);
        true
    }

    /// Reads what is left of the request's body, so that it is never taken for the next request (HARDENING S10).
    async fn read_away(&mut self, watchdog: &mut Watchdog) -> bool {
        let worker = self.worker.clone();
        let mut left = DRAIN_BYTES_MAX;
        watchdog.set_in(LINGER);
        poll_fn(|cx| {
            let mut scratch = worker.scratch.borrow_mut();
            loop {
                match self.incoming.poll_read(&mut self.transport, cx, &mut scratch[..]) {
                    Poll::Pending => return watchdog.poll(cx).map(|()| false),
                    Poll::Ready(Ok(Read::Data { last: true, .. } | Read::End | Read::Trailers(_))) => {
                        return Poll::Ready(true);
                    }
                    Poll::Ready(Ok(Read::Data { bytes, last: false })) if bytes < left => left -= bytes,
                    Poll::Ready(Ok(Read::Data { .. }) | Err(_)) => return Poll::Ready(false),
                }
            }
        })
        .await
    }

    /// Answers a request that could not be read; the connection closes after it.
    async fn refuse(&mut self, refused: &Refused, watchdog: &mut Watchdog) {
        self.may_persist = false;
        self.version = Version::Http11;
        self.is_head = false;
        exchange::refuse(&self.worker.clone(), &self.connection.clone(), self, refused, watchdog).await;
    }

    /// Closes in an order that lets the client read all that was sent.
    async fn close(&mut self, watchdog: &mut Watchdog) {
        watchdog.set_in(LINGER);
        let worker = self.worker.clone();
        let mut left = DRAIN_BYTES_MAX;
        let mut shut = false;
        self.transport.inbound = Vec::new();
        poll_fn(|cx| {
            if watchdog.poll(cx).is_ready() {
                return Poll::Ready(());
            }
            if !shut {
                match self.transport.poll_shutdown(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Ready(Ok(())) => shut = true,
                }
            }
            let mut scratch = worker.scratch.borrow_mut();
            loop {
                match self.transport.poll_read(cx, &mut scratch[..]) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(n)) if n > 0 && n < left => left -= n,
                    Poll::Ready(_) => return Poll::Ready(()),
                }
            }
        })
        .await;
    }

    fn into_parts(self) -> (S, Vec<u8>) {
        self.transport.into_parts()
    }

    fn flush_now(&mut self, cx: &mut Context<'_>) -> Result<(), Failure> {
        match self.transport.poll_flush(cx) {
            Poll::Ready(Err(error)) => Err(Failure::because(What::ClientGone, error)),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        }
    }

    /// Gives up a client that takes nothing of what there is for it. A tunnel has the exchange's deadlines alone.
    fn watch<T>(&mut self, cx: &mut Context<'_>, written: Poll<Result<T, Failure>>) -> Poll<Result<T, Failure>> {
        let sent = std::mem::replace(&mut self.sent, self.transport.sent);
        if written.is_pending() && !self.is_tunnel {
            self.stall.progress(self.transport.sent - sent);
            return self
                .stall
                .poll(cx)
                .map(|()| Err(Failure::because(What::ClientGone, io::ErrorKind::TimedOut.into())));
        }
        if self.transport.outbound.is_empty() {
            self.stall.end();
        }
        written
    }

    fn outbound(&mut self) -> &mut Vec<u8> {
        if self.transport.outbound.capacity() == 0 {
            self.transport.outbound = self.worker.buffers.take();
        }
        &mut self.transport.outbound
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Downstream for Client<S> {
    fn poll_gone(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<()> {
        while self.transport.inbound.len() < PIPELINE_BYTES_MAX {
            match self.transport.poll_read(cx, buffer) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(_) | Ok(0)) => return Poll::Ready(()),
                Poll::Ready(Ok(n)) => self.transport.inbound.extend_from_slice(&buffer[..n]),
            }
        }
        Poll::Pending
    }

    fn send_interim(&mut self, cx: &mut Context<'_>, head: &ResponseHead) -> Result<(), Failure> {
        if self.version == Version::Http10 {
            // RFC 9110 §15.2: it knows no such thing.
            return Ok(());
        }
        self.awaits_continue &= head.status != 100;
        write_interim(self.outbound(), head, None);
        self.flush_now(cx)
    }

    fn send_head(&mut self, cx: &mut Context<'_>, head: &ResponseHead) -> Result<(), Failure> {
        self.may_persist &= !self.worker.is_draining() && !self.connection.is_closing() && !self.awaits_continue;
        // Bytes that were meant for the other protocol may follow, and must not be read as requests (HARDENING S15).
        self.may_persist &= self.upgrade.is_none();
        let (version, method) = (self.version, if self.is_head { "HEAD" } else { "" });
        let mut keep_alive = self.may_persist;
        let writer = write_response(self.outbound(), head, version, method, &mut keep_alive);
        self.may_persist = keep_alive;
        self.outgoing = Outgoing::new(writer);
        if self.outgoing.is_done() { self.flush_now(cx) } else { Ok(()) }
    }

    fn upgrade(&mut self, cx: &mut Context<'_>, head: &ResponseHead) -> Result<(), Failure> {
        let protocol = self.upgrade.take();
        write_interim(self.outbound(), head, protocol.as_deref());
        self.may_persist = false;
        self.is_tunnel = true;
        self.incoming = Incoming::new(BodyReader::UntilClose);
        self.outgoing = Outgoing::new(BodyWriter::UntilClose);
        self.flush_now(cx)
    }

    fn give_up(&mut self) {
        self.may_persist = false;
    }
}

/// Whether a head without an end has grown, from `before` to `now` bytes, over one of the bounds that refuse it.
fn is_worth_judging(before: usize, now: usize, limits: &Limits) -> bool {
    let line_bytes_max = limits.target_bytes_max + REQUEST_LINE_REST_BYTES_MAX;
    (before <= line_bytes_max && now > line_bytes_max) || now >= limits.head_bytes_max
}

fn refused(violation: Violation, bytes: &[u8], mut head: Box<RequestHead>) -> Next {
    glimpse(bytes, &mut head);
    Next::Refused(Refused { violation, head })
}

fn trouble(trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Io(error) => Failure::because(What::ClientGone, error),
        Trouble::Malformed(violation) => violation.into(),
        Trouble::Unfit(what) => what.into(),
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Source for Client<S> {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<Read, Failure>> {
        let read = self.incoming.poll_read(&mut self.transport, cx, buffer);
        self.awaits_continue &= read.is_pending();
        read.map_err(trouble)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Sink for Client<S> {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Failure>> {
        let ready = self.outgoing.poll_ready(&mut self.transport, cx).map_err(|error| trouble(error.into()));
        self.watch(cx, ready)
    }

    fn write(&mut self, cx: &mut Context<'_>, data: &[u8], last: bool) -> Result<(), Failure> {
        self.outgoing.write(&mut self.transport, cx, data, last).map_err(trouble)
    }

    fn finish(&mut self, cx: &mut Context<'_>, trailers: Option<Fields>) -> Result<(), Failure> {
        self.outgoing.finish(&mut self.transport, cx, trailers.as_ref()).map_err(trouble)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let flushed = self.outgoing.poll_flush(&mut self.transport, cx).map_err(|error| trouble(error.into()));
        self.watch(cx, flushed)
    }
}
