//! The one body pump: moves a body from a source to a sink, whatever protocols they speak.

use std::task::{Context, Poll, ready};

use crate::failure::Failure;
use crate::message::{Fields, Read, Sink, Source};

/// One direction of an exchange.
#[derive(Debug, Default)]
pub(crate) struct Pump {
    state: State,
    /// Body bytes moved so far.
    pub(crate) bytes: u64,
    /// What stopped it last time was the sink, which took no more.
    pub(crate) waits_for_sink: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Copying,
    Flushing,
    Done,
}

/// What goes by in a pump.
pub(crate) enum Part<'a> {
    Bytes(&'a [u8]),
    Trailers(&'a Fields),
}

/// Why a pump stopped: the side decides what it means.
#[derive(Debug)]
pub(crate) enum Stopped {
    Source(Failure),
    Sink(Failure),
}

impl Pump {
    /// A pump with nothing left to move.
    pub(crate) fn done() -> Self {
        Self { state: State::Done, ..Self::default() }
    }

    /// A pump whose source has been read to its end; its `bytes` are still to be written.
    pub(crate) fn ended(bytes: u64) -> Self {
        Self { state: State::Flushing, bytes, ..Self::default() }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether the source has given all it had, and the sink has been told.
    pub(crate) fn has_ended(&self) -> bool {
        self.state != State::Copying
    }

    /// What has ended was written to another sink, which has yet to flush it.
    pub(crate) fn flush_again(&mut self) {
        if self.has_ended() {
            self.state = State::Flushing;
        }
    }

    /// Moves what can be moved now; ready when all of the body is with the sink's transport. `seen` is shown every
    /// part.
    pub(crate) fn poll<A: Source, B: Sink>(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut A,
        sink: &mut B,
        buffer: &mut [u8],
        mut seen: impl FnMut(Part<'_>),
    ) -> Poll<Result<(), Stopped>> {
        while self.state == State::Copying {
            self.waits_for_sink = true;
            let room = ready!(sink.poll_ready(cx)).map_err(Stopped::Sink)?.min(buffer.len());
            self.waits_for_sink = false;
            let Poll::Ready(read) = source.poll_read(cx, &mut buffer[..room]) else {
                // What is there need not wait for what is not.
                if let Poll::Ready(Err(failure)) = sink.poll_flush(cx) {
                    return Poll::Ready(Err(Stopped::Sink(failure)));
                }
                return Poll::Pending;
            };
            let last = match read.map_err(Stopped::Source)? {
                Read::Data { bytes, last } => {
                    self.bytes += bytes as u64;
                    seen(Part::Bytes(&buffer[..bytes]));
                    sink.write(cx, &buffer[..bytes], last).map_err(Stopped::Sink)?;
                    last
                }
                Read::Trailers(trailers) => {
                    seen(Part::Trailers(&trailers));
                    sink.finish(cx, Some(trailers)).map_err(Stopped::Sink)?;
                    true
                }
                Read::End => {
                    sink.finish(cx, None).map_err(Stopped::Sink)?;
                    true
                }
            };
            if last {
                self.state = State::Flushing;
            }
        }
        if self.state == State::Flushing {
            self.waits_for_sink = true;
            ready!(sink.poll_flush(cx)).map_err(Stopped::Sink)?;
            self.waits_for_sink = false;
            self.state = State::Done;
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests;
