//! HARDENING H1-H8 and S17: HTTP/2 frames written by hand.

use std::{thread, time::Duration};

use crate::{
    harness::{
        Answer, Gateway, Origin, PATIENCE, each,
        h2::{
            CONTINUATION, Connection, DATA, ENABLE_CONNECT_PROTOCOL, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, Frame,
            HEADERS, INITIAL_WINDOW_SIZE, Outcome, PING, PRIORITY, PROTOCOL_ERROR, RST_STREAM, SETTINGS, request,
        },
        hpack,
    },
    path,
};

type Fields<'a> = Vec<(&'a [u8], &'a [u8])>;

/// An honest GET's pseudo-header fields and these behind them.
fn get_with<'a>(fields: &[(&'a [u8], &'a [u8])]) -> Fields<'a> {
    let mut all: Fields<'a> =
        vec![(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"a.test"), (b":path", b"/")];
    all.extend_from_slice(fields);
    all
}

fn connect(gateway: &Gateway) -> Connection {
    Connection::connect(gateway.address, &[])
}

/// The request is answered by 400 or its stream reset, nothing of it reaches the origin, and honest requests are served:
/// on the same connection, unless the codec has ended that for a field that it cannot even represent, which RFC 9113 5.4.1
/// leaves to it.
fn refuse(gateway: &Gateway, origin: &Origin, frames: &[Frame]) {
    origin.take();
    let mut connection = connect(gateway);
    connection.send_all(frames);
    let mut stream = 3;
    match connection.outcome(1) {
        Outcome::Reset(PROTOCOL_ERROR) => {}
        Outcome::Gone(Some(PROTOCOL_ERROR)) => (connection, stream) = (connect(gateway), 1),
        outcome => assert_eq!(outcome.status(), Some(400), "{outcome:?}"),
    }
    connection.get(stream, "/honest");
    let honest = connection.outcome(stream);
    assert_eq!(honest.status(), Some(200), "the next request: {honest:?}");
    let lines: Vec<_> = origin.take().iter().map(crate::harness::Received::line).collect();
    assert_eq!(lines, ["GET /honest HTTP/1.1"], "what reached the origin");
}

/// H1.
#[test]
fn malformed_field_is_refused() {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    let fields: [(&[u8], &[u8]); 27] = [
        (b"x", b"a\rb"),
        (b"x", b"a\nb"),
        (b"x", b"a\r\nEvil: b"),
        (b"x", b"a\0b"),
        (b"x", b" a"),
        (b"x", b"a "),
        (b"x", b"\ta"),
        (b"x", b"a\t"),
        (b"X", b"a"),
        (b"xY", b"a"),
        (b"x y", b"a"),
        (b"x\r", b"a"),
        (b"x\n", b"a"),
        (b"x\0", b"a"),
        (b"x:y", b"a"),
        (b"", b"a"),
        (b"\xc3\xbc", b"a"),
        (b"connection", b"close"),
        (b"connection", b"x"),
        (b"keep-alive", b"timeout=5"),
        (b"proxy-connection", b"close"),
        (b"transfer-encoding", b"chunked"),
        (b"upgrade", b"websocket"),
        (b"te", b"gzip"),
        (b"te", b"trailers, gzip"),
        (b"te", b"chunked"),
        (b"x_forwarded_for", b"6.6.6.6"),
    ];
    each(fields.map(|field| (format!("{}: {}", field.0.escape_ascii(), field.1.escape_ascii()), field)), |field| {
        refuse(&gateway, &origin, &[Frame::headers(1, true, get_with(&[*field]))]);
    });
}

