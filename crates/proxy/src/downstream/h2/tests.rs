use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::Notify;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::Instant;

use super::task::serve;
use super::{Handler, Settings, Stream};
use crate::downstream::Downstream as _;
use crate::edge::Strict;
use crate::failure::What;
use crate::limits::Limits;
use crate::message::{BodyLength, Fields, Read, Refused, RequestHead, ResponseHead, Scheme, Sink, Source, Version};
use crate::violation::Violation;
use crate::watchdog::Watchdog;

/// Answers by the request's path, and keeps what it saw.
#[derive(Default)]
struct Origin {
    heads: RefCell<Vec<Result<Box<RequestHead>, What>>>,
    running: Cell<usize>,
    cancelled: Cell<usize>,
    failed: Cell<Option<What>>,
    refused: RefCell<Vec<Refused>>,
}

impl Handler for Origin {
    async fn handle(&self, head: Result<Box<RequestHead>, Refused>, mut stream: Stream, _: &mut Watchdog) {
        let head = head.map_err(|refused| {
            let what = refused.violation.what();
            self.refused.borrow_mut().push(refused);
            what
        });
        self.heads.borrow_mut().push(head.clone());
        let mut answer = ResponseHead { status: 200, fields: Fields::default(), body: BodyLength::Unknown };
        let head = match head {
            Ok(head) => head,
            Err(what) => {
                (answer.status, answer.body) = (what.status(), BodyLength::Empty);
                return stream.send_head(&mut noop(), &answer).unwrap();
            }
        };
        self.running.set(self.running.get() + 1);
        if head.path == "/hang" {
            poll_fn(|cx| stream.poll_gone(cx, &mut [])).await;
            self.cancelled.set(self.cancelled.get() + 1);
        } else if head.path == "/continue" {
            answer.status = 100;
            stream.send_interim(&mut noop(), &answer).unwrap();
            answer.status = 200;
            self.echo(stream, &answer).await;
        } else if head.upgrade.is_some() {
            answer.status = 101;
            stream.upgrade(&mut noop(), &answer).unwrap();
            self.tunnel(stream).await;
        } else if let Some(size) = head.path.strip_prefix("/size/") {
            let size = size.parse().unwrap();
            answer.body = BodyLength::Known(size as u64);
            stream.send_head(&mut noop(), &answer).unwrap();
            if let Err(failure) = send(&mut stream, &vec![b'x'; size], true).await {
                self.failed.set(Some(failure.what));
            }
        } else {
            self.echo(stream, &answer).await;
        }
        self.running.set(self.running.get() - 1);
    }

    fn new_head(&self) -> Box<RequestHead> {
        Box::default()
    }

    fn strict(&self) -> Strict {
        Strict::default()
    }

    fn is_draining(&self) -> bool {
        false
    }
}

impl Origin {
    async fn echo(&self, mut stream: Stream, answer: &ResponseHead) {
        stream.send_head(&mut noop(), answer).unwrap();
        self.tunnel(stream).await;
    }

    async fn tunnel(&self, mut stream: Stream) {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let result = match poll_fn(|cx| stream.poll_read(cx, &mut buffer)).await {
                Ok(Read::Data { bytes, last: false }) => send(&mut stream, &buffer[..bytes], false).await,
                Ok(Read::Data { bytes, last: true }) => return drop(send(&mut stream, &buffer[..bytes], true).await),
                Ok(Read::Trailers(trailers)) => return finish(&mut stream, Some(trailers)).await,
                Ok(Read::End) => return finish(&mut stream, None).await,
                Err(failure) => Err(failure),
            };
            if let Err(failure) = result {
                return self.failed.set(Some(failure.what));
            }
        }
    }
}

fn noop() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

async fn send(sink: &mut impl Sink, mut data: &[u8], last: bool) -> Result<(), crate::failure::Failure> {
    while !data.is_empty() {
        let room = poll_fn(|cx| sink.poll_ready(cx)).await?.min(data.len());
        let (now, later) = data.split_at(room);
        poll_fn(|cx| std::task::Poll::Ready(sink.write(cx, now, last && later.is_empty()))).await?;
        data = later;
    }
    poll_fn(|cx| sink.poll_flush(cx)).await
}

