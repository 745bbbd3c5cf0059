use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::Instant;

use super::{Http2, Pool};
use crate::failure::{Failure, What};
use crate::limits::Limits;
use crate::message::{BodyLength, Fields, Read, RequestHead, ResponseHead, Scheme, Sink as _, Source as _};

type Respond = h2::server::SendResponse<Bytes>;
type Body = h2::RecvStream;

/// Runs `test` with a function that connects to servers which `serve` runs.
async fn with_backend<S, T>(serve: impl Fn(DuplexStream) -> S + 'static, test: impl FnOnce(Backend) -> T)
where
    S: Future<Output = ()> + 'static,
    T: Future<Output = ()>,
{
    let backend = Backend {
        pool: Pool::default(),
        connected: Cell::new(0),
        serve: Box::new(move |io| drop(spawn_local(serve(io)))),
    };
    LocalSet::new().run_until(test(backend)).await;
}

struct Backend {
    pool: Pool,
    connected: Cell<u32>,
    serve: Box<dyn Fn(DuplexStream)>,
}

impl Backend {
    async fn acquire(&self) -> Result<Http2, Failure> {
        let limits = Limits::default();
        let connect = async || {
            self.connected.set(self.connected.get() + 1);
            let (ours, theirs) = duplex(1024 * 1024);
            (self.serve)(theirs);
            tokio::task::yield_now().await;
            Ok(ours)
        };
        let (place, reused) = self.pool.acquire(connect, &limits).await?;
        Ok(Http2::new(place, reused, Scheme::Http, Arc::new(limits)))
    }

    async fn send(&self, head: &RequestHead) -> (Http2, Result<ResponseHead, Failure>) {
        let mut exchange = self.acquire().await.unwrap();
        let mut response = new_response();
        let result = match exchange.send_head(head) {
            Ok(()) => poll_fn(|cx| exchange.poll_response(cx, &mut response)).await,
            Err(failure) => Err(failure),
        };
        (exchange, result.map(|()| response))
    }
}

fn new_response() -> ResponseHead {
    ResponseHead { status: 0, fields: Fields::default(), body: BodyLength::Empty }
}

/// Serves requests with `answer` until the connection ends.
async fn requests<A: Future<Output = ()>>(io: DuplexStream, answer: impl Fn(Request<Body>, Respond) -> A) {
    let mut connection =
        h2::server::Builder::new().max_concurrent_streams(2).enable_connect_protocol().handshake(io).await.unwrap();
    while let Some(Ok((request, respond))) = connection.accept().await {
        answer(request, respond).await;
    }
}

fn get(path: &str) -> RequestHead {
    RequestHead { method: "GET".into(), path: path.into(), authority: "host.org".into(), ..RequestHead::default() }
}

fn noop() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

async fn read_to_end(exchange: &mut Http2) -> Result<(Vec<u8>, Option<Fields>), Failure> {
    let (mut body, mut buffer) = (Vec::new(), vec![0; 1024]);
    loop {
        match poll_fn(|cx| exchange.poll_read(cx, &mut buffer)).await? {
            Read::Data { bytes, last } => {
                body.extend(&buffer[..bytes]);
                if last {
                    return Ok((body, None));
                }
            }
            Read::Trailers(trailers) => return Ok((body, Some(trailers))),
            Read::End => return Ok((body, None)),
        }
    }
}

#[tokio::test]
async fn heads_bodies_and_trailers_pass_both_ways() {
    let serve = |io| {
        requests(io, async |request: Request<Body>, mut respond: Respond| {
            let (parts, mut body) = request.into_parts();
            assert_eq!(parts.uri, "http://host.org/a?b");
            assert_eq!(
                (&parts.headers["te"], &parts.headers["content-type"]),
                (&"trailers".parse().unwrap(), &"application/grpc".parse().unwrap())
            );
            spawn_local(async move {
                let sent = body.data().await.unwrap().unwrap();
                let trailers = body.trailers().await.unwrap().unwrap();
                let mut answer =
                    respond.send_response(Response::builder().header("x-b", "2").body(()).unwrap(), false).unwrap();
                answer.send_data(sent, false).unwrap();
                answer.send_trailers(trailers).unwrap();
            });
        })
    };
    with_backend(serve, async |backend| {
        let mut exchange = backend.acquire().await.unwrap();
        let mut head = RequestHead {
            version: crate::message::Version::Http2,
            query: Some("b".into()),
            body: BodyLength::Unknown,
            ..get("/a")
        };
        head.method = "POST".into();
        head.fields.push(b"content-type", b"application/grpc");
        exchange.send_head(&head).unwrap();
        exchange.write(&mut noop(), b"hello", false).unwrap();
        let mut trailers = Fields::default();
        trailers.push(b"grpc-status", b"0");
        exchange.finish(&mut noop(), Some(trailers)).unwrap();
        poll_fn(|cx| exchange.poll_flush(cx)).await.unwrap();
        let mut response = new_response();
        poll_fn(|cx| exchange.poll_response(cx, &mut response)).await.unwrap();
        assert_eq!(
            (response.status, response.fields.get("x-b"), response.body),
            (200, Some(&b"2"[..]), BodyLength::Unknown)
        );
        let (body, trailers) = read_to_end(&mut exchange).await.unwrap();
        assert_eq!(body, b"hello");
        assert_eq!(trailers.unwrap().get("grpc-status"), Some(&b"0"[..]));
    })
    .await;
}

/// Answers with an empty 200.
async fn answer_empty(_: Request<Body>, mut respond: Respond) {
    respond.send_response(Response::new(()), true).unwrap();
}

#[tokio::test]
async fn streams_share_a_connection_until_it_is_full() {
    let serve = |io| {
        requests(io, async |_: Request<Body>, respond: Respond| {
            // Never answered.
            spawn_local(async move {
                let _respond = respond;
                std::future::pending::<()>().await;
            });
        })
    };
    with_backend(serve, async |backend| {
        let mut first = backend.acquire().await.unwrap();
        // The backend's limit, two, is known with its SETTINGS.
        first.settle().await;
        first.send_head(&get("/")).unwrap();
        let mut exchanges = vec![first];
        for expected in [1, 2, 2, 3] {
            let mut exchange = backend.acquire().await.unwrap();
            exchange.settle().await;
            exchange.send_head(&get("/")).unwrap();
            exchanges.push(exchange);
            assert_eq!(backend.connected.get(), expected);
        }
        exchanges.clear();
        assert!(backend.acquire().await.unwrap().is_reused());
        assert_eq!(backend.connected.get(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_crowd_waits_for_one_connection() {
    with_backend(
        |io| requests(io, answer_empty),
        async |backend| {
            let (a, b) = (get("/a"), get("/b"));
            let (a, b) = tokio::join!(backend.send(&a), backend.send(&b));
            assert_eq!((a.1.unwrap().status, b.1.unwrap().status), (200, 200));
            assert_eq!(backend.connected.get(), 1);
        },
    )
    .await;
}

#[tokio::test]
async fn who_waits_for_a_connection_fails_with_it() {
    LocalSet::new()
        .run_until(async {
            let (pool, limits) = (Pool::default(), Limits::default());
            let connect = async || {
                tokio::task::yield_now().await;
                Err::<DuplexStream, _>(io::ErrorKind::ConnectionRefused.into())
            };
            let tries = tokio::join!(pool.acquire(connect, &limits), pool.acquire(connect, &limits));
            assert_eq!([tries.0.err().unwrap().what, tries.1.err().unwrap().what], [What::ConnectFailed; 2]);
        })
        .await;
}

/// RFC 9113 §8.7: what the backend has not begun on may be sent again.
#[tokio::test]
async fn a_refused_stream_is_unprocessed() {
    let serve = |io| {
        requests(io, async |_: Request<Body>, mut respond: Respond| respond.send_reset(h2::Reason::REFUSED_STREAM))
    };
    with_backend(serve, async |backend| {
        let failure = backend.send(&get("/")).await.1.unwrap_err();
        assert!(failure.unprocessed && failure.what == What::BackendGone, "{failure:?}");
    })
    .await;
}

#[tokio::test]
async fn a_reset_stream_is_not() {
    let serve = |io| {
        requests(io, async |_: Request<Body>, mut respond: Respond| respond.send_reset(h2::Reason::INTERNAL_ERROR))
    };
    with_backend(serve, async |backend| {
        let failure = backend.send(&get("/")).await.1.unwrap_err();
        assert!(!failure.unprocessed && failure.what == What::BackendGone, "{failure:?}");
    })
    .await;
}

/// Frames: SETTINGS, then GOAWAY with 0 as the last stream.
#[tokio::test]
async fn a_stream_above_the_last_of_a_goaway_is_unprocessed() {
    let serve = async |mut io: DuplexStream| {
        use tokio::io::AsyncWriteExt as _;
        io.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        let mut hello = [0; 24 + 9];
        io.read_exact(&mut hello).await.unwrap();
        io.write_all(&[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).await.unwrap();
        io.read_to_end(&mut Vec::new()).await.unwrap();
    };
    with_backend(serve, async |backend| {
        let failure = backend.send(&get("/")).await.1.unwrap_err();
        assert!(failure.unprocessed, "{failure:?}");
        // And the connection takes no other.
        backend.send(&get("/")).await.1.unwrap_err();
        assert_eq!(backend.connected.get(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_lost_connection_is_not_unprocessed() {
    let serve = async |mut io: DuplexStream| {
        use tokio::io::AsyncWriteExt as _;
        io.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        io.read_exact(&mut [0; 24]).await.unwrap();
        // Up to the HEADERS of a request.
        loop {
            let mut head = [0; 9];
            io.read_exact(&mut head).await.unwrap();
            io.read_exact(&mut vec![0; head[2].into()]).await.unwrap();
            if head[3] == 1 {
                break;
            }
        }
    };
    with_backend(serve, async |backend| {
        let failure = backend.send(&get("/")).await.1.unwrap_err();
        assert!(!failure.unprocessed && failure.what == What::BackendGone, "{failure:?}");
    })
    .await;
}

#[tokio::test]
async fn a_backend_agrees_to_an_upgrade() {
    let serve = |io| {
        requests(io, async |request: Request<Body>, mut respond: Respond| {
            assert_eq!(request.method(), "CONNECT");
            assert_eq!(request.extensions().get::<h2::ext::Protocol>().unwrap().as_str(), "websocket");
            assert!(!request.headers().contains_key("sec-websocket-key"));
            let mut body = request.into_body();
            let mut answer = respond.send_response(Response::new(()), false).unwrap();
            spawn_local(async move {
                while let Some(Ok(data)) = body.data().await {
                    answer.send_data(data, false).unwrap();
                }
            });
        })
    };
    with_backend(serve, async |backend| {
        let mut exchange = backend.acquire().await.unwrap();
        let mut head = RequestHead { upgrade: Some("websocket".into()), ..get("/") };
        head.fields.push(b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ==");
        exchange.settle().await;
        exchange.send_head(&head).unwrap();
        let mut response = new_response();
        poll_fn(|cx| exchange.poll_response(cx, &mut response)).await.unwrap();
        assert_eq!(response.status, 101);
        // RFC 6455 §1.3's example.
        assert_eq!(response.fields.get("sec-websocket-accept"), Some(&b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="[..]));
        exchange.write(&mut noop(), b"ping", false).unwrap();
        poll_fn(|cx| exchange.poll_flush(cx)).await.unwrap();
        let mut buffer = [0; 16];
        let read = poll_fn(|cx| exchange.poll_read(cx, &mut buffer)).await.unwrap();
        assert!(matches!(read, Read::Data { bytes: 4, last: false }));
    })
    .await;
}

#[tokio::test]
async fn a_continue_is_passed_on() {
    let serve = |io| {
        requests(io, async |request: Request<Body>, mut respond: Respond| {
            assert_eq!(request.headers()["expect"], "100-continue");
            respond.send_informational(Response::builder().status(100).body(()).unwrap()).unwrap();
            respond.send_response(Response::new(()), true).unwrap();
        })
    };
    with_backend(serve, async |backend| {
        let head = RequestHead { expects_continue: true, body: BodyLength::Unknown, ..get("/") };
        let (mut exchange, interim) = backend.send(&head).await;
        assert_eq!(interim.unwrap().status, 100);
        let mut response = new_response();
        poll_fn(|cx| exchange.poll_response(cx, &mut response)).await.unwrap();
        assert_eq!((response.status, response.body), (200, BodyLength::Empty));
    })
    .await;
}

#[tokio::test]
async fn too_many_trailers_are_malformed() {
    let serve = |io| {
        requests(io, async |_: Request<Body>, mut respond: Respond| {
            let mut answer = respond.send_response(Response::new(()), false).unwrap();
            let mut trailers = HeaderMap::new();
            (0..33).for_each(|_| _ = trailers.append("a", "b".parse().unwrap()));
            answer.send_trailers(trailers).unwrap();
        })
    };
    with_backend(serve, async |backend| {
        let (mut exchange, response) = backend.send(&get("/")).await;
        response.unwrap();
        assert_eq!(read_to_end(&mut exchange).await.err().unwrap().what, What::BadResponse);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_stops_answering_is_noticed() {
    let serve = async |mut io: DuplexStream| {
        use tokio::io::AsyncWriteExt as _;
        io.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        // Takes everything, says nothing.
        io.read_to_end(&mut Vec::new()).await.unwrap();
    };
    with_backend(serve, async |backend| {
        let start = Instant::now();
        let failure = backend.send(&get("/")).await.1.unwrap_err();
        assert_eq!((failure.what, start.elapsed()), (What::BackendGone, Duration::from_secs(20)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_let_go() {
    let ended = Rc::new(Cell::new(false));
    let flag = ended.clone();
    let serve = move |io| {
        let flag = flag.clone();
        async move {
            requests(io, answer_empty).await;
            flag.set(true);
        }
    };
    with_backend(serve, async |backend| {
        backend.send(&get("/")).await.1.unwrap();
        tokio::time::sleep(Duration::from_secs(50)).await;
        assert!(!ended.get());
        tokio::time::sleep(Duration::from_secs(40)).await;
        assert!(ended.get());
    })
    .await;
}

#[tokio::test]
async fn a_closed_pool_lets_streams_end() {
    with_backend(
        |io| requests(io, answer_empty),
        async |backend| {
            let mut exchange = backend.acquire().await.unwrap();
            exchange.send_head(&get("/")).unwrap();
            backend.pool.close();
            let mut response = new_response();
            poll_fn(|cx| exchange.poll_response(cx, &mut response)).await.unwrap();
            assert_eq!(response.status, 200);
            assert!(poll_fn(|cx| Poll::Ready(exchange.poll_ready(cx))).await.is_ready());
            assert!(!backend.acquire().await.unwrap().is_reused());
        },
    )
    .await;
}

/// As over HTTP/1.1: at the bound the exchange fails.
#[tokio::test]
async fn interim_responses_without_end_are_a_bad_response() {
    let serve = |mut io: DuplexStream| async move {
        io.read_exact(&mut [0; 24]).await.unwrap();
        // Up to the request's HEADERS.
        let mut head = [0; 9];
        while head[3] != 1 {
            io.read_exact(&mut head).await.unwrap();
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            io.read_exact(&mut payload).await.unwrap();
        }
        let (mut reader, mut writer) = tokio::io::split(io);
        spawn_local(async move { tokio::io::copy(&mut reader, &mut tokio::io::sink()).await });
        // SETTINGS, then HEADERS of stream 1 without end: `:status: 103`, its name from the static table.
        writer.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        let hint = [0, 0, 5, 1, 4, 0, 0, 0, 1, 0x08, 3, b'1', b'0', b'3'];
        while writer.write_all(&hint.repeat(100)).await.is_ok() {}
    };
    with_backend(serve, async |backend| {
        let (mut exchange, first) = backend.send(&get("/")).await;
        assert_eq!(first.unwrap().status, 103);
        let (mut response, mut passed) = (new_response(), 1);
        let failure = loop {
            match poll_fn(|cx| exchange.poll_response(cx, &mut response)).await {
                Ok(()) => passed += 1,
                Err(failure) => break failure,
            }
            assert!(passed < 100, "they are passed on without end");
        };
        assert_eq!((failure.what, passed), (What::BadResponse, 16));
    })
    .await;
}
