//! Bodies through a stream of HTTP/2.

use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use h2::{Reason, RecvStream, SendStream};
use http::HeaderMap;

use super::{read_trailers, write_fields};
use crate::failure::{Failure, What};
use crate::limits::Limits;
use crate::message::{Fields, Read, Sink, Source};
use crate::stall::Stall;
use crate::violation::Violation;

/// Bytes that are welcome at a time, and so what one stream holds for a peer whose window is shut.
const WRITE_BYTES_MAX: usize = 32 * 1024;

/// A body that arrives. Its window grows again as the bytes are read out.
#[derive(Debug)]
pub(crate) struct Incoming {
    stream: RecvStream,
    chunk: Bytes,
    trailer_fields_max: usize,
    trailer_bytes_max: usize,
    /// What it is when the peer breaks off.
    gone: What,
    /// It is a request's.
    is_request: bool,
}

impl Incoming {
    /// A request's body.
    pub(crate) fn of_client(stream: RecvStream, limits: &Limits) -> Self {
        Self::new(stream, limits, What::ClientGone, true)
    }

    /// A response's body.
    pub(crate) fn of_backend(stream: RecvStream, limits: &Limits) -> Self {
        Self::new(stream, limits, What::BackendGone, false)
    }

    fn new(stream: RecvStream, limits: &Limits, gone: What, is_request: bool) -> Self {
        let Limits { trailer_fields_max, trailer_bytes_max, .. } = *limits;
        Self { stream, chunk: Bytes::new(), trailer_fields_max, trailer_bytes_max, gone, is_request }
    }

    fn read_trailers(&self, map: &HeaderMap) -> Result<Fields, Failure> {
        let bytes: usize = map.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if map.len() > self.trailer_fields_max || bytes > self.trailer_bytes_max {
            return Err(self.malformed(Violation::TrailersTooLarge));
        }
        read_trailers(map).map_err(|violation| self.malformed(violation))
    }

    /// Moves what fits of the chunk into `buffer`.
    fn take_chunk(&mut self, buffer: &mut [u8]) -> usize {
        let bytes = self.chunk.len().min(buffer.len());
        buffer[..bytes].copy_from_slice(&self.chunk[..bytes]);
        self.chunk.advance(bytes);
        bytes
    }

    fn failure(&self, error: h2::Error) -> Failure {
        // Data that does not add up to content-length, or frames out of order, were reset by our own codec.
        let failure = match error.is_library() && error.is_reset() {
            true => self.malformed(Violation::BodyFraming),
            false => self.gone.into(),
        };
        Failure { source: Some(io::Error::other(error)), ..failure }
    }

    /// What it is when what the peer sent breaks the rules.
    fn malformed(&self, violation: Violation) -> Failure {
        if self.is_request { violation.into() } else { What::BadResponse.into() }
    }
}

impl Source for Incoming {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<Read, Failure>> {
        while self.chunk.is_empty() {
            match ready!(self.stream.poll_data(cx)) {
                Some(Ok(chunk)) => self.chunk = chunk,
                Some(Err(error)) => return Poll::Ready(Err(self.failure(error))),
                None => {
                    let trailers = ready!(self.stream.poll_trailers(cx)).map_err(|error| self.failure(error))?;
                    return Poll::Ready(match trailers {
                        Some(map) => self.read_trailers(&map).map(Read::Trailers),
                        None => Ok(Read::End),
                    });
                }
            }
        }
        let mut bytes = self.take_chunk(buffer);
        // Frames that are here already go on as one: many small ones in a row look like a flood to whoever is next.
        while bytes < buffer.len()
            && let Poll::Ready(Some(Ok(chunk))) = self.stream.poll_data(cx)
        {
            self.chunk = chunk;
            bytes += self.take_chunk(&mut buffer[bytes..]);
        }
        // It fails when the stream was reset meanwhile; the next read says so.
        _ = self.stream.flow_control().release_capacity(bytes);
        Poll::Ready(Ok(Read::Data { bytes, last: self.chunk.is_empty() && self.stream.is_end_stream() }))
    }
}

/// A body that leaves.
///
/// Window is asked for only for bytes that are here: a stream that reserved it in advance would starve the others of
/// its connection while its own source is silent.
pub(crate) struct Outgoing {
    stream: SendStream<Bytes>,
    /// Taken, and waiting for the peer's window.
    queue: Bytes,
    end: End,
    stall: Stall,
    /// It was given up because the peer took nothing.
    timed_out: bool,
    gone: What,
    /// What the peer is told when the body cannot be brought to its end.
    abort: Reason,
}

/// How far the end of a body is.
#[derive(Debug)]
enum End {
    /// Not in sight.
    Open,
    /// After the queue.
    Queued(Option<HeaderMap>),
    Sent,
}

impl Outgoing {
    /// A response's body; one that ends with its head is already at its end.
    pub(crate) fn to_client(stream: SendStream<Bytes>, is_end: bool, limits: &Limits) -> Self {
        Self::new(stream, is_end, limits.client_stall_timeout, limits, What::ClientGone, Reason::INTERNAL_ERROR)
    }