async fn finish(sink: &mut impl Sink, trailers: Option<Fields>) {
    let mut trailers = Some(trailers);
    poll_fn(|cx| std::task::Poll::Ready(sink.finish(cx, trailers.take().unwrap()))).await.unwrap();
    poll_fn(|cx| sink.poll_flush(cx)).await.unwrap();
}

/// Runs `client` against a server over a pipe.
async fn against<C: Future<Output = ()>>(
    limits: Limits,
    client: impl FnOnce(DuplexStream, Rc<Origin>, Rc<Notify>) -> C,
) {
    let (ours, theirs) = duplex(1024 * 1024);
    let (origin, drain) = (Rc::new(Origin::default()), Rc::new(Notify::new()));
    let settings = Settings { limits: Arc::new(limits), began: Instant::now(), scheme: Scheme::Http };
    let (handler, drained) = (origin.clone(), drain.clone());
    LocalSet::new()
        .run_until(async move {
            // The worker has read some of it to tell HTTP/1.1 from HTTP/2.
            let mut theirs = theirs;
            let server = spawn_local(async move {
                let mut prefix = vec![0; 16];
                theirs.read_exact(&mut prefix).await.unwrap();
                serve(theirs, prefix, settings, handler, drained.notified()).await;
            });
            client(ours, origin, drain).await;
            server.abort();
        })
        .await;
}

type Client = h2::client::SendRequest<Bytes>;

async fn connect(io: DuplexStream) -> Client {
    let (client, connection) = h2::client::handshake(io).await.unwrap();
    spawn_local(async move { _ = connection.await });
    client.ready().await.unwrap()
}

fn get(path: &str) -> Request<()> {
    Request::get(format!("http://host.org{path}")).body(()).unwrap()
}

#[tokio::test]
async fn a_body_and_its_trailers_come_back() {
    against(Limits::default(), async |io, origin, _| {
        let mut client = connect(io).await;
        let request =
            Request::post("http://host.org/a?b=c").header("x-a", "1").header("cookie", "a=1").header("cookie", "b=2");
        let (response, mut body) = client.send_request(request.body(()).unwrap(), false).unwrap();
        body.send_data(Bytes::from_static(b"hello"), false).unwrap();
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", "0".parse().unwrap());
        trailers.insert("content-length", "7".parse().unwrap());
        body.send_trailers(trailers).unwrap();
        let mut body = response.await.unwrap().into_body();
        assert_eq!(body.data().await.unwrap().unwrap(), "hello");
        let trailers = body.trailers().await.unwrap().unwrap();
        assert_eq!(trailers.iter().collect::<Vec<_>>(), [(&"grpc-status".parse().unwrap(), &"0".parse().unwrap())]);
        let heads = origin.heads.borrow();
        let head = heads[0].as_ref().unwrap();
        assert_eq!(
            (&*head.method, &*head.path, head.query.as_deref(), &*head.authority),
            ("POST", "/a", Some("b=c"), "host.org")
        );
        assert_eq!((head.fields.get("x-a"), head.fields.get("cookie")), (Some(&b"1"[..]), Some(&b"a=1; b=2"[..])));
        assert_eq!(head.body, BodyLength::Unknown);
    })
    .await;
}

#[tokio::test]
async fn a_large_body_passes_small_windows() {
    against(Limits::default(), async |io, _, _| {
        let mut client = connect(io).await;
        let (response, _) = client.send_request(get("/size/1000000"), true).unwrap();
        let response = response.await.unwrap();
        assert_eq!(response.headers()["content-length"], "1000000");
        let mut body = response.into_body();
        let mut size = 0;
        while let Some(data) = body.data().await {
            let data = data.unwrap();
            size += data.len();
            body.flow_control().release_capacity(data.len()).unwrap();
        }
        assert_eq!(size, 1_000_000);
    })
    .await;
}

