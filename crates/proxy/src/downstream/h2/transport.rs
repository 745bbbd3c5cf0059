//! The byte stream under a connection's codec: every byte passes the [`Meter`].

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::meter::{Flood, Meter};
use crate::limits::Limits;

/// What the connection's task reads off its transport, which the codec owns.
#[derive(Debug)]
pub(super) struct Gauge {
    pub(super) meter: RefCell<Meter>,
    /// Set once; from then on nothing more is read.
    pub(super) flood: Cell<Option<Flood>>,
    /// Since when the client has taken no byte that we have for it.
    pub(super) write_blocked_since: Cell<Option<Instant>>,
    /// The client held a stream's window shut until the stream was given up.
    pub(super) has_stalled: Cell<bool>,
    /// A stream is, or was, a tunnel: those may rest.
    pub(super) has_tunnel: Cell<bool>,
}

impl Gauge {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            meter: RefCell::new(Meter::new(limits)),
            flood: Cell::new(None),
            write_blocked_since: Cell::new(None),
            has_stalled: Cell::new(false),
            has_tunnel: Cell::new(false),
        }
    }
}

pub(super) struct Transport<IO> {
    io: IO,
    /// Read before it was known that this is HTTP/2.
    prefix: Vec<u8>,
    gauge: std::rc::Rc<Gauge>,
}

impl<IO> Transport<IO> {
    pub(super) fn new(io: IO, prefix: Vec<u8>, gauge: std::rc::Rc<Gauge>) -> Self {
        Self { io, prefix, gauge }
    }

    fn wrote(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &result {
            Poll::Ready(Ok(n)) => {
                self.gauge.meter.borrow_mut().written += *n as u64;
                self.gauge.write_blocked_since.set(None);
            }
            Poll::Pending if self.gauge.write_blocked_since.get().is_none() => {
                self.gauge.write_blocked_since.set(Some(Instant::now()));
            }
            Poll::Pending | Poll::Ready(Err(_)) => {}
        }
        result
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Transport<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.gauge.flood.get().is_some() {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        if this.prefix.is_empty() {
            std::task::ready!(Pin::new(&mut this.io).poll_read(cx, buffer))?;
        } else {
            let n = this.prefix.len().min(buffer.remaining());
            buffer.put_slice(&this.prefix[..n]);
            this.prefix.drain(..n);
        }
        if let Err(flood) = this.gauge.meter.borrow_mut().read(&buffer.filled()[before..]) {
            // The connection's task looks at this when the codec comes back empty-handed.
            this.gauge.flood.set(Some(flood));
            buffer.set_filled(before);
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Transport<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.wrote(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write_vectored(cx, parts);
        self.wrote(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
