//! HTTP/2 frames written and read by hand (RFC 9113), for either end of a connection.

use std::{
    collections::BTreeMap,
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

use super::{
    PATIENCE,
    hpack::{self, Decoder},
};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const ACK: u8 = 0x1;
pub(crate) const END_STREAM: u8 = 0x1;
pub(crate) const END_HEADERS: u8 = 0x4;

pub(crate) const PROTOCOL_ERROR: u32 = 1;
pub(crate) const CANCEL: u32 = 8;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

pub(crate) const ENABLE_CONNECT_PROTOCOL: u16 = 8;
pub(crate) const INITIAL_WINDOW_SIZE: u16 = 4;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    pub(crate) fn new(kind: u8, flags: u8, stream: u32, payload: impl Into<Vec<u8>>) -> Self {
        Self { kind, flags, stream, payload: payload.into() }
    }

    /// HEADERS with a whole block.
    pub(crate) fn headers<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        stream: u32,
        end: bool,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let flags = END_HEADERS | if end { END_STREAM } else { 0 };
        Self::new(HEADERS, flags, stream, hpack::encode(fields))
    }

    pub(crate) fn data(stream: u32, end: bool, bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(DATA, if end { END_STREAM } else { 0 }, stream, bytes)
    }

    pub(crate) fn reset(stream: u32, code: u32) -> Self {
        Self::new(RST_STREAM, 0, stream, code.to_be_bytes())
    }

    pub(crate) fn window_update(stream: u32, increment: u32) -> Self {
        Self::new(WINDOW_UPDATE, 0, stream, increment.to_be_bytes())
    }

    pub(crate) fn settings(values: &[(u16, u32)]) -> Self {
        let payload: Vec<u8> =
            values.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()[..]].concat()).collect();
        Self::new(SETTINGS, 0, 0, payload)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).expect("a frame's length").to_be_bytes();
        [&length[1..], &[self.kind, self.flags], &self.stream.to_be_bytes(), &self.payload].concat()
    }

    pub(crate) fn ends_stream(&self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }

    /// The error code of RST_STREAM or GOAWAY.
    pub(crate) fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().expect("four bytes"))
    }

    /// The last stream that a GOAWAY names.
    pub(crate) fn last_stream(&self) -> u32 {
        u32::from_be_bytes(self.payload[..4].try_into().expect("four bytes"))
    }
}

/// How a stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Answered(Answered),
    Reset(u32),
    /// The whole connection ended, with this code if it said one.
    Gone(Option<u32>),
}

impl Outcome {
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Answered(answered) => Some(answered.status()),
            Self::Reset(_) | Self::Gone(_) => None,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answered {
    /// One for each HEADERS: the response's, and the trailers'.
    pub(crate) blocks: Vec<Vec<(String, String)>>,
    pub(crate) body: Vec<u8>,
}

impl Answered {
    pub(crate) fn status(&self) -> u16 {
        self.value(0, ":status").and_then(|status| status.parse().ok()).expect("a response has a status")
    }

    /// Returns a field of the response (block 0) or its trailers (block 1).
    pub(crate) fn value(&self, block: usize, name: &str) -> Option<&str> {
        self.blocks.get(block)?.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }
}

/// One end of a connection.
pub(crate) struct Connection<S = TcpStream> {
    pub(crate) stream: S,
    unread: Vec<u8>,
    decoder: Decoder,
    /// The peer's settings so far.
    pub(crate) settings: BTreeMap<u16, u32>,
    /// Gives back what DATA takes from the windows.
    pub(crate) feeds_windows: bool,
    streams: BTreeMap<u32, Answered>,
    /// The last GOAWAY.
    pub(crate) goaway: Option<Frame>,
    /// The socket's timeout is no failure.
    expects_silence: bool,
}

impl Connection<TcpStream> {
    /// Connects with prior knowledge.
    pub(crate) fn connect(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let stream = TcpStream::connect(address).expect("the gateway listens");
        Self::greet(prepared(stream), settings)
    }

    pub(crate) fn finish(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Reads a frame if one comes in time.
    pub(crate) fn next_within(&mut self, patience: Duration) -> Option<Frame> {
        self.stream.set_read_timeout(Some(patience)).expect("a connected socket takes options");
        self.expects_silence = true;
        let complete = self.fill_frame();
        self.expects_silence = false;
        self.stream.set_read_timeout(Some(PATIENCE)).expect("a connected socket takes options");
        complete.then(|| self.take_frame())
    }
}

/// Sets what every socket of a test has.
pub(crate) fn prepared(stream: TcpStream) -> TcpStream {
    stream.set_nodelay(true).expect("a connected socket takes options");
    stream.set_read_timeout(Some(PATIENCE)).expect("a connected socket takes options");
    stream.set_write_timeout(Some(PATIENCE)).expect("a connected socket takes options");
    stream
}

impl<S: Read + Write> Connection<S> {
    /// Begins a connection as a client.
    pub(crate) fn greet(stream: S, settings: &[(u16, u32)]) -> Self {
        let mut connection = Self::over(stream);
        connection.send_bytes(&[PREFACE, &Frame::settings(settings).bytes()].concat());
        connection
    }

    pub(crate) fn over(stream: S) -> Self {
        Self {
            stream,
            unread: Vec::new(),
            decoder: Decoder::default(),
            settings: BTreeMap::new(),
            feeds_windows: true,
            streams: BTreeMap::new(),
            goaway: None,
            expects_silence: false,
        }
    }