#[tokio::test]
async fn a_continue_comes_before_the_answer() {
    against(Limits::default(), async |io, origin, _| {
        let mut client = connect(io).await;
        let request = Request::post("http://host.org/continue").header("expect", "100-continue").body(()).unwrap();
        let (mut response, mut body) = client.send_request(request, false).unwrap();
        let interim = poll_fn(|cx| response.poll_informational(cx)).await.unwrap().unwrap();
        assert_eq!(interim.status(), 100);
        body.send_data(Bytes::from_static(b"x"), true).unwrap();
        assert_eq!(response.await.unwrap().status(), 200);
        assert!(origin.heads.borrow()[0].as_ref().unwrap().expects_continue);
    })
    .await;
}

#[tokio::test]
async fn a_websocket_is_an_upgrade() {
    against(Limits::default(), async |io, origin, _| {
        let (client, connection) = h2::client::handshake::<_>(io).await.unwrap();
        spawn_local(async move { _ = connection.await });
        let mut client: Client = client.ready().await.unwrap();
        // The server's SETTINGS allow it.
        client.send_request(get("/"), true).unwrap().0.await.unwrap();
        assert!(client.is_extended_connect_protocol_enabled());
        let mut request = Request::connect("http://host.org/chat").body(()).unwrap();
        request.extensions_mut().insert(h2::ext::Protocol::from_static("websocket"));
        let (response, mut body) = client.send_request(request, false).unwrap();
        let mut answer = response.await.unwrap().into_body();
        body.send_data(Bytes::from_static(b"ping"), false).unwrap();
        assert_eq!(answer.data().await.unwrap().unwrap(), "ping");
        let heads = origin.heads.borrow();
        let head = heads[1].as_ref().unwrap();
        assert_eq!((&*head.method, head.upgrade.as_deref(), &*head.path), ("GET", Some("websocket"), "/chat"));
    })
    .await;
}

#[tokio::test]
async fn a_reset_cancels_the_exchange() {
    against(Limits::default(), async |io, origin, _| {
        let mut client = connect(io).await;
        let (response, mut body) = client.send_request(get("/hang"), false).unwrap();
        while origin.running.get() == 0 {
            tokio::task::yield_now().await;
        }
        body.send_reset(h2::Reason::CANCEL);
        drop(response);
        while origin.cancelled.get() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_refused_head_is_told_as_it_was_sent() {
    let large = "x".repeat(40 * 1024);
    for (target, field, violation) in [
        ("/a%2Fb?c=d", "v", Violation::EncodedSlash),
        ("/../x?c=d", "v", Violation::PathAboveRoot),
        ("/a?c=d", "x", Violation::Expectation),
        ("/a?c=d", &large, Violation::HeadTooLarge),
    ] {
        against(Limits::default(), async |io, origin, _| {
            let mut client = connect(io).await;
            let name = if violation == Violation::Expectation { "expect" } else { "x" };
            let request = Request::get(format!("http://host.org{target}")).header(name, field).body(()).unwrap();
            let (response, _) = client.send_request(request, true).unwrap();
            assert_eq!(response.await.unwrap().status(), violation.what().status());
            let refused = origin.refused.borrow();
            let [Refused { violation: told, head }] = &refused[..] else { panic!("{refused:?}") };
            assert_eq!((*told, head.version, &*head.method), (violation, Version::Http2, "GET"));
            let sent = format!("{}?{}", head.path, head.query.as_deref().unwrap_or_default());
            assert_eq!((&*sent, &*head.authority), (target, "host.org"));
        })
        .await;
    }
}

#[tokio::test]
async fn heads_that_the_codec_lets_pass_are_refused() {
    for (lines, expected) in [
        (&[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")][..], None),
        (&[(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "a")], None),
        (&[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("host", "A")], None),
        (
            &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("host", "b")],
            Some(What::BadRequest),
        ),
        (
            &[(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "a"), ("host", "a")],
            Some(What::BadRequest),
        ),
        (&[(":method", "GET"), (":scheme", "http"), (":path", "/")], Some(What::BadRequest)),
        (&[(":method", "GET"), (":scheme", "ftp"), (":path", "/"), (":authority", "a")], Some(What::BadRequest)),
        (&[(":method", "GET"), (":scheme", "http"), (":path", "/../a"), (":authority", "a")], Some(What::BadRequest)),
        (&[(":method", "GET"), (":scheme", "http"), (":path", "*"), (":authority", "a")], Some(What::BadRequest)),
        (&[(":method", "OPTIONS"), (":scheme", "http"), (":path", "*"), (":authority", "a")], None),
        (&[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "u@a")], Some(What::BadRequest)),
        (&[(":method", "CONNECT"), (":authority", "a:1")], Some(What::BadRequest)),
        (
            &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("x", " v")],
            Some(What::BadRequest),
        ),
        (
            &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("x", "v\t")],
            Some(What::BadRequest),
        ),
        (
            &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("x_y", "v")],
            Some(What::BadRequest),
        ),
        (
            &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("expect", "x")],
            Some(What::ExpectationFailed),
        ),
    ] {
        against(Limits::default(), async |io, origin, _| {
            let mut raw = Raw::open(io).await;
            raw.send(HEADERS, END_STREAM | END_HEADERS, 1, &block(lines)).await;
            raw.until(HEADERS).await;
            assert_eq!(origin.heads.borrow()[0].as_ref().err().copied(), expected, "{lines:?}");
        })
        .await;
    }
}

