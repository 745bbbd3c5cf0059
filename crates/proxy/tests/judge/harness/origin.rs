//! An HTTP/1.1 origin on raw TCP: keeps every byte it was sent, and answers with any bytes at all.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
};

use super::{PATIENCE, shown};

/// The bytes of an answer and what becomes of the connection after it.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Each is a write of its own.
    pieces: Vec<Vec<u8>>,
    then: Then,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The connection takes further requests.
    Keep,
    Close,
    /// The connection stays open, and whatever comes is recorded and not answered.
    Listen,
    /// Whatever comes goes back as it is.
    Echo,
}

impl Answer {
    /// A 200 with a body.
    pub(crate) fn ok(body: &str) -> Self {
        Self::raw(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
    }

    /// These bytes, whatever they mean; the connection then takes further requests.
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { pieces: vec![bytes.into()], then: Then::Keep }
    }

    /// No answer at all, on an open connection.
    pub(crate) fn silence() -> Self {
        Self { pieces: Vec::new(), then: Then::Listen }
    }

    pub(crate) fn then_close(self) -> Self {
        Self { then: Then::Close, ..self }
    }

    pub(crate) fn then_echo(self) -> Self {
        Self { then: Then::Echo, ..self }
    }

    /// The same bytes, one write each.
    pub(crate) fn byte_by_byte(self) -> Self {
        Self { pieces: self.pieces.concat().into_iter().map(|byte| vec![byte]).collect(), then: self.then }
    }
}

/// A request as the origin read it: strictly by HTTP/1.1's own framing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received {
    /// Which connection it came on, counted from 0 in the order of their opening.
    pub(crate) connection: usize,
    /// Request line and fields, verbatim, with the empty line.
    pub(crate) head: Vec<u8>,
    /// Without framing.
    pub(crate) body: Vec<u8>,
    /// The trailer section, verbatim, without the empty line.
    pub(crate) trailers: Vec<u8>,
}

impl Received {
    pub(crate) fn line(&self) -> String {
        shown(self.head.split(|byte| *byte == b'\r').next().unwrap_or_default())
    }

    pub(crate) fn target(&self) -> String {
        self.line().split(' ').nth(1).unwrap_or_default().to_owned()
    }

    /// Returns the values of a field in order.
    pub(crate) fn values(&self, name: &str) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.head).into_owned();
        text.split("\r\n")
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .filter(|(have, _)| have.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
            .collect()
    }
}

#[derive(Default)]
struct Log {
    requests: Vec<Received>,
    /// Every byte of every connection.
    bytes: Vec<Vec<u8>>,
    /// Answers written.
    answers: usize,
    /// Connections that the gateway has closed.
    closed: usize,
}

type Script = dyn Fn(&Received) -> Answer + Send + Sync;

pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    log: Arc<(Mutex<Log>, Condvar)>,
}

impl Origin {
    /// An origin that answers every request with 200 and the request's target.
    pub(crate) fn start() -> Self {
        Self::answering(|request| Answer::ok(&request.target()))
    }

    /// An origin that answers a request once all of it has arrived.
    pub(crate) fn answering(script: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Self {
        Self::serve(script, false)
    }

    /// An origin that answers as soon as a request's head has arrived, and never reads the body as one.
    pub(crate) fn answering_heads(script: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Self {
        Self::serve(script, true)
    }

    fn serve(script: impl Fn(&Received) -> Answer + Send + Sync + 'static, early: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
        let address = listener.local_addr().expect("a bound socket has an address");
        let log = Arc::new((Mutex::new(Log::default()), Condvar::new()));
        let script: Arc<Script> = Arc::new(script);
        let shared = Arc::clone(&log);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let number = {
                    let mut log = shared.0.lock().expect("no holder panics");
                    log.bytes.push(Vec::new());
                    log.bytes.len() - 1
                };
                let connection = Connection { stream, number, unread: Vec::new(), log: Arc::clone(&shared) };
                let script = Arc::clone(&script);
                thread::spawn(move || connection.run(&script, early));
            }
        });
        Self { address, log }
    }

    /// Returns the whole requests that arrived since the last call, and forgets them.
    pub(crate) fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.log.0.lock().expect("no holder panics").requests)
    }

    /// Returns every byte of every connection so far.
    pub(crate) fn bytes(&self) -> Vec<Vec<u8>> {
        self.log.0.lock().expect("no holder panics").bytes.clone()
    }

    /// Waits for the one request that has arrived since the last call.
    pub(crate) fn one(&self) -> Received {
        self.wait("one request", |log| !log.requests.is_empty());
        let mut requests = self.take();
        assert_eq!(requests.len(), 1, "the origin received {requests:?}");
        requests.remove(0)
    }

    /// Waits until some connection has received bytes that hold `wanted`.
    pub(crate) fn wait_for_bytes(&self, wanted: &[u8]) {
        self.wait(&shown(wanted), |log| {
            log.bytes.iter().any(|bytes| bytes.windows(wanted.len()).any(|window| window == wanted))
        });
    }

    /// Waits until this many answers have been written, to the last byte.
    pub(crate) fn wait_for_answers(&self, count: usize) {
        self.wait("written answers", |log| log.answers >= count);
    }

    /// Waits until the gateway has closed this many connections.
    pub(crate) fn wait_for_closed(&self, count: usize) {
        self.wait("closed connections", |log| log.closed >= count);
    }

    fn wait(&self, what: &str, ready: impl Fn(&Log) -> bool) {
        let (mutex, changed) = &*self.log;
        let log = mutex.lock().expect("no holder panics");
        let (log, timeout) = changed.wait_timeout_while(log, PATIENCE, |log| !ready(log)).expect("no holder panics");
        let seen: Vec<_> = log.bytes.iter().map(|bytes| shown(bytes)).collect();
        drop(log);
        assert!(!timeout.timed_out(), "the origin waited in vain for {what}; it received {seen:?}");
    }
}

