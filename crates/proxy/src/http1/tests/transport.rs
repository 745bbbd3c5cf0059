//! Bodies through a stream that does as little at a time as it may.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::failure::What;
use crate::http1::framing::{BodyReader, BodyWriter};
use crate::http1::{Incoming, Outgoing, Transport, Trouble};
use crate::limits::Limits;
use crate::message::Read;

/// Takes bytes as TLS does: into a store of its own, which only a flush empties, as far as the `room` below it goes.
#[derive(Default)]
struct Stream {
    to_read: VecDeque<Vec<u8>>,
    held: Vec<u8>,
    sent: Vec<u8>,
    room: usize,
    shut: bool,
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(mut piece) = self.to_read.pop_front() else { return Poll::Ready(Ok(())) };
        let rest = piece.split_off(piece.len().min(buffer.remaining()));
        buffer.put_slice(&piece);
        if !rest.is_empty() {
            self.to_read.push_front(rest);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.held.extend_from_slice(data);
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let n = self.room.min(self.held.len());
        let sent: Vec<_> = self.held.drain(..n).collect();
        self.sent.extend_from_slice(&sent);
        self.room -= n;
        if self.held.is_empty() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shut = true;
        Poll::Ready(Ok(()))
    }
}

fn noop() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

fn write(writer: BodyWriter, data: &[u8]) -> (Transport<Stream>, Outgoing) {
    let mut transport = Transport::new(Stream::default(), Vec::new());
    let mut outgoing = Outgoing::new(writer);
    assert!(outgoing.poll_ready(&mut transport, &mut noop()).is_ready());
    outgoing.write(&mut transport, &mut noop(), data, true).unwrap();
    (transport, outgoing)
}

#[test]
fn a_body_is_not_out_before_the_stream_has_let_go_of_it() {
    let small = vec![b'x'; 100];
    let large = vec![b'x'; 100_000];
    for (writer, data) in
        [(BodyWriter::Length(100), &small), (BodyWriter::Length(100_000), &large), (BodyWriter::UntilClose, &large)]
    {
        let (mut transport, mut outgoing) = write(writer, data);
        for room in [40, data.len() - 41] {
            transport.io().room = room;
            assert!(outgoing.poll_flush(&mut transport, &mut noop()).is_pending(), "{writer:?}: more is held");
        }
        assert!(!transport.io().shut, "not before all is out");
        transport.io().room = 1;
        assert!(outgoing.poll_flush(&mut transport, &mut noop()).is_ready());
        assert_eq!(&transport.io().sent, data);
        assert_eq!(transport.io().shut, writer == BodyWriter::UntilClose);
    }
}

#[test]
fn no_more_is_sent_than_was_promised() {
    for (length, data) in [(3, 4), (20_000, 20_001)] {
        let mut transport = Transport::new(Stream::default(), Vec::new());
        let mut outgoing = Outgoing::new(BodyWriter::Length(length));
        let trouble = outgoing.write(&mut transport, &mut noop(), &vec![b'x'; data], false);
        assert!(matches!(trouble, Err(Trouble::Unfit(What::BadResponse))));
        assert!(transport.io().held.is_empty() && transport.outbound.is_empty());
    }
    let mut transport = Transport::new(Stream::default(), Vec::new());
    let short = Outgoing::new(BodyWriter::Length(3)).write(&mut transport, &mut noop(), b"ab", true);
    assert!(matches!(short, Err(Trouble::Unfit(What::BadResponse))), "nor less");
}

/// Reads a body to its end; returns also what is left for the next message.
async fn read(reader: BodyReader, inbound: &[u8], pieces: &[&[u8]]) -> (Result<Vec<u8>, Trouble>, Vec<u8>) {
    let to_read = pieces.iter().map(|piece| piece.to_vec()).collect();
    let mut transport = Transport::new(Stream { to_read, ..Stream::default() }, inbound.to_vec());
    let mut incoming = Incoming::new(reader);
    let (mut body, mut buffer) = (Vec::new(), [0; 7]);
    let ended = loop {
        match poll_fn(|cx| incoming.poll_read(&mut transport, cx, &mut buffer)).await {
            Ok(Read::Data { bytes, last }) => {
                body.extend_from_slice(&buffer[..bytes]);
                if last {
                    break Ok(body);
                }
            }
            Ok(Read::Trailers(trailers)) => assert_eq!(trailers.get("x"), Some(&b"1"[..])),
            Ok(Read::End) => break Ok(body),
            Err(trouble) => break Err(trouble),
        }
    };
    assert!(ended.is_err() || incoming.is_done());
    let (stream, mut rest) = transport.into_parts();
    rest.extend(stream.to_read.into_iter().flatten());
    (ended, rest)
}

#[tokio::test]
async fn a_body_ends_where_its_framing_says() {
    let chunked = || BodyReader::Chunked(Box::new(crate::http1::chunk::ChunkDecoder::new(&Limits::default())));
    let (body, rest) = read(BodyReader::Length(10), b"0123", &[b"456789GET"]).await;
    assert_eq!((body.unwrap(), rest), (b"0123456789".to_vec(), b"GET".to_vec()));
    let (body, rest) = read(chunked(), b"3\r\nabc\r", &[b"\n2\r\nde\r\n0\r\nx: 1\r\n\r\nGET"]).await;
    assert_eq!((body.unwrap(), rest), (b"abcde".to_vec(), b"GET".to_vec()));
    let (body, _) = read(BodyReader::UntilClose, b"", &[b"abc", b"def"]).await;
    assert_eq!(body.unwrap(), b"abcdef");
    let (body, rest) = read(BodyReader::Length(0), b"GET", &[]).await;
    assert_eq!((body.unwrap(), rest), (Vec::new(), b"GET".to_vec()));
}

#[tokio::test]
async fn a_body_cut_short_is_an_error() {
    let chunked = BodyReader::Chunked(Box::new(crate::http1::chunk::ChunkDecoder::new(&Limits::default())));
    for reader in [BodyReader::Length(5), chunked] {
        let (body, _) = read(reader, b"", &[b"1\r\n"]).await;
        assert!(matches!(body, Err(Trouble::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof));
    }
}
