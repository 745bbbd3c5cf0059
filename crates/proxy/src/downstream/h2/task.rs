//! The task of one connection.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::{Reason, RecvStream, server};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::lane::{Job, Lanes};
use super::request::{Reading, read_head, refuse};
use super::transport::{Gauge, Transport};
use super::{Handler, Settings, Stream};
use crate::http2::DATA_OVERHEAD_BYTES_MAX;
use crate::limits::Limits;
use crate::violation::Violation;
use crate::watchdog::Watchdog;

/// How often a busy connection looks whether something stands still: coarse, because it only ever ends what is stuck.
const TICK: Duration = Duration::from_secs(5);
/// Bytes that one stream may have waiting in the codec.
const SEND_BUFFER_BYTES_MAX: usize = 64 * 1024;

/// How much larger a head may be for the codec than for us: it answers 431 without a word to anyone, and we say which rule
/// was broken, to the client, the log and metrics.
const CODEC_HEADS_MAX: u32 = 2;

pub(super) async fn serve<IO, H>(
    io: IO,
    prefix: Vec<u8>,
    settings: Settings,
    handler: Rc<H>,
    drain: impl Future<Output = ()>,
) where
    IO: AsyncRead + AsyncWrite + Unpin,
    H: Handler,
{
    let gauge = Rc::new(Gauge::new(&settings.limits));
    let Limits { head_timeout, first_request_timeout, settings_timeout, .. } = *settings.limits;
    let first_by = settings.began + first_request_timeout;
    let mut watchdog = Watchdog::new(first_by.min(Instant::now() + head_timeout));
    let mut handshake = builder(&settings.limits).handshake::<_, Bytes>(Transport::new(io, prefix, gauge.clone()));
    let codec = poll_fn(|cx| match Pin::new(&mut handshake).poll(cx) {
        Poll::Ready(result) => Poll::Ready(result.ok()),
        Poll::Pending if gauge.flood.get().is_some() => Poll::Ready(None),
        Poll::Pending => watchdog.poll(cx).map(|()| None),
    });
    let Some(codec) = codec.await else { return };
    let mut connection = Connection {
        codec,
        gauge,
        watchdog,
        ticking: true,
        first_by,
        settled_by: Instant::now() + settings_timeout,
        streams: Rc::new(Streams { running: Cell::new(0), idle_since: Cell::new(Instant::now()) }),
        admitted: 0,
        goodbye: Goodbye::No,
        settings,
        lanes: Lanes::new(handler.clone()),
        handler,
    };
    connection.arm(Instant::now());
    let mut drain = pin!(drain);
    poll_fn(|cx| {
        if connection.goodbye == Goodbye::No && drain.as_mut().poll(cx).is_ready() {
            connection.say_goodbye();
        }
        connection.poll(cx)
    })
    .await;
}

fn builder(limits: &Limits) -> server::Builder {
    let mut builder = server::Builder::new();
    builder
        .max_concurrent_streams(limits.streams_max)
        .initial_window_size(limits.stream_window_bytes)
        .initial_connection_window_size(limits.connection_window_bytes)
        .data_frame_budget(DATA_OVERHEAD_BYTES_MAX)
        .max_header_list_size(CODEC_HEADS_MAX * limits.head_bytes_max as u32)
        .max_send_buffer_size(SEND_BUFFER_BYTES_MAX)
        .max_pending_accept_reset_streams(limits.resets_max)
        .max_local_error_reset_streams(Some(limits.resets_max))
        .enable_connect_protocol();
    builder
}

struct Connection<IO, H: Handler> {
    codec: server::Connection<Transport<IO>, Bytes>,
    gauge: Rc<Gauge>,
    watchdog: Watchdog,
    /// The watchdog wakes at the next tick, rather than when an idle connection has idled enough.
    ticking: bool,
    /// When the first request must be here, and the acknowledgement of our SETTINGS.
    first_by: Instant,
    settled_by: Instant,
    streams: Rc<Streams>,
    /// Streams admitted so far.
    admitted: u32,
    goodbye: Goodbye,
    settings: Settings,
    handler: Rc<H>,
    lanes: Lanes<H, Running>,
}

/// How far the end of the connection is (RFC 9113 §6.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goodbye {
    No,
    /// GOAWAY is out, what runs may end.
    Said(Instant),
    /// Nothing more is waited for.
    Final,
}

/// The streams whose tasks run. They count to the limit for as long as there is work for them, also when the client
/// has reset them (HARDENING H4).
struct Streams {
    running: Cell<u32>,
    idle_since: Cell<Instant>,
}

/// One running stream.
struct Running(Rc<Streams>);

impl Drop for Running {
    fn drop(&mut self) {
        let left = self.0.running.get() - 1;
        self.0.running.set(left);
        if left == 0 {
            self.0.idle_since.set(Instant::now());
        }
    }
}