struct Connection {
    stream: TcpStream,
    number: usize,
    unread: Vec<u8>,
    log: Arc<(Mutex<Log>, Condvar)>,
}

impl Connection {
    fn run(mut self, script: &Arc<Script>, early: bool) {
        self.stream.set_nodelay(true).expect("a connected socket takes options");
        while let Some(request) = self.read_request(early) {
            let answer = script(&request);
            self.note(|log| log.requests.push(request));
            for piece in &answer.pieces {
                if self.stream.write_all(piece).is_err() {
                    break;
                }
            }
            self.note(|log| log.answers += 1);
            match answer.then {
                Then::Keep => {}
                Then::Close => {
                    let _ = self.stream.shutdown(Shutdown::Write);
                    while self.fill() {}
                    break;
                }
                Then::Listen => {
                    while self.fill() {}
                    break;
                }
                Then::Echo => {
                    while !self.unread.is_empty() || self.fill() {
                        let bytes = std::mem::take(&mut self.unread);
                        if self.stream.write_all(&bytes).is_err() {
                            break;
                        }
                    }
                    let _ = self.stream.shutdown(Shutdown::Write);
                    break;
                }
            }
        }
        self.note(|log| log.closed += 1);
    }

    /// Reads one request; `None` when the connection ends, or what came is no request.
    fn read_request(&mut self, early: bool) -> Option<Received> {
        let head = self.read_until(b"\r\n\r\n")?;
        let mut request = Received { connection: self.number, head, ..Received::default() };
        if early {
            return Some(request);
        }
        if request.values("expect").iter().any(|value| value == "100-continue") {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
        }
        if request.values("transfer-encoding").iter().any(|coding| coding == "chunked") {
            self.read_chunks(&mut request)?;
        } else if let Some(length) = request.values("content-length").first() {
            request.body = self.read_exactly(length.parse().ok()?)?;
        }
        Some(request)
    }

    fn read_chunks(&mut self, request: &mut Received) -> Option<()> {
        loop {
            let line = self.read_until(b"\r\n")?;
            let digits = str::from_utf8(line.strip_suffix(b"\r\n")?).ok()?;
            let size = usize::from_str_radix(digits, 16).ok()?;
            if size == 0 {
                break;
            }
            request.body.extend(self.read_exactly(size)?);
            if self.read_exactly(2)? != b"\r\n" {
                return None;
            }
        }
        loop {
            let line = self.read_until(b"\r\n")?;
            if line == b"\r\n" {
                return Some(());
            }
            request.trailers.extend(line);
        }
    }

    fn read_until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.unread.windows(end.len()).position(|window| window == end) {
                return Some(self.unread.drain(..at + end.len()).collect());
            }
            if !self.fill() {
                return None;
            }
        }
    }

    fn read_exactly(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.unread.len() < length {
            if !self.fill() {
                return None;
            }
        }
        Some(self.unread.drain(..length).collect())
    }

    /// Reads more bytes; whether there were any.
    fn fill(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        let count = loop {
            match self.stream.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                outcome => break outcome.unwrap_or(0),
            }
        };
        let (number, bytes) = (self.number, &buffer[..count]);
        self.unread.extend_from_slice(bytes);
        self.note(|log| log.bytes[number].extend_from_slice(bytes));
        count > 0
    }

    fn note(&self, change: impl FnOnce(&mut Log)) {
        change(&mut self.log.0.lock().expect("no holder panics"));
        self.log.1.notify_all();
    }
}