/// Header blocks are read beside the codec with a table of our own: it follows the one of the codec's encoder, through
/// entries that come, go, and are larger than the table.
#[tokio::test]
async fn blocks_of_an_honest_encoder_are_understood() {
    against(Limits::default(), async |io, origin, _| {
        let mut client = connect(io).await;
        for nth in 0..500_usize {
            let request = Request::get(format!("http://host.org/{}?{nth}", nth % 7))
                .header("x-a", format!("{}#", nth % 40))
                .header(format!("x-{}#", nth % 90), "z".repeat(nth * 37 % 900))
                .header("x-long", "#é~|<>^".repeat(nth % 11 * 60))
                .header("user-agent", "C#/4 (x; rv:1.0)");
            let (response, _) = client.send_request(request.body(()).unwrap(), true).unwrap();
            assert_eq!(response.await.unwrap().status(), 200, "request {nth}");
        }
        assert!(origin.heads.borrow().iter().all(Result::is_ok));
    })
    .await;
}

#[tokio::test]
async fn fields_are_counted_one_crumb_at_a_time() {
    for (crumbs, expected) in [(100, None), (101, Some(What::HeadTooLarge))] {
        against(Limits::default(), async |io, origin, _| {
            let mut raw = Raw::open(io).await;
            let mut head = block(&ROOT);
            for _ in 0..crumbs {
                head.extend(block(&[("cookie", "a")]));
            }
            raw.send(HEADERS, END_STREAM | END_HEADERS, 1, &head).await;
            raw.until(HEADERS).await;
            assert_eq!(origin.heads.borrow()[0].as_ref().err().copied(), expected);
        })
        .await;
    }
}