    /// Reads a client's preface; whether it was one.
    pub(crate) fn read_preface(&mut self) -> bool {
        while self.unread.len() < PREFACE.len() {
            if !self.fill() {
                return false;
            }
        }
        self.unread.drain(..PREFACE.len()).eq(PREFACE.iter().copied())
    }

    /// Writes bytes. The gateway may have closed: that is not this function's to judge.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).and_then(|()| self.stream.flush());
    }

    pub(crate) fn send(&mut self, frame: &Frame) {
        self.send_bytes(&frame.bytes());
    }

    pub(crate) fn send_all(&mut self, frames: &[Frame]) {
        self.send_bytes(&frames.iter().flat_map(Frame::bytes).collect::<Vec<_>>());
    }

    /// Sends a request without a body.
    pub(crate) fn get(&mut self, stream: u32, path: &str) {
        self.send(&Frame::headers(stream, true, request("GET", path)));
    }

    /// Reads the next frame, having answered SETTINGS and PING and taken note of what belongs to streams; `None` at the
    /// end of the connection.
    pub(crate) fn next(&mut self) -> Option<Frame> {
        self.fill_frame().then(|| self.take_frame())
    }

    /// Waits for the end of one stream.
    pub(crate) fn outcome(&mut self, stream: u32) -> Outcome {
        loop {
            let Some(frame) = self.next() else { return Outcome::Gone(self.goaway.as_ref().map(Frame::code)) };
            match frame.kind {
                RST_STREAM if frame.stream == stream => return Outcome::Reset(frame.code()),
                GOAWAY if frame.code() != 0 => return Outcome::Gone(Some(frame.code())),
                _ if frame.stream == stream && frame.ends_stream() => {
                    return Outcome::Answered(self.streams.remove(&stream).expect("HEADERS came before the end"));
                }
                _ => {}
            }
        }
    }

    /// Reads until the gateway closes; returns the code of its last GOAWAY.
    pub(crate) fn end(&mut self) -> Option<u32> {
        while self.next().is_some() {}
        self.goaway.as_ref().map(Frame::code)
    }

    /// What has come on a stream that has not ended.
    pub(crate) fn so_far(&self, stream: u32) -> Answered {
        self.streams.get(&stream).cloned().unwrap_or_default()
    }

    fn take_frame(&mut self) -> Frame {
        let length = usize::from(self.unread[0]) << 16 | usize::from(self.unread[1]) << 8 | usize::from(self.unread[2]);
        let bytes: Vec<u8> = self.unread.drain(..9 + length).collect();
        let stream = u32::from_be_bytes(bytes[5..9].try_into().expect("four bytes")) & 0x7fff_ffff;
        let frame = Frame::new(bytes[3], bytes[4], stream, &bytes[9..]);
        self.note(&frame);
        frame
    }

    fn note(&mut self, frame: &Frame) {
        match frame.kind {
            SETTINGS if frame.flags & ACK == 0 => {
                for entry in frame.payload.chunks_exact(6) {
                    let id = u16::from_be_bytes([entry[0], entry[1]]);
                    self.settings.insert(id, u32::from_be_bytes(entry[2..].try_into().expect("four bytes")));
                }
                self.send(&Frame::new(SETTINGS, ACK, 0, []));
            }
            PING if frame.flags & ACK == 0 => self.send(&Frame::new(PING, ACK, 0, frame.payload.as_slice())),
            HEADERS => {
                assert!(frame.flags & END_HEADERS != 0, "the gateway's heads fit one frame");
                assert!(frame.flags & 0x28 == 0, "without padding and priority");
                let fields = self.decoder.decode(&frame.payload);
                let answered = self.streams.entry(frame.stream).or_default();
                // Interim responses are no block of the answer.
                if !fields.iter().any(|(name, value)| name == ":status" && value.starts_with('1')) {
                    answered.blocks.push(fields);
                }
            }
            DATA => {
                self.streams.entry(frame.stream).or_default().body.extend_from_slice(&frame.payload);
                if self.feeds_windows && !frame.payload.is_empty() {
                    let length = u32::try_from(frame.payload.len()).expect("a frame's length");
                    self.send(&Frame::window_update(0, length));
                    if !frame.ends_stream() {
                        self.send(&Frame::window_update(frame.stream, length));
                    }
                }
            }
            GOAWAY => self.goaway = Some(frame.clone()),
            _ => {}
        }
    }

    fn fill_frame(&mut self) -> bool {
        loop {
            if let [a, b, c, ..] = self.unread[..]
                && self.unread.len() >= 9 + (usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c))
            {
                return true;
            }
            if !self.fill() {
                return false;
            }
        }
    }

    /// Reads more bytes; whether there were any before the end.
    fn fill(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(count) => {
                    self.unread.extend_from_slice(&buffer[..count]);
                    return count > 0;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) && !self.expects_silence =>
                {
                    panic!("the gateway neither answered nor closed");
                }
                Err(_) => return false,
            }
        }
    }
}

/// The pseudo-header fields of an honest request to `a.test`.
pub(crate) fn request<'a>(method: &'a str, path: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![(":method", method), (":scheme", "http"), (":authority", "a.test"), (":path", path)]
}