impl<IO, H> Connection<IO, H>
where
    IO: AsyncRead + AsyncWrite + Unpin,
    H: Handler,
{
    /// Ready when the connection is over.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.codec.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => {
                    self.admit(request, respond);
                    continue;
                }
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(()),
                Poll::Pending => {}
            }
            if self.goodbye != Goodbye::Final && self.gauge.flood.get().is_some() {
                self.close(Reason::ENHANCE_YOUR_CALM);
                continue;
            }
            if !self.ticking && self.needs_ticks() {
                self.ticking = true;
                self.arm(Instant::now());
            }
            if self.watchdog.poll(cx).is_pending() {
                return Poll::Pending;
            }
            if self.tick() {
                return Poll::Ready(());
            }
        }
    }

    /// Starts the task of a stream.
    fn admit(&mut self, request: http::Request<RecvStream>, mut respond: server::SendResponse<Bytes>) {
        let Settings { limits, scheme, .. } = &self.settings;
        let running = self.streams.running.get();
        if running >= limits.streams_max {
            respond.send_reset(Reason::REFUSED_STREAM);
            return;
        }
        self.streams.running.set(running + 1);
        let guard = Running(self.streams.clone());
        let (parts, body) = request.into_parts();
        let mut head = self.handler.new_head();
        head.scheme = *scheme;
        let had_fragment = self.gauge.meter.borrow_mut().had_fragment(respond.stream_id().as_u32());
        let read = if had_fragment {
            Err(Violation::Fragment)
        } else {
            let reading = Reading { limits, strict: self.handler.strict() };
            read_head(&parts, body.is_end_stream(), &mut head, &reading)
        };
        let head = match read {
            Ok(()) => Ok(head),
            Err(violation) => Err(refuse(&parts, violation, head)),
        };
        let stream = Stream::new(body, respond, parts.method == http::Method::HEAD, limits.clone(), self.gauge.clone());
        self.lanes.serve(Job { head, stream, guard });
        self.admitted += 1;
        if self.admitted >= self.settings.limits.connection_requests_max || self.handler.is_draining() {
            self.say_goodbye();
        }
    }

    /// Tells the client that no more streams are welcome, so that what it has sent already is still served: GOAWAY with
    /// the highest id, then with the last one that came.
    fn say_goodbye(&mut self) {
        if self.goodbye == Goodbye::No {
            self.codec.graceful_shutdown();
            self.goodbye = Goodbye::Said(Instant::now());
        }
    }

    fn close(&mut self, reason: Reason) {
        self.codec.abrupt_shutdown(reason);
        self.goodbye = Goodbye::Final;
    }

    fn needs_ticks(&self) -> bool {
        self.streams.running.get() > 0
            || self.goodbye != Goodbye::No
            || self.gauge.write_blocked_since.get().is_some()
            || self.gauge.meter.borrow().block_since.is_some()
    }

    /// Has the watchdog wait for what must happen next.
    fn arm(&mut self, now: Instant) {
        let idle_by = self.streams.idle_since.get() + self.settings.limits.idle_timeout;
        let mut next = if self.ticking { now + TICK } else { idle_by };
        if self.admitted == 0 {
            next = next.min(self.first_by);
        }
        if !self.gauge.meter.borrow().is_settled {
            next = next.min(self.settled_by);
        }
        self.watchdog.set(next);
    }

    /// Ends what stands still. Returns whether the connection is over.
    fn tick(&mut self) -> bool {
        let now = Instant::now();
        let since = |since: Option<Instant>| since.map_or(Duration::ZERO, |since| now - since);
        let limits = self.settings.limits.clone();
        let idle = self.streams.running.get() == 0;
        let stall_timeout =
            if self.gauge.has_tunnel.get() { limits.progress_timeout } else { limits.client_stall_timeout };
        if self.goodbye == Goodbye::Final || since(self.gauge.write_blocked_since.get()) >= stall_timeout {
            return true;
        }
        if since(self.gauge.meter.borrow().block_since) >= limits.head_timeout {
            self.close(Reason::ENHANCE_YOUR_CALM);
        } else if !self.gauge.meter.borrow().is_settled && now >= self.settled_by {
            self.close(Reason::SETTINGS_TIMEOUT);
        } else if self.admitted == 0 && now >= self.first_by {
            self.close(Reason::NO_ERROR);
        } else if idle && self.gauge.has_stalled.get() {
            // It opened no window for what it asked, and asks for nothing else.
            self.close(Reason::ENHANCE_YOUR_CALM);
        } else if let Goodbye::Said(when) = self.goodbye {
            // A client that never answers the goodbye's PING would keep the connection for good.
            if idle && now - when >= TICK {
                self.close(Reason::NO_ERROR);
            }
        } else if idle && now - self.streams.idle_since.get() >= limits.idle_timeout {
            self.say_goodbye();
        }
        if idle {
            self.lanes.shrink();
        }
        self.ticking = self.needs_ticks();
        self.arm(now);
        false
    }
}