/// H1: what is lawful goes through, and hop-by-hop words stay on their hop.
#[test]
fn lawful_fields_are_forwarded() {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    let mut connection = connect(&gateway);
    let fields = get_with(&[
        (b"te", b"trailers"),
        (b"x", b"caf\xe9 \t b"),
        (b"cookie", b"a=1"),
        (b"cookie", b"b=2"),
        (b"empty", b""),
    ]);
    connection.send(&Frame::headers(1, true, fields));
    assert_eq!(connection.outcome(1).status(), Some(200));
    let received = origin.one();
    assert_eq!(received.line(), "GET / HTTP/1.1");
    assert_eq!(received.values("host"), ["a.test"]);
    assert_eq!(received.values("cookie"), ["a=1; b=2"]);
    assert_eq!(received.values("x-forwarded-proto"), ["http"]);
    assert_eq!(received.values("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(received.values("transfer-encoding"), Vec::<String>::new());
}

/// H2.
#[test]
fn malformed_head_is_refused() {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    let cases: [(&str, &[(&str, &str)]); 27] = [
        ("no method", &[(":scheme", "http"), (":authority", "a.test"), (":path", "/")]),
        ("no scheme", &[(":method", "GET"), (":authority", "a.test"), (":path", "/")]),
        ("no path", &[(":method", "GET"), (":scheme", "http"), (":authority", "a.test")]),
        ("no authority", &[(":method", "GET"), (":scheme", "http"), (":path", "/")]),
        ("empty path", &[(":method", "GET"), (":scheme", "http"), (":authority", "a.test"), (":path", "")]),
        ("path without a slash", &[(":method", "GET"), (":scheme", "http"), (":authority", "a.test"), (":path", "x")]),
        (
            "absolute path",
            &[(":method", "GET"), (":scheme", "http"), (":authority", "a.test"), (":path", "http://b.test/")],
        ),
        ("asterisk by GET", &[(":method", "GET"), (":scheme", "http"), (":authority", "a.test"), (":path", "*")]),
        ("path with a space", &[(":method", "GET"), (":scheme", "http"), (":authority", "a.test"), (":path", "/a b")]),
        (
            "path with a line",
            &[(":method", "GET"), (":scheme", "http"), (":authority", "a.test"), (":path", "/ HTTP/1.1\r\nEvil: x")],
        ),
        ("path with NUL", &[(":method", "GET"), (":scheme", "http"), (":authority", "a.test"), (":path", "/\0")]),
        (
            "method with a space",
            &[(":method", "GET /x"), (":scheme", "http"), (":authority", "a.test"), (":path", "/")],
        ),
        ("empty method", &[(":method", ""), (":scheme", "http"), (":authority", "a.test"), (":path", "/")]),
        ("another scheme", &[(":method", "GET"), (":scheme", "ftp"), (":authority", "a.test"), (":path", "/")]),
        (
            "scheme with a slash",
            &[(":method", "GET"), (":scheme", "http://b.test/"), (":authority", "a.test"), (":path", "/")],
        ),
        (
            "method twice",
            &[(":method", "GET"), (":method", "GET"), (":scheme", "http"), (":authority", "a.test"), (":path", "/")],
        ),
        (
            "scheme twice",
            &[(":method", "GET"), (":scheme", "http"), (":scheme", "http"), (":authority", "a.test"), (":path", "/")],
        ),
        (
            "path twice",
            &[(":method", "GET"), (":scheme", "http"), (":authority", "a.test"), (":path", "/"), (":path", "/")],
        ),
        (
            "authority twice",
            &[
                (":method", "GET"),
                (":scheme", "http"),
                (":authority", "a.test"),
                (":authority", "b.test"),
                (":path", "/"),
            ],
        ),
        (
            "a response's",
            &[(":method", "GET"), (":scheme", "http"), (":authority", "a.test"), (":path", "/"), (":status", "200")],
        ),
        (
            "an unknown one",
            &[(":method", "GET"), (":scheme", "http"), (":authority", "a.test"), (":path", "/"), (":x", "y")],
        ),
        (
            "behind a field",
            &[(":method", "GET"), (":scheme", "http"), (":authority", "a.test"), ("x", "y"), (":path", "/")],
        ),
        (
            "another host",
            &[(":method", "GET"), (":scheme", "http"), (":authority", "a.test"), (":path", "/"), ("host", "b.test")],
        ),
        (
            "two hosts",
            &[(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "a.test"), ("host", "a.test")],
        ),
        ("user in authority", &[(":method", "GET"), (":scheme", "http"), (":authority", "u@a.test"), (":path", "/")]),
        ("path in authority", &[(":method", "GET"), (":scheme", "http"), (":authority", "a.test/x"), (":path", "/")]),
        ("empty authority", &[(":method", "GET"), (":scheme", "http"), (":authority", ""), (":path", "/")]),
    ];
    each(cases, |fields| refuse(&gateway, &origin, &[Frame::headers(1, true, fields.iter().copied())]));
}

/// H2.
#[test]
fn content_length_must_match_the_data() {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    let head = |length: &'static str, end| {
        let mut fields = request("POST", "/");
        fields.push(("content-length", length));
        Frame::headers(1, end, fields)
    };
    let mut twice = request("POST", "/");
    twice.extend([("content-length", "5"), ("content-length", "5")]);
    let cases = [
        ("too little", vec![head("10", false), Frame::data(1, true, "hello")]),
        ("too much", vec![head("3", false), Frame::data(1, true, "hello")]),
        ("too much in two", vec![head("6", false), Frame::data(1, false, "hello"), Frame::data(1, true, "world")]),
        ("nothing", vec![head("5", true)]),
        ("nothing but an end", vec![head("5", false), Frame::data(1, true, "")]),
        ("no number", vec![head("+5", false), Frame::data(1, true, "hello")]),
        ("a list", vec![head("5, 5", false), Frame::data(1, true, "hello")]),
        ("too large", vec![head("99999999999999999999", false), Frame::data(1, true, "hello")]),
        ("two", vec![Frame::headers(1, false, twice), Frame::data(1, true, "hello")]),
        (
            "less before trailers",
            vec![head("10", false), Frame::data(1, false, "hello"), Frame::headers(1, true, [("x", "y")])],
        ),
    ];
    each(cases, |frames| refuse(&gateway, &origin, frames));

    let mut connection = connect(&gateway);
    connection.send_all(&[head("10", false), Frame::data(1, false, "hello"), Frame::data(1, true, "world")]);
    assert_eq!(connection.outcome(1).status(), Some(200));
    assert_eq!(origin.one().body, b"helloworld");
}

/// H2: trailers have no pseudo-header fields, and end their stream.
#[test]
fn malformed_trailers_are_refused() {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    let begun = [Frame::headers(1, false, request("POST", "/")), Frame::data(1, false, "hello")];
    let trailers = [
        ("no end", Frame::headers(1, false, [("x", "y")])),
        ("upper case", Frame::headers(1, true, [("X", "y")])),
        ("a line feed", Frame::headers(1, true, [("x", "a\nb")])),
        ("connection", Frame::headers(1, true, [("connection", "close")])),
        ("transfer-encoding", Frame::headers(1, true, [("transfer-encoding", "chunked")])),
    ];
    each(trailers, |trailers| refuse(&gateway, &origin, &[&begun[..], std::slice::from_ref(trailers)].concat()));
}

/// S14 over HTTP/2: what routes a request cannot come behind its body.
#[test]
fn trailers_never_become_fields() {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    let fields = [
        "host",
        "authorization",
        "cookie",
        "content-length",
        "x-forwarded-for",
        "x-forwarded-host",
        ":path",
        ":authority",
    ];
    each(fields.map(|name| (name, name)), |name| {
        origin.take();
        let mut connection = connect(&gateway);
        connection.send_all(&[
            Frame::headers(1, false, request("POST", "/")),
            Frame::data(1, false, "hello"),
            Frame::headers(1, true, [(*name, "evil")]),
        ]);
        let outcome = connection.outcome(1);
        if outcome.status() == Some(200) {
            let received = origin.one();
            let all = [received.line().into_bytes(), received.head, received.trailers].concat();
            assert!(!String::from_utf8_lossy(&all).contains("evil"), "{name} came through");
        } else {
            assert!(outcome == Outcome::Reset(PROTOCOL_ERROR) || outcome.status() == Some(400), "{outcome:?}");
        }
    });
}

/// S17 and RFC 8441: a tunnel is asked for by `:protocol`, and only as the gateway allows it.
#[test]
fn malformed_connect_is_refused() {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    let cases: [(&str, &[(&str, &str)]); 4] = [
        (
            "by GET",
            &[
                (":method", "GET"),
                (":protocol", "websocket"),
                (":scheme", "http"),
                (":authority", "a.test"),
                (":path", "/"),
            ],
        ),
        (
            "without a path",
            &[(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":authority", "a.test")],
        ),
        (
            "without a scheme",
            &[(":method", "CONNECT"), (":protocol", "websocket"), (":authority", "a.test"), (":path", "/")],
        ),
        (
            "a path without protocol",
            &[(":method", "CONNECT"), (":scheme", "http"), (":authority", "a.test"), (":path", "/")],
        ),
    ];
    each(cases, |fields| {
        refuse(&gateway, &origin, &[Frame::headers(1, false, fields.iter().copied()), Frame::data(1, true, "")]);
    });

    // A tunnel to a host and port is nothing that a gateway offers.
    let mut connection = connect(&gateway);
    connection.send(&Frame::headers(1, false, [(":method", "CONNECT"), (":authority", "a.test:80")]));
    let outcome = connection.outcome(1);
    assert!(matches!(outcome, Outcome::Reset(_)) || matches!(outcome.status(), Some(400..=599)), "{outcome:?}");
    assert_eq!(connection.settings.get(&ENABLE_CONNECT_PROTOCOL), Some(&1), "the gateway serves RFC 8441 and says so");
    assert!(origin.take().is_empty());
}

/// P1 holds for HTTP/2.
#[test]
fn path_means_the_same_to_the_guard_and_to_the_backend() {
    let origin = Origin::start();
    let gateway = path::guarded(&origin);
    each(path::PATHS.iter().map(|(path, fate)| (path, (path, fate))), |(path, fate)| {
        let mut connection = connect(&gateway);
        connection.get(1, path);
        let status = match connection.outcome(1) {
            Outcome::Answered(answered) => answered.status(),
            // In HTTP/2 a malformed request may be told by a reset as well.
            Outcome::Reset(PROTOCOL_ERROR) => 400,
            outcome => panic!("{outcome:?}"),
        };
        let forwarded = origin.take().first().map(crate::harness::Received::target);
        path::compare(path, **fate, status, forwarded.as_deref());
    });
}

/// P1: a fragment is refused however its path is compressed, and a `#` elsewhere is nobody's concern.
#[test]
fn fragment_is_refused_in_every_encoding() {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    let base = hpack::encode(request("GET", "/").into_iter().take(3));
    let text = |first: &[u8], text: &str| {
        let mut block = first.to_vec();
        hpack::encode_string(text.as_bytes(), &mut block);
        block
    };
    // `/x#y` in the Huffman code.
    let coded = [0x84, 0x63, 0xcf, 0xfd, 0x7a];
    let fragments = [
        ("a literal", text(&[0x04], "/x#y")),
        ("never indexed", text(&[0x14], "/x#y")),
        ("a name of its own", [text(&[0x00], ":path"), text(&[], "/x#y")].concat()),
        ("coded", [&[0x04][..], &coded].concat()),
        ("name and value coded", [&[0x00, 0x84, 0xb9, 0x58, 0xd3, 0x3f][..], &coded].concat()),
        ("kept", text(&[0x44], "/x#y")),
        ("the kept one", vec![0xbe]),
        ("named by the kept one", text(&[0x0f, 0x2f], "/x#y")),
    ];
    let mut connection = connect(&gateway);
    let mut stream = 1;
    for (name, fragment) in &fragments {
        connection.send(&Frame::new(HEADERS, END_HEADERS | END_STREAM, stream, [base.as_slice(), fragment].concat()));
        assert_eq!(connection.outcome(stream).status(), Some(400), "{name}");
        stream += 2;
    }
    // In pieces, with a priority and padding.
    let block = [base.as_slice(), &fragments[0].1].concat();
    let (first, second) = block.split_at(block.len() - 2);
    let padded = [&[3, 0, 0, 0, 0, 16], first, &[b'#'; 3]].concat();
    connection.send_all(&[
        Frame::new(HEADERS, END_STREAM | 0x28, stream, padded),
        Frame::new(CONTINUATION, 0, stream, []),
        Frame::new(CONTINUATION, END_HEADERS, stream, second),
    ]);
    assert_eq!(connection.outcome(stream).status(), Some(400), "in pieces");
    assert!(origin.take().is_empty(), "nothing reaches the origin");
    let mut fields = request("GET", "/");
    fields.extend([("referer", "http://x/#y"), ("#", "#")]);
    connection.send(&Frame::headers(stream + 2, true, fields));
    assert_eq!(connection.outcome(stream + 2).status(), Some(200), "a number sign in other fields");
    assert_eq!(origin.one().values("#"), ["#"]);
}

/// H6: what decompression yields is counted in bytes and in fields, cookie crumbs one by one.
#[test]
fn head_over_the_limit_is_refused() {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    let base = hpack::encode(request("GET", "/"));
    let crumbs = hpack::encode(vec![("cookie", "a=1"); 200]);
    let one_byte_references = vec![0x90; 500];
    let mut bomb = vec![0x40];
    hpack::encode_string(b"x", &mut bomb);
    hpack::encode_string(&[b'y'; 3900], &mut bomb);
    bomb.extend([0xbe; 90]);
    let fields = hpack::encode(vec![("x", "y"); 101]);
    let long = hpack::encode([("x", "y".repeat(8000)), ("x", "y".repeat(8000))]);
    let blocks = [
        ("crumbs", crumbs),
        ("one-byte references", one_byte_references),
        ("a bomb", bomb),
        ("fields", fields),
        ("long", [long.clone(), long.clone(), long].concat()),
    ];
    each(blocks, |block| {
        let mut connection = connect(&gateway);
        connection.send_all(&in_frames(1, &[base.as_slice(), block].concat()));
        let outcome = connection.outcome(1);
        assert!(
            outcome.status() == Some(431)
                || matches!(outcome, Outcome::Reset(ENHANCE_YOUR_CALM) | Outcome::Gone(Some(ENHANCE_YOUR_CALM))),
            "{outcome:?}"
        );
        assert!(origin.take().is_empty());
        honest(&gateway, &origin);
    });
    let mut connection = connect(&gateway);
    let at_limit = [base, hpack::encode(vec![("x", "y"); 100])].concat();
    connection.send_all(&in_frames(1, &at_limit));
    assert_eq!(connection.outcome(1).status(), Some(200), "a head within the limit");
}

/// A header block in as few frames as it fits in.
fn in_frames(stream: u32, block: &[u8]) -> Vec<Frame> {
    let mut frames: Vec<_> = block.chunks(16_384).map(|piece| Frame::new(CONTINUATION, 0, stream, piece)).collect();
    frames[0].kind = HEADERS;
    frames[0].flags = END_STREAM;
    frames.last_mut().expect("a block is not empty").flags |= END_HEADERS;
    frames
}

/// Another connection is served.
fn honest(gateway: &Gateway, origin: &Origin) {
    let mut connection = connect(gateway);
    connection.get(1, "/honest");
    assert_eq!(connection.outcome(1).status(), Some(200), "an honest client elsewhere");
    origin.take();
}

/// H5.
#[test]
fn flood_ends_its_connection() {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    let block = hpack::encode(request("GET", "/"));
    let open = Frame::headers(1, false, request("POST", "/"));
    let headers = Frame::new(HEADERS, END_STREAM, 1, block);
    let floods = [
        ("empty CONTINUATION", vec![headers.clone()], Frame::new(CONTINUATION, 0, 1, []), 1000),
        ("small CONTINUATION", vec![headers], Frame::new(CONTINUATION, 0, 1, hpack::encode([("x", "y")])), 1000),
        ("SETTINGS", vec![], Frame::settings(&[(INITIAL_WINDOW_SIZE, 65_535)]), 5000),
        ("empty SETTINGS", vec![], Frame::new(SETTINGS, 0, 0, []), 5000),
        ("PING", vec![], Frame::new(PING, 0, 0, [7; 8]), 5000),
        ("PRIORITY", vec![], Frame::new(PRIORITY, 0, 1, [0, 0, 0, 3, 1]), 20_000),
        ("empty DATA", vec![open.clone()], Frame::data(1, false, ""), 20_000),
        ("one byte of DATA", vec![open.clone()], Frame::data(1, false, "x"), 60_000),
        (
            "padding alone",
            vec![open],
            Frame::new(DATA, 0x8, 1, [255].iter().chain(&[0; 255]).copied().collect::<Vec<_>>()),
            250,
        ),
        ("WINDOW_UPDATE of the connection", vec![], Frame::window_update(0, 1), 60_000),
    ];
    each(floods.map(|flood| (flood.0, flood)), |(_, before, frame, count)| {
        let mut connection = connect(&gateway);
        let mut sender = Connection::over(connection.stream.try_clone().expect("a second handle"));
        let bytes = [before.iter().flat_map(Frame::bytes).collect::<Vec<_>>(), frame.bytes().repeat(*count)].concat();
        let sending = thread::spawn(move || sender.send_bytes(&bytes));
        assert_eq!(connection.end(), Some(ENHANCE_YOUR_CALM));
        sending.join().expect("the sender ends with the connection");
        assert!(origin.take().is_empty());
        honest(&gateway, &origin);
    });
}

/// Many small messages at once are what a busy gRPC or WebSocket client sends, and no flood.
#[test]
fn burst_of_small_messages_is_served() {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    let mut connection = connect(&gateway);
    let mut frames = vec![Frame::headers(1, false, request("POST", "/"))];
    frames.extend(vec![Frame::data(1, false, "0123456789"); 6000]);
    frames.push(Frame::data(1, true, ""));
    connection.send_all(&frames);
    assert_eq!(connection.outcome(1).status(), Some(200));
    assert_eq!(origin.one().body, b"0123456789".repeat(6000));
}

/// H3.
#[test]
fn rapid_reset_ends_its_connection_and_its_work() {
    let origin =
        Origin::answering(|request| if request.target() == "/honest" { Answer::ok("") } else { Answer::silence() });
    let gateway = Gateway::to(&origin);
    let mut connection = connect(&gateway);
    let mut sender = Connection::over(connection.stream.try_clone().expect("a second handle"));
    let sending = thread::spawn(move || {
        for stream in (1..20_000).step_by(2) {
            sender.send_all(&[Frame::headers(stream, true, request("GET", "/")), Frame::reset(stream, 8)]);
        }
    });
    assert_eq!(connection.end(), Some(ENHANCE_YOUR_CALM));
    sending.join().expect("the sender ends with the connection");
    honest(&gateway, &origin);
    let opened = origin.bytes().len();
    assert!(opened <= 300, "{opened} connections were opened for requests nobody waited for");
    origin.wait_for_closed(opened - 1);
}

/// H4: the client makes the gateway reset its streams, in six ways, while their work goes on behind it.
#[test]
fn made_resets_are_counted() {
    type Primitive = fn(u32) -> Frame;
    let primitives: [(&str, Primitive); 6] = [
        ("an increment of 0", |stream| Frame::window_update(stream, 0)),
        ("a window too large", |stream| Frame::window_update(stream, 0x7fff_ffff)),
        ("DATA after the end", |stream| Frame::data(stream, false, "x")),
        ("HEADERS after the end", |stream| Frame::headers(stream, true, [("x", "y")])),
        ("PRIORITY of a wrong length", |stream| Frame::new(PRIORITY, 0, stream, [0, 0, 0, 0])),
        ("PRIORITY on itself", |stream| Frame::new(PRIORITY, 0, stream, [&stream.to_be_bytes()[..], &[1]].concat())),
    ];
    each(primitives, |primitive| {
        let origin =
            Origin::answering(|request| if request.target() == "/honest" { Answer::ok("") } else { Answer::silence() });
        let gateway = Gateway::to(&origin);
        let primitive = *primitive;
        let mut connection = connect(&gateway);
        let mut sender = Connection::over(connection.stream.try_clone().expect("a second handle"));
        let sending = thread::spawn(move || {
            for stream in (1..4000).step_by(2) {
                sender.send_all(&[Frame::headers(stream, true, request("GET", "/")), primitive(stream)]);
            }
            sender.finish();
        });
        let mut resets = 0;
        while let Some(frame) = connection.next() {
            resets += usize::from(frame.kind == RST_STREAM);
        }
        sending.join().expect("the sender ends with the connection");
        honest(&gateway, &origin);
        let opened = origin.bytes().len();
        assert!(opened <= 300, "{opened} requests ran behind {resets} resets");
        origin.wait_for_closed(opened - 1);
    });
}

/// The limit on concurrent streams holds.
#[test]
fn streams_over_the_limit_are_refused() {
    let origin = Origin::answering(|_| Answer::silence());
    let gateway = Gateway::to(&origin);
    let mut connection = connect(&gateway);
    for stream in (1..=401).step_by(2) {
        connection.get(stream, "/");
    }
    let outcome = connection.outcome(401);
    assert!(matches!(outcome, Outcome::Reset(7) | Outcome::Gone(Some(_))), "the 201st stream: {outcome:?}");
    assert!(origin.bytes().len() <= 100, "{} requests run", origin.bytes().len());
}

/// H7: a stream whose window is held shut, or opened a byte at a time, is given up.
#[test]
fn window_held_shut_is_given_up() {
    let origin = Origin::answering(|_| Answer::ok(&"x".repeat(100_000)));
    let gateway = Gateway::builder()
        .limits(|limits| limits.client_stall_timeout = Duration::from_millis(400))
        .forward("", &origin)
        .start();
    for drips in [false, true] {
        let mut connection = Connection::connect(gateway.address, &[(INITIAL_WINDOW_SIZE, 0)]);
        connection.feeds_windows = false;
        connection.get(1, "/");
        let deadline = std::time::Instant::now() + PATIENCE;
        let outcome = loop {
            assert!(std::time::Instant::now() < deadline, "held for ever (with drips: {drips})");
            match connection.next_within(Duration::from_millis(20)) {
                Some(frame) if frame.kind == RST_STREAM => break frame,
                Some(_) => {}
                None if drips => connection.send(&Frame::window_update(1, 1)),
                None => {}
            }
        };
        assert_eq!((outcome.stream, outcome.code()), (1, crate::harness::h2::CANCEL), "with drips: {drips}");
        // The connection itself is in order.
        connection.feeds_windows = true;
        connection.send(&Frame::settings(&[(INITIAL_WINDOW_SIZE, 1_000_000)]));
        connection.get(3, "/");
        assert_eq!(connection.outcome(3).status(), Some(200));
    }
}

/// D1 over HTTP/2: a header block that drips is cut off as a whole.
#[test]
fn dripping_head_is_cut_off() {
    let origin = Origin::start();
    let gateway = Gateway::builder()
        .limits(|limits| limits.head_timeout = Duration::from_millis(400))
        .forward("", &origin)
        .start();
    let block = hpack::encode(request("GET", "/"));
    let cases = [
        ("a preface", crate::harness::h2::PREFACE[..20].to_vec()),
        (
            "a frame",
            [
                crate::harness::h2::PREFACE,
                &Frame::settings(&[]).bytes(),
                &Frame::headers(1, true, request("GET", "/")).bytes()[..20],
            ]
            .concat(),
        ),
        (
            "a block",
            [
                crate::harness::h2::PREFACE,
                &Frame::settings(&[]).bytes(),
                &Frame::new(HEADERS, END_STREAM, 1, block).bytes(),
            ]
            .concat(),
        ),
    ];
    each(cases, |bytes| {
        let mut connection = Connection::over(crate::harness::h2::prepared(gateway.connect().stream));
        connection.send_bytes(bytes);
        connection.end();
        honest(&gateway, &origin);
    });
}