#[tokio::test]
async fn floods_end_the_connection_calmly() {
    let settings = Raw::frame(SETTINGS, 0, 0, &[]);
    let ping = Raw::frame(PING, 0, 0, &[0; 8]);
    let priority = Raw::frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 1]);
    let update = Raw::frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]);
    let empty = Raw::frame(DATA, 0, 1, &[]);
    let tiny = Raw::frame(DATA, 0, 1, b"x");
    let open = Raw::frame(HEADERS, END_HEADERS, 1, &block(&HANG));
    let continuation =
        [Raw::frame(HEADERS, 0, 1, &block(&ROOT)), Raw::frame(CONTINUATION, 0, 1, &block(&[("a", "b")])).repeat(9)]
            .concat();
    let resets: Vec<u8> = (0..300)
        .flat_map(|n| {
            [
                Raw::frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, &block(&HANG)),
                Raw::frame(RST_STREAM, 0, 2 * n + 1, &[0, 0, 0, 8]),
            ]
            .concat()
        })
        .collect();
    // The codec's own: each of these makes the server reset the stream (CVE-2025-8671).
    let made: Vec<u8> = (0..300)
        .flat_map(|n| {
            [
                Raw::frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, &block(&HANG)),
                Raw::frame(WINDOW_UPDATE, 0, 2 * n + 1, &[0x7f, 0xff, 0xff, 0xff]),
            ]
            .concat()
        })
        .collect();
    for (name, flood) in [
        ("settings", settings.repeat(200)),
        ("ping", ping.repeat(200)),
        ("priority", priority.repeat(200)),
        ("window update", update.repeat(2000)),
        ("empty data", [open.clone(), empty.repeat(200)].concat()),
        ("tiny data", [open, tiny.repeat(2000)].concat()),
        ("continuation", continuation),
        ("rapid reset", resets),
        ("made you reset", made),
    ] {
        against(Limits::default(), async |io, origin, _| {
            let mut raw = Raw::open(io).await;
            raw.write(&flood).await;
            let goaway = raw.until(GOAWAY).await;
            assert_eq!(goaway.payload[4..8], [0, 0, 0, 11], "{name}");
            // The client's work ends with it.
            while origin.running.get() > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn honest_numbers_are_no_flood() {
    against(Limits::default(), async |io, _, _| {
        let mut raw = Raw::open(io).await;
        let mut honest = Raw::frame(PING, 0, 0, &[0; 8]).repeat(50);
        honest.extend(Raw::frame(WINDOW_UPDATE, 0, 0, &[0, 0, 16, 0]).repeat(500));
        for n in 0..60 {
            honest.extend(Raw::frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, &block(&HANG)));
            honest.extend(Raw::frame(RST_STREAM, 0, 2 * n + 1, &[0, 0, 0, 8]));
        }
        raw.write(&honest).await;
        raw.send(HEADERS, END_STREAM | END_HEADERS, 201, &block(&ROOT)).await;
        assert_eq!(raw.until(HEADERS).await.stream, 201);
    })
    .await;
}

/// grpc-go and others send one whenever data arrives.
#[tokio::test]
async fn pings_that_answer_data_are_no_flood() {
    against(Limits::default(), async |io, _, _| {
        let mut raw = Raw::open(io).await;
        for n in 0..500 {
            let size = block(&[(":method", "GET"), (":scheme", "http"), (":path", "/size/20"), (":authority", "a")]);
            raw.send(HEADERS, END_STREAM | END_HEADERS, 2 * n + 1, &size).await;
            raw.until(DATA).await;
            raw.send(PING, 0, 0, &[0; 8]).await;
            raw.until(PING).await;
        }
    })
    .await;
}

/// Slow, but it takes what it asked for.
#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_served_to_the_end() {
    against(Limits::default(), async |io, origin, _| {
        let mut raw = Raw::open_with(io, &[0, 4, 0, 0, 0, 0]).await;
        let asked = [(":method", "GET"), (":scheme", "http"), (":path", "/size/10000"), (":authority", "a")];
        raw.send(HEADERS, END_STREAM | END_HEADERS, 1, &block(&asked)).await;
        raw.until(HEADERS).await;
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_secs(15)).await;
            raw.send(WINDOW_UPDATE, 0, 1, &2000_u32.to_be_bytes()).await;
            assert_eq!(raw.until(DATA).await.payload.len(), 2000);
        }
        assert_eq!(origin.failed.get(), None);
    })
    .await;
}