    /// What goes to a client through a tunnel, which may rest for longer.
    pub(crate) fn to_tunnel(stream: SendStream<Bytes>, limits: &Limits) -> Self {
        Self::new(stream, false, limits.progress_timeout, limits, What::ClientGone, Reason::INTERNAL_ERROR)
    }

    /// A request's body.
    pub(crate) fn to_backend(stream: SendStream<Bytes>, is_end: bool, limits: &Limits) -> Self {
        Self::new(stream, is_end, limits.progress_timeout, limits, What::BackendGone, Reason::CANCEL)
    }

    fn new(
        stream: SendStream<Bytes>,
        is_end: bool,
        timeout: Duration,
        limits: &Limits,
        gone: What,
        abort: Reason,
    ) -> Self {
        let end = if is_end { End::Sent } else { End::Open };
        Self {
            stream,
            queue: Bytes::new(),
            end,
            stall: Stall::new(timeout, limits.client_bytes_min),
            timed_out: false,
            gone,
            abort,
        }
    }

    /// Whether it was given up because the peer took nothing.
    pub(crate) fn has_timed_out(&self) -> bool {
        self.timed_out
    }

    /// Ready when the peer gave the stream up.
    pub(crate) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.stream.poll_reset(cx).map(|_| ())
    }

    /// Sends what the window allows of the queue, and the end once the queue is empty.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        while !self.queue.is_empty() {
            self.stream.reserve_capacity(self.queue.len());
            let mut window = self.stream.capacity();
            if window == 0 {
                window = match self.stream.poll_capacity(cx) {
                    Poll::Pending if self.stall.poll(cx).is_ready() => {
                        self.stream.send_reset(Reason::CANCEL);
                        self.end = End::Sent;
                        self.timed_out = true;
                        return Poll::Ready(Err(Failure::because(self.gone, io::ErrorKind::TimedOut.into())));
                    }
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(None) => return Poll::Ready(Err(self.gone.into())),
                    Poll::Ready(Some(window)) => window.map_err(|error| self.failure(error))?,
                };
            }
            let piece = self.queue.split_to(window.min(self.queue.len()));
            self.stall.progress(piece.len() as u64);
            let is_last = self.queue.is_empty() && matches!(self.end, End::Queued(None));
            if is_last {
                self.end = End::Sent;
            }
            self.stream.send_data(piece, is_last).map_err(|error| self.failure(error))?;
        }
        self.stall.end();
        match std::mem::replace(&mut self.end, End::Sent) {
            End::Open => self.end = End::Open,
            End::Queued(None) => self.stream.send_data(Bytes::new(), true).map_err(|error| self.failure(error))?,
            End::Queued(Some(trailers)) => self.stream.send_trailers(trailers).map_err(|error| self.failure(error))?,
            End::Sent => {}
        }
        Poll::Ready(Ok(()))
    }

    /// Sends now, whether or not all of it can be.
    fn send(&mut self, cx: &mut Context<'_>) -> Result<(), Failure> {
        match self.poll_send(cx) {
            Poll::Ready(result) => result,
            Poll::Pending => Ok(()),
        }
    }

    fn failure(&self, error: h2::Error) -> Failure {
        Failure::because(self.gone, io::Error::other(error))
    }
}

impl Sink for Outgoing {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Failure>> {
        ready!(self.poll_send(cx))?;
        Poll::Ready(Ok(WRITE_BYTES_MAX))
    }

    fn write(&mut self, cx: &mut Context<'_>, data: &[u8], last: bool) -> Result<(), Failure> {
        debug_assert!(self.queue.is_empty(), "poll_ready came before");
        if matches!(self.end, End::Sent) {
            // A response that has no body, whatever was made for it: that to a HEAD.
            return Ok(());
        }
        self.queue = Bytes::copy_from_slice(data);
        if last {
            self.end = End::Queued(None);
        }
        self.send(cx)
    }

    fn finish(&mut self, cx: &mut Context<'_>, trailers: Option<Fields>) -> Result<(), Failure> {
        let trailers = match trailers {
            None => None,
            Some(fields) => {
                let mut map = HeaderMap::new();
                write_fields(&mut map, &fields, self.gone)?;
                Some(map)
            }
        };
        if !matches!(self.end, End::Sent) {
            self.end = End::Queued(trailers);
        }
        self.send(cx)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        ready!(self.poll_send(cx))?;
        // While there is nothing to send, nothing else would notice that the peer has given the stream up.
        if matches!(self.end, End::Open) && self.poll_gone(cx).is_ready() {
            self.end = End::Sent;
            return Poll::Ready(Err(self.gone.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        if !matches!(self.end, End::Sent) {
            // Whoever gives up first, a window held shut is the peer's doing.
            self.stream.send_reset(if self.stall.is_waiting() { Reason::CANCEL } else { self.abort });
        }
    }
}
