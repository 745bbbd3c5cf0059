//! Requests and frames broken at random: whatever they are, the gateway and its origin agree on how many requests there
//! were, and nobody else notices.

use std::{thread, time::Duration};

use fastrand::Rng;

use crate::harness::{
    Gateway, Origin,
    h2::{Connection, Frame, PREFACE, prepared, request},
    shown,
};

const TEMPLATES: [&str; 4] = [
    "POST /a?x=y HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nX-Foo: bar\r\n\r\nhelloGET /b HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive, X-A\r\nX-A: 1\r\n\r\n\
     POST /b HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n",
    "GET http://a.test/a/../c%41 HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc\
     GET /b HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n",
];

/// Bytes that mean something to somebody.
const BYTES: &[u8] = b"\r\n\0 \t:;,/.%#?\\0159aZ_-+*\x7f\x80\xffCchunkedTE";

const WORDS: [&str; 8] = [
    "\r\n",
    "\r\n\r\n",
    "0\r\n\r\n",
    "Content-Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Connection: close\r\n",
    "Upgrade: websocket\r\nConnection: upgrade\r\n",
    "GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n",
];

const THREADS: u64 = 8;
const REQUESTS_PER_THREAD: u32 = 150;

#[test]
fn broken_requests_are_counted_alike() {
    thread::scope(|scope| {
        for seed in 0..THREADS {
            scope.spawn(move || judge(Rng::with_seed(seed)));
        }
    });
}

fn judge(mut random: Rng) {
    let origin = Origin::start();
    // A request that is left unfinished ends soon.
    let short = Duration::from_millis(300);
    let gateway = Gateway::builder()
        .limits(|limits| (limits.head_timeout, limits.idle_timeout, limits.body_grace) = (short, short, short))
        .forward("", &origin)
        .start();
    for _ in 0..REQUESTS_PER_THREAD {
        let bytes = mutated(&mut random);
        let mut client = gateway.connect();
        match random.usize(0..20) {
            0 => client.send(&bytes),
            size => client.send_in_pieces(&bytes, size),
        }
        client.send("GET /end HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
        let heard = client.read_to_end();
        let answers = String::from_utf8_lossy(&heard).matches("HTTP/1.1 200 OK").count();
        let received: Vec<_> = origin.take().iter().map(|request| shown(&request.head)).collect();
        assert_eq!(
            answers,
            received.len(),
            "sent \"{}\", heard \"{}\", forwarded {received:?}",
            shown(&bytes),
            shown(&heard)
        );
    }
}

#[test]
fn broken_frames_end_no_other_connection() {
    thread::scope(|scope| {
        for seed in 0..THREADS {
            scope.spawn(move || judge_frames(Rng::with_seed(seed)));
        }
    });
}

fn judge_frames(mut random: Rng) {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    for _ in 0..REQUESTS_PER_THREAD {
        let mut frames = vec![Frame::settings(&[(4, 100_000)])];
        for stream in [1, 3, 5] {
            frames.push(Frame::headers(stream, false, request("POST", "/x")));
            frames.push(Frame::data(stream, false, "hello"));
            frames.push(Frame::window_update(stream, 10));
            frames.push(Frame::headers(stream, true, [("x-sum", "1")]));
        }
        for _ in 0..random.usize(0..3) {
            let (at, to) = (random.usize(1..frames.len()), random.usize(1..frames.len()));
            frames.swap(at, to);
        }
        let mut bytes: Vec<u8> = frames.iter().flat_map(Frame::bytes).collect();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(0..bytes.len());
            match random.u8(0..3) {
                0 => bytes[at] = random.u8(..),
                1 => bytes[at] ^= 1 << random.u8(0..8),
                _ => drop(bytes.remove(at)),
            }
        }
        let mut connection = Connection::over(prepared(gateway.connect().stream));
        connection.send_bytes(&[PREFACE, &bytes].concat());
        connection.finish();
        connection.end();
        origin.take();
    }
    let mut honest = gateway.connect();
    honest.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert_eq!(honest.receive().status, 200);
}

fn mutated(random: &mut Rng) -> Vec<u8> {
    let mut bytes = random.choice(TEMPLATES).unwrap_or_default().as_bytes().to_vec();
    for _ in 0..random.usize(1..4) {
        let (at, to) = (random.usize(0..bytes.len()), random.usize(0..bytes.len()));
        let byte = BYTES[random.usize(0..BYTES.len())];
        match random.u8(0..5) {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            2 => {
                let word = random.choice(WORDS).unwrap_or_default();
                bytes.splice(at..at, word.bytes());
            }
            3 => {
                let end = bytes.len().min(at + random.usize(0..12));
                let piece = bytes[at..end].to_vec();
                bytes.splice(to..to, piece);
            }
            _ => drop(bytes.remove(at)),
        }
    }
    bytes
}
