//! A connection that lets the tasks of its streams run while it is read.
//!
//! What arrives without flow control, interim heads above all, piles up in the codec for as long as the codec goes on
//! reading: a backend that sends them without end would fill memory before the exchange they belong to is asked at all.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that are read before the tasks of the streams have their turn: a few full DATA frames, or 6,500 heads at the
/// least, which the codec keeps in about 2 MiB.
const TURN_BYTES_MAX: usize = 64 * 1024;

pub(super) struct Fair<IO> {
    io: IO,
    /// Read in this turn.
    bytes: usize,
}

impl<IO> Fair<IO> {
    pub(super) fn new(io: IO) -> Self {
        Self { io, bytes: 0 }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Fair<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.bytes >= TURN_BYTES_MAX {
            self.bytes = 0;
            // Tasks run in the order they were woken: those that have something to read are before this one.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buffer);
        if read.is_pending() {
            self.bytes = 0;
        }
        ready!(read)?;
        self.bytes += buffer.filled().len() - before;
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Fair<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, parts)
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

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test]
    async fn others_have_their_turn_before_all_is_read() {
        let (mut theirs, ours) = tokio::io::duplex(1024 * 1024);
        theirs.write_all(&[0; 300_000]).await.unwrap();
        let (mut fair, mut turns) = (Fair::new(ours), Vec::new());
        while turns.iter().sum::<usize>() < 300_000 {
            let mut buffer = [0; 8 * 1024];
            let mut bytes = 0;
            let turn = poll_fn(|cx| {
                let mut read = ReadBuf::new(&mut buffer);
                while Pin::new(&mut fair).poll_read(cx, &mut read).is_ready() {
                    bytes += read.filled().len();
                    read.clear();
                }
                Poll::Ready(bytes)
            });
            turns.push(turn.await);
        }
        assert_eq!(turns, [64 * 1024, 64 * 1024, 64 * 1024, 64 * 1024, 300_000 - 256 * 1024]);
    }
}
