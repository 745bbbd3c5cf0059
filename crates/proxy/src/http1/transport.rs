//! A byte stream with what was read too far and what is not yet written.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// One side's connection: a stream and its two small buffers, both empty and unallocated while it idles.
#[derive(Debug)]
pub(crate) struct Transport<S> {
    io: S,
    /// Bytes read beyond what was asked for: a head in parts, or a body's beginning.
    pub(crate) inbound: Vec<u8>,
    /// Bytes to write; those before `written` are with the kernel.
    pub(crate) outbound: Vec<u8>,
    written: usize,
    /// Bytes that the stream took.
    pub(crate) sent: u64,
    /// The stream took bytes that it may still hold itself, as TLS does.
    unflushed: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Transport<S> {
    pub(crate) fn new(io: S, inbound: Vec<u8>) -> Self {
        Self { io, inbound, outbound: Vec::new(), written: 0, sent: 0, unflushed: false }
    }

    #[cfg(test)]
    pub(crate) fn io(&mut self) -> &mut S {
        &mut self.io
    }

    /// Writes past `outbound`, which is empty: returns how much of `data` the stream took.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.unflushed = true;
        Pin::new(&mut self.io).poll_write(cx, data)
    }

    /// Reads from the stream, past `inbound`; 0 is its end.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Ready when `outbound` is with the kernel.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.outbound.is_empty() && !self.unflushed {
            return Poll::Ready(Ok(()));
        }
        while self.written < self.outbound.len() {
            let n = ready!(Pin::new(&mut self.io).poll_write(cx, &self.outbound[self.written..]))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += n;
            self.sent += n as u64;
            self.unflushed = true;
        }
        self.outbound.clear();
        self.written = 0;
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }

    /// Ends the writing side, so that the peer sees a clean end.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(cx))?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    pub(crate) fn into_parts(self) -> (S, Vec<u8>) {
        (self.io, self.inbound)
    }
}
