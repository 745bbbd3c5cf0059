//! Bodies through a [`Transport`]: what a client's and a backend's connection have in common.

use std::io;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite};

use super::framing::{BodyReader, BodyWriter};
use super::transport::Transport;
use crate::failure::What;
use crate::message::{Fields, Read};
use crate::violation::Violation;

/// Bytes of `outbound` under which more may be added before it is sent, so that a head and a small body leave together.
const COALESCE_BYTES_MAX: usize = 16 * 1024;
/// Bytes of body that are welcome at a time: a whole scratch buffer.
const WRITE_BYTES_MAX: usize = 64 * 1024;

/// Why a body could not be read or written: the stream failed, or its bytes break the rules.
#[derive(Debug)]
pub(crate) enum Trouble {
    Io(io::Error),
    /// What is read breaks a rule.
    Malformed(Violation),
    /// What is to be written does not fit its head.
    Unfit(What),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Violation> for Trouble {
    fn from(violation: Violation) -> Self {
        Self::Malformed(violation)
    }
}

impl From<What> for Trouble {
    fn from(what: What) -> Self {
        Self::Unfit(what)
    }
}

/// The body being read from a transport.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) reader: BodyReader,
    /// Met together with the last data, handed out after it.
    trailers: Option<Fields>,
}

impl Incoming {
    pub(crate) fn new(reader: BodyReader) -> Self {
        // An empty body of known length has nothing to wait for.
        let reader = if matches!(reader, BodyReader::Length(0)) { BodyReader::Done } else { reader };
        Self { reader, trailers: None }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.reader.is_done() && self.trailers.is_none()
    }

    pub(crate) fn poll_read<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        transport: &mut Transport<S>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<Read, Trouble>> {
        loop {
            if let Some(trailers) = self.trailers.take() {
                return Poll::Ready(Ok(Read::Trailers(trailers)));
            }
            if self.reader.is_done() {
                return Poll::Ready(Ok(Read::End));
            }
            let n = ready!(fill(transport, cx, buffer))?;
            if n == 0 {
                if !self.reader.may_end() {
                    return Poll::Ready(Err(Trouble::Io(io::ErrorKind::UnexpectedEof.into())));
                }
                self.reader = BodyReader::Done;
                return Poll::Ready(Ok(Read::End));
            }
            let taken = self.reader.decode(&mut buffer[..n])?;
            if taken.consumed < n {
                transport.inbound.splice(0..0, buffer[taken.consumed..n].iter().copied());
            }
            if taken.done {
                self.trailers = self.reader.finish()?;
            }
            if taken.data > 0 {
                let last = taken.done && self.trailers.is_none();
                return Poll::Ready(Ok(Read::Data { bytes: taken.data, last }));
            }
        }
    }
}

/// Takes bytes that were read too far, or else reads.
fn fill<S: AsyncRead + AsyncWrite + Unpin>(
    transport: &mut Transport<S>,
    cx: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    if transport.inbound.is_empty() {
        return transport.poll_read(cx, buffer);
    }
    let n = transport.inbound.len().min(buffer.len());
    buffer[..n].copy_from_slice(&transport.inbound[..n]);
    transport.inbound.drain(..n);
    Poll::Ready(Ok(n))
}

/// The body being written to a transport.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) writer: BodyWriter,
    /// The end of the body is the end of the stream: a tunnel.
    shutdown: bool,
}

impl Outgoing {
    pub(crate) fn new(writer: BodyWriter) -> Self {
        Self { writer, shutdown: false }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.writer.is_done()
    }

    pub(crate) fn poll_ready<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        transport: &mut Transport<S>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if transport.outbound.len() >= COALESCE_BYTES_MAX {
            ready!(transport.poll_flush(cx))?;
        }
        Poll::Ready(Ok(WRITE_BYTES_MAX))
    }

    pub(crate) fn write<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        transport: &mut Transport<S>,
        cx: &mut Context<'_>,
        mut data: &[u8],
        last: bool,
    ) -> Result<(), Trouble> {
        self.writer.admit(data)?;
        let plain = matches!(self.writer, BodyWriter::Length(_) | BodyWriter::UntilClose);
        if plain && data.len() > COALESCE_BYTES_MAX {
            // A large piece goes out from where it is, and only what the kernel would not take is kept.
            if let Poll::Ready(flushed) = transport.poll_flush(cx) {
                flushed?;
                if let Poll::Ready(written) = transport.poll_write(cx, data) {
                    let n = written?;
                    if let BodyWriter::Length(left) = &mut self.writer {
                        *left = left.checked_sub(n as u64).ok_or(What::BadResponse)?;
                    }
                    data = &data[n..];
                }
            }
        }
        self.writer.write(&mut transport.outbound, data)?;
        if last || self.writer == BodyWriter::Length(0) {
            self.finish(transport, cx, None)?;
        } else if let Poll::Ready(Err(error)) = transport.poll_flush(cx) {
            return Err(error.into());
        }
        Ok(())
    }

    pub(crate) fn finish<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        transport: &mut Transport<S>,
        cx: &mut Context<'_>,
        trailers: Option<&Fields>,
    ) -> Result<(), Trouble> {
        self.shutdown = self.writer == BodyWriter::UntilClose;
        self.writer.finish(&mut transport.outbound, trailers)?;
        match self.poll_flush(transport, cx) {
            Poll::Ready(Err(error)) => Err(error.into()),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        }
    }

    pub(crate) fn poll_flush<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        transport: &mut Transport<S>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.shutdown { transport.poll_shutdown(cx) } else { transport.poll_flush(cx) }
    }
}