/// A client that holds its window and drips a byte at a time gains nothing by the dripping.
#[tokio::test(start_paused = true)]
async fn a_stalled_stream_is_reset() {
    against(Limits::default(), async |io, origin, _| {
        let mut raw = Raw::open_with(io, &[0, 4, 0, 0, 0, 0]).await;
        let start = Instant::now();
        raw.send(
            HEADERS,
            END_STREAM | END_HEADERS,
            1,
            &block(&[(":method", "GET"), (":scheme", "http"), (":path", "/size/10000"), (":authority", "a")]),
        )
        .await;
        raw.until(HEADERS).await;
        for _ in 0..9 {
            tokio::time::sleep(Duration::from_secs(2)).await;
            raw.send(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]).await;
            assert_eq!(raw.until(DATA).await.payload, b"x");
        }
        assert_eq!(raw.until(RST_STREAM).await.payload, [0, 0, 0, 8]);
        assert_eq!(start.elapsed(), Duration::from_secs(20));
        assert_eq!(origin.failed.get(), Some(What::ClientGone));
        // It asks for nothing else.
        raw.closed().await;
        assert!(start.elapsed() <= Duration::from_secs(30), "{:?}", start.elapsed());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_head_that_never_ends_is_cut_off() {
    against(Limits::default(), async |io, _, _| {
        let mut raw = Raw::open(io).await;
        raw.send(HEADERS, 0, 1, &block(&ROOT)).await;
        let start = Instant::now();
        raw.until(GOAWAY).await;
        assert!(start.elapsed() <= Duration::from_secs(15), "{:?}", start.elapsed());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_dropped_before_its_preface_is_whole() {
    against(Limits::default(), async |mut io, _, _| {
        io.write_all(&PREFACE[..20]).await.unwrap();
        let start = Instant::now();
        let mut rest = Vec::new();
        io.read_to_end(&mut rest).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(10));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_with_a_goodbye() {
    against(Limits::default(), async |io, _, _| {
        let mut raw = Raw::open(io).await;
        raw.send(HEADERS, END_STREAM | END_HEADERS, 1, &block(&ROOT)).await;
        raw.until(HEADERS).await;
        let start = Instant::now();
        assert_eq!(raw.until(GOAWAY).await.payload, [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
        assert!((300..=305).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
        // The client does not answer, so the rest follows by itself.
        assert_eq!(raw.until(GOAWAY).await.payload, [0, 0, 0, 1, 0, 0, 0, 0]);
        raw.closed().await;
    })
    .await;
}

/// Whatever it says meanwhile.
#[tokio::test(start_paused = true)]
async fn a_client_that_asks_for_nothing_is_gone_within_15_s() {
    for pings in [false, true] {
        against(Limits::default(), async |io, _, _| {
            let mut raw = Raw::open(io).await;
            let start = Instant::now();
            if pings {
                for _ in 0..6 {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                    raw.send(PING, 0, 0, &[0; 8]).await;
                }
            }
            raw.until(GOAWAY).await;
            raw.closed().await;
            assert_eq!(start.elapsed(), Duration::from_secs(14));
        })
        .await;
    }
}

/// RFC 9113 §6.5.3.
#[tokio::test(start_paused = true)]
async fn settings_that_are_not_acknowledged_end_the_connection() {
    against(Limits::default(), async |mut io, origin, _| {
        io.write_all(PREFACE).await.unwrap();
        let mut raw = Raw(io);
        let start = Instant::now();
        raw.send(SETTINGS, 0, 0, &[]).await;
        raw.send(HEADERS, END_STREAM | END_HEADERS, 1, &block(&HANG)).await;
        const SETTINGS_TIMEOUT: u8 = 4;
        assert_eq!(raw.until(GOAWAY).await.payload, [0, 0, 0, 1, 0, 0, 0, SETTINGS_TIMEOUT]);
        raw.closed().await;
        assert_eq!(start.elapsed(), Duration::from_secs(10));
        tokio::task::yield_now().await;
        assert_eq!(origin.cancelled.get(), 1);
    })
    .await;
}

/// RFC 9113 §6.8: first the highest id, then the last that was taken, whose streams still end.
#[tokio::test]
async fn a_drain_says_goodbye_twice_and_lets_streams_end() {
    against(Limits::default(), async |io, origin, drain| {
        let mut raw = Raw::open(io).await;
        raw.send(HEADERS, END_HEADERS, 1, &block(&ROOT)).await;
        raw.until(HEADERS).await;
        drain.notify_one();
        assert_eq!(raw.until(GOAWAY).await.payload, [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
        // It crossed the goodbye on the wire.
        raw.send(HEADERS, END_HEADERS | END_STREAM, 3, &block(&ROOT)).await;
        let ping = raw.until(PING).await;
        raw.send(PING, ACK, 0, &ping.payload).await;
        assert_eq!(raw.until(GOAWAY).await.payload, [0, 0, 0, 3, 0, 0, 0, 0]);
        raw.send(DATA, END_STREAM, 1, b"late").await;
        assert_eq!(raw.until_stream(DATA, 1).await.payload, b"late");
        raw.closed().await;
        assert_eq!(origin.heads.borrow().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_connection_ends_after_its_share_of_requests() {
    against(Limits { connection_requests_max: 3, ..Limits::default() }, async |io, _, _| {
        let mut raw = Raw::open(io).await;
        for stream in [1, 3, 5] {
            raw.send(HEADERS, END_HEADERS | END_STREAM, stream, &block(&ROOT)).await;
        }
        assert_eq!(raw.until(GOAWAY).await.payload[..4], [0x7f, 0xff, 0xff, 0xff]);
    })
    .await;
}

/// A reset stream whose work still runs takes a place.
#[tokio::test]
async fn running_work_counts_to_the_limit_of_streams() {
    struct Deaf(Cell<usize>);
    impl Handler for Deaf {
        async fn handle(&self, _: Result<Box<RequestHead>, Refused>, stream: Stream, _: &mut Watchdog) {
            self.0.set(self.0.get() + 1);
            std::future::pending::<()>().await;
            drop(stream);
        }

        fn new_head(&self) -> Box<RequestHead> {
            Box::default()
        }

        fn strict(&self) -> Strict {
            Strict::default()
        }

        fn is_draining(&self) -> bool {
            false
        }
    }
    let (ours, theirs) = duplex(1024 * 1024);
    LocalSet::new()
        .run_until(async move {
            let deaf = Rc::new(Deaf(Cell::new(0)));
            let settings = Settings {
                limits: Arc::new(Limits { streams_max: 4, ..Limits::default() }),
                began: Instant::now(),
                scheme: Scheme::Http,
            };
            let server = spawn_local(serve(theirs, Vec::new(), settings, deaf.clone(), std::future::pending()));
            let mut raw = Raw::open(ours).await;
            for n in 0..5 {
                raw.send(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, &block(&ROOT)).await;
                // In a round trip of its own, so that the stream is admitted before it is reset.
                raw.send(PING, 0, 0, &[0; 8]).await;
                raw.until(PING).await;
                raw.send(RST_STREAM, 0, 2 * n + 1, &[0, 0, 0, 8]).await;
            }
            raw.send(HEADERS, END_HEADERS | END_STREAM, 11, &block(&ROOT)).await;
            let refused = raw.until(RST_STREAM).await;
            assert_eq!(refused.payload, [0, 0, 0, 7]);
            assert_eq!(deaf.0.get(), 4);
            server.abort();
        })
        .await;
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const ROOT: [(&str, &str); 4] = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")];
const HANG: [(&str, &str); 4] = [(":method", "GET"), (":scheme", "http"), (":path", "/hang"), (":authority", "a")];

/// A header block of literals without indexing or Huffman coding (RFC 7541 §6.2.2).
fn block(lines: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in lines {
        bytes.extend([0, name.len() as u8]);
        bytes.extend(name.as_bytes());
        bytes.push(value.len() as u8);
        bytes.extend(value.as_bytes());
    }
    bytes
}

#[derive(Debug)]
struct Frame {
    kind: u8,
    stream: u32,
    payload: Vec<u8>,
}

/// A client that writes frames as it pleases.
struct Raw(DuplexStream);

impl Raw {
    async fn open(io: DuplexStream) -> Self {
        Self::open_with(io, &[]).await
    }

    async fn open_with(mut io: DuplexStream, settings: &[u8]) -> Self {
        io.write_all(PREFACE).await.unwrap();
        let mut raw = Self(io);
        raw.send(SETTINGS, 0, 0, settings).await;
        raw.send(SETTINGS, ACK, 0, &[]).await;
        raw
    }

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        frame
    }

    async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.write(&Self::frame(kind, flags, stream, payload)).await;
    }

    async fn write(&mut self, bytes: &[u8]) {
        // A server that has had enough may have closed.
        _ = self.0.write_all(bytes).await;
    }

    /// Reads up to the next frame of `kind`.
    async fn until(&mut self, kind: u8) -> Frame {
        loop {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await.unwrap_or_else(|_| panic!("closed before a frame of kind {kind}"));
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            self.0.read_exact(&mut payload).await.unwrap();
            let frame = Frame { kind: head[3], stream: u32::from_be_bytes(head[5..9].try_into().unwrap()), payload };
            if frame.kind == kind {
                return frame;
            }
        }
    }

    async fn until_stream(&mut self, kind: u8, stream: u32) -> Frame {
        loop {
            let frame = self.until(kind).await;
            if frame.stream == stream {
                return frame;
            }
        }
    }

    async fn closed(&mut self) {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).await.unwrap();
    }
}
