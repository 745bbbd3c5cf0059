//! HARDENING S1-S14 and S16 on the client's side: one message must mean one thing to everyone on its way. What a
//! backend may do wrong is in `response.rs`, upgrades are in `upgrade.rs`.

use crate::harness::{Answer, Client, Delivery, Gateway, Origin, each, refuse_all, shown};

/// A POST with these field lines (each ended) and these bytes behind its head.
fn post(fields: &str, rest: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n{rest}").into_bytes()
}

/// A GET with these field bytes, unended, inside.
fn with_field(field: &[u8]) -> Vec<u8> {
    [b"GET / HTTP/1.1\r\nHost: a.test\r\n", field, b"\r\n\r\n"].concat()
}

/// S1.
#[test]
fn content_length_beside_transfer_encoding_is_refused() {
    let chunked = "0\r\n\r\n";
    let cases = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "content-length: 5\r\nTRANSFER-ENCODING: Chunked\r\n",
        "Content-Length: 5\r\nX-Between: x\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: identity\r\n",
    ];
    refuse_all(&[400], cases.map(|fields| (fields, post(fields, chunked))));
    refuse_all(
        &[400],
        [(
            "smuggled",
            post(
                "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
                "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n",
            ),
        )],
    );
}

/// S2.
#[test]
fn transfer_encoding_other_than_chunked_is_refused() {
    let known_wrong = [
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding: \x0bchunked\r\n",
        "Transfer-Encoding: chunked\x0b\r\n",
        "Transfer-Encoding: chunked\x0c\r\n",
    ];
    refuse_all(&[400], known_wrong.map(|fields| (fields.escape_debug(), post(fields, "0\r\n\r\n"))));
    let unknown = [
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunkedx\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding: chun ked\r\n",
        "Transfer-Encoding: , chunked\r\n",
        "Transfer-Encoding: chunked,\r\n",
    ];
    refuse_all(&[400, 501], unknown.map(|fields| (fields.escape_debug(), post(fields, "0\r\n\r\n"))));
    let no_break_space = b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: \xa0chunked\r\n\r\n0\r\n\r\n";
    refuse_all(&[400, 501], [("no-break space", no_break_space.to_vec())]);
}

/// S3.
#[test]
fn transfer_encoding_in_http_1_0_is_refused() {
    let cases = [
        ("alone", "POST / HTTP/1.0\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (
            "kept alive",
            "POST / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
    ];
    refuse_all(&[400], cases.map(|(name, request)| (name, request.into())));
}

/// S4.
#[test]
fn content_length_that_is_no_number_is_refused() {
    let values = [
        "+5",
        "-0",
        "-5",
        "0x5",
        "1_0",
        "",
        " ",
        "5, 5",
        "5,5",
        "5, 6",
        "5;",
        "5.0",
        "5 5",
        "5e1",
        "five",
        "٥",
        "5\u{a0}",
        "9223372036854775808",
        "18446744073709551616",
        "18446744073709551621",
        "99999999999999999999999999999999",
    ];
    refuse_all(
        &[400],
        values.map(|value| (format!("{value:?}"), post(&format!("Content-Length: {value}\r\n"), "hello"))),
    );
    let lines = [
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 0\r\ncontent-length: 5\r\n",
        "Content-Length: 5\r\nContent-Length:\r\n",
    ];
    refuse_all(&[400], lines.map(|lines| (lines.escape_debug(), post(lines, "hello"))));
}

/// S5.
#[test]
fn folded_field_is_refused() {
    let cases: [&[u8]; 6] = [
        b"X-Folded: a\r\n b",
        b"X-Folded: a\r\n\tb",
        b"X-Folded:\r\n a",
        b"X-Folded: a\r\n \r\nX-Next: b",
        b"Transfer-Encoding:\r\n chunked",
        b"Content-Length: 1\r\n 0",
    ];
    refuse_all(&[400], cases.map(|field| (shown(field), with_field(field))));
}

/// S6.
#[test]
fn bare_line_feed_is_refused() {
    let cases = [
        "GET / HTTP/1.1\nHost: a.test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.test\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.test\r\nX: y\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.test\nX: y\r\n\r\n",
        "GET / HTTP/1.1\nHost: a.test\n\n",
        "GET / HTTP/1.1\r\nHost: a.test\n\n",
        "GET / HTTP/1.1\r\nHost: a.test\r\n\n",
        "\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
    ];
    refuse_all(&[400], cases.map(|request| (request.escape_debug(), request.into())));
}

/// S7.
#[test]
fn control_character_is_refused() {
    let fields: [&[u8]; 16] = [
        b"X: a\rb",
        b"X: \ra",
        b"X: a\r",
        b"X: a\r\r",
        b"X: a\0b",
        b"X: \0",
        b"X: a\x01b",
        b"X: a\x08b",
        b"X: a\x0bb",
        b"X: a\x1fb",
        b"X: a\x7fb",
        b"X\0: a",
        b"X\r: a",
        b"X\x01: a",
        b"X\x7f: a",
        b"\rX: a",
    ];
    refuse_all(&[400], fields.map(|field| (shown(field), with_field(field))));
    let lines: [&[u8]; 9] = [
        b"GET /\0 HTTP/1.1",
        b"GET /\r HTTP/1.1",
        b"GET /a\x01 HTTP/1.1",
        b"GET /a\x7f HTTP/1.1",
        b"G\0T / HTTP/1.1",
        b"GET / HTTP/1.1\0",
        b"GET / HTTP/1.1\r",
        b"GET\t/ HTTP/1.1",
        b"GET /\x0b HTTP/1.1",
    ];
    refuse_all(&[400], lines.map(|line| (shown(line), [line, b"\r\nHost: a.test\r\n\r\n"].concat())));
}

/// A request line that is not one: S7's and S8's relatives.
#[test]
fn malformed_request_line_is_refused() {
    let lines: [&[u8]; 14] = [
        b"GET  / HTTP/1.1",
        b"GET /  HTTP/1.1",
        b" GET / HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b"GET /a b HTTP/1.1",
        b"GET /",
        b"GET",
        b"GET / HTTP/1.1.1",
        b"GET / HTTP/11",
        b"GET / http/1.1",
        b"GET / HTTP/ 1.1",
        b"G@T / HTTP/1.1",
        b"GET: / HTTP/1.1",
        b"GET \xff HTTP/1.1",
    ];
    refuse_all(&[400], lines.map(|line| (shown(line), [line, b"\r\nHost: a.test\r\n\r\n"].concat())));
    let versions: [&[u8]; 4] = [b"GET / HTTP/2.0", b"GET / HTTP/3.0", b"GET / HTTP/1.9", b"GET / HTTP/0.9"];
    refuse_all(&[400, 505], versions.map(|line| (shown(line), [line, b"\r\nHost: a.test\r\n\r\n"].concat())));
}

/// S8.
#[test]
fn malformed_field_name_is_refused() {
    let fields: [&[u8]; 14] = [
        b"X : a",
        b"X\t: a",
        b"Content-Length : 5",
        b"Transfer-Encoding : chunked",
        b": a",
        b":",
        b"X",
        b"X a",
        b"X(: a",
        b"X@Y: a",
        b"X/Y: a",
        b"\"X\": a",
        b"\xc3\x9c: a",
        b"X,Y: a",
    ];
    refuse_all(&[400], fields.map(|field| (shown(field), with_field(field))));
    let first = [" Host: a.test\r\n", "\tHost: a.test\r\n", " X: y\r\nHost: a.test\r\n", " \r\nHost: a.test\r\n"];
    refuse_all(
        &[400],
        first.map(|lines| (lines.escape_debug(), format!("GET / HTTP/1.1\r\n{lines}\r\n").into_bytes())),
    );
}

/// S9.
#[test]
fn malformed_chunk_is_refused() {
    let bodies = [
        "+5\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "1_0\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        ";a\r\nhello\r\n0\r\n\r\n",
        "10000000000000000\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5\t\r\nhello\r\n0\r\n\r\n",
        "g\r\nhello\r\n0\r\n\r\n",
        "5h\r\nhello\r\n0\r\n\r\n",
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
        "5;a\nhello\r\n0\r\n\r\n",
        "5;a\rb\r\nhello\r\n0\r\n\r\n",
        "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n",
        "5;\0\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\rhello\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\r0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\n\r\n",
        "5\r\nhello\r\n0\r\n\n",
        "5\r\nhello\r\n0\r\nX : y\r\n\r\n",
        "5\r\nhello\r\n0\r\nX: y\n\r\n",
        "5\r\nhello\r\n0\r\n X: y\r\n\r\n",
        "5\r\nhello\r\n0\r\nX: \0\r\n\r\n",
    ];
    refuse_all(&[400], bodies.map(|body| (body.escape_debug(), post("Transfer-Encoding: chunked\r\n", body))));
}

/// S9.
#[test]
fn chunk_extensions_are_dropped_and_their_bytes_capped() {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    for delivery in Delivery::ALL {
        let mut client = gateway.connect();
        let body = "5;name=value\r\nhello\r\n6;q=\"quoted; \\\" text\"\r\n world\r\n0;last\r\n\r\n";
        delivery.send(&mut client, &post("Transfer-Encoding: Chunked\r\n", body));
        assert_eq!(client.receive().status, 200);
        let received = origin.one();
        assert_eq!(shown(&received.body), "hello world", "{delivery:?}");
    }
    let seen = shown(&origin.bytes().concat());
    assert!(
        !["name", "value", "quoted", "last"].iter().any(|text| seen.contains(text)),
        "extensions reached the origin: {seen}"
    );

    let one_long = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(1025));
    let many_short = format!("{}0\r\n\r\n", "1;0123456789\r\nx\r\n".repeat(110));
    refuse_all(
        &[400, 413],
        [
            ("one long", post("Transfer-Encoding: chunked\r\n", &one_long)),
            ("many short", post("Transfer-Encoding: chunked\r\n", &many_short)),
        ],
    );
}

/// S10: each body is read by its own framing, and what follows it is the next request.
#[test]
fn pipelined_requests_stay_apart() {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n";
    let requests = format!(
        "GET /first HTTP/1.1\r\nHost: a.test\r\nContent-Length: {length}\r\n\r\n{smuggled}\
         POST /second HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{smuggled}\r\n0\r\n\r\n\
         DELETE /third HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n\
         GET /fourth HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n",
        length = smuggled.len(),
    );
    for delivery in Delivery::ALL {
        let mut client = gateway.connect();
        delivery.send(&mut client, requests.as_bytes());
        let answers = [(); 4].map(|()| client.receive().text());
        assert_eq!(answers, ["/first", "/second", "/third", "/fourth"], "{delivery:?}");
        assert_eq!(client.read_to_end(), b"", "{delivery:?}: after the last answer");
        let received = origin.take();
        let bodies: Vec<_> = received.iter().map(|request| (request.target(), shown(&request.body))).collect();
        let smuggled = shown(smuggled.as_bytes());
        let wanted = [("/first", smuggled.as_str()), ("/second", &smuggled), ("/third", ""), ("/fourth", "")];
        assert_eq!(bodies, wanted.map(|(target, body)| (target.to_owned(), body.to_owned())), "{delivery:?}");
    }
}

/// S10: the gateway answers by itself before it has read the body.
#[test]
fn body_of_a_request_answered_early_is_never_a_request() {
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n";
    let chunk = format!("{:x}\r\n{smuggled}\r\n0\r\n\r\n", smuggled.len());
    let cases = [
        (
            "with a length",
            format!("POST / HTTP/1.1\r\nHost: nowhere.test\r\nContent-Length: {}\r\n\r\n{smuggled}", smuggled.len()),
        ),
        ("in chunks", format!("POST / HTTP/1.1\r\nHost: nowhere.test\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}")),
        (
            "by GET",
            format!("GET / HTTP/1.1\r\nHost: nowhere.test\r\nContent-Length: {}\r\n\r\n{smuggled}", smuggled.len()),
        ),
    ];
    let origin = Origin::start();
    let gateway = Gateway::builder().forward("a.test", &origin).start();
    each(cases, |request| {
        for delivery in Delivery::ALL {
            let mut client = gateway.connect();
            delivery.send(
                &mut client,
                format!("{request}GET /after HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n").as_bytes(),
            );
            assert_eq!(client.receive().status, 404, "{delivery:?}");
            let rest = client.read_to_end();
            let targets: Vec<_> = origin.take().iter().map(crate::harness::Received::target).collect();
            assert!(
                targets.is_empty() && rest.is_empty() || targets == ["/after"],
                "{delivery:?}: {targets:?} reached the origin"
            );
        }
    });
}

/// S10: the backend answers before it has read the body, and reads whatever comes next as a request.
#[test]
fn backend_connection_with_half_a_body_is_never_used_again() {
    let origin = Origin::answering_heads(|request| Answer::ok(&request.target()));
    let gateway = Gateway::to(&origin);
    let mut client = gateway.connect();
    client.send("POST /early HTTP/1.1\r\nHost: a.test\r\nContent-Length: 38\r\n\r\n");
    assert_eq!(client.receive().text(), "/early");
    client.send("GET /smuggled HTTP/1.1\r\nHost: a.test\r\n");
    serve_honest(&gateway);
    let targets: Vec<_> = origin.take().iter().map(crate::harness::Received::target).collect();
    assert_eq!(targets, ["/early", "/honest"]);
}

fn serve_honest(gateway: &Gateway) {
    let mut honest = gateway.connect();
    honest.send("GET /honest HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert_eq!(honest.receive().text(), "/honest");
}

/// S11.
#[test]
fn expectation_is_understood_exactly_or_not_at_all() {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    for value in ["100-continue", "100-Continue"] {
        let mut client = gateway.connect();
        client.send(post(&format!("Content-Length: 5\r\nExpect: {value}\r\n"), ""));
        assert_eq!(
            client.read_exactly(21).map(|bytes| shown(&bytes)),
            Ok("HTTP/1.1 100 Continue".to_owned()),
            "{value}"
        );
        client.send("hello");
        client.read_exactly(4).expect("the end of the interim response");
        assert_eq!(client.receive().status, 200);
        assert_eq!(shown(&origin.one().body), "hello");
    }
    let values = ["100-continuex", "200-ok", "100-continue, x", "x", "100 -continue", "\"100-continue\"", ""];
    each(values.map(|value| (format!("{value:?}"), value)), |value| {
        let mut client = gateway.connect();
        client.send(post(&format!("Content-Length: 5\r\nExpect: {value}\r\n"), "hello"));
        let response = client.receive();
        let received = origin.take();
        match response.status {
            417 => assert!(received.is_empty(), "refused and forwarded: {received:?}"),
            200 => {
                assert_eq!(shown(&received[0].body), "hello");
                assert!(received[0].values("expect").is_empty(), "ignored and forwarded: {received:?}");
            }
            status => panic!("wanted 417 or 200, got {status}"),
        }
    });
}

/// S11: a final answer instead of the 100 leaves a body behind that was never sent.
#[test]
fn final_answer_to_an_expectation_frees_no_backend_connection() {
    let origin = Origin::answering_heads(|request| match request.target().as_str() {
        "/upload" => Answer::raw("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"),
        other => Answer::ok(other),
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.connect();
    client.send("POST /upload HTTP/1.1\r\nHost: a.test\r\nContent-Length: 37\r\nExpect: 100-continue\r\n\r\n");
    let refused = client.receive();
    assert_eq!(refused.status, 403);
    // Whether the client now sends its body or not is its own choice: it must not reach anyone as a request.
    client.send("GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n");
    client.finish();
    client.read_to_end();
    serve_honest(&gateway);
    let targets: Vec<_> = origin.take().iter().map(crate::harness::Received::target).collect();
    assert_eq!(targets, ["/upload", "/honest"]);
}

/// S12.
#[test]
fn missing_or_invalid_host_is_refused() {
    let lines = [
        "",
        "Host: a.test\r\nHost: a.test\r\n",
        "Host: a.test\r\nHost: b.test\r\n",
        "Host: a.test\r\nhost: b.test\r\n",
        "Host:\r\n",
        "Host: a b\r\n",
        "Host: a.test/x\r\n",
        "Host: user@a.test\r\n",
        "Host: a.test, b.test\r\n",
        "Host: a.test?\r\n",
        "Host: a.test#x\r\n",
        "Host: a\\b\r\n",
        "Host: a\tb\r\n",
        "Host: a<b\r\n",
        "Host: [::1\r\n",
        "Host: ::1\r\n",
        "Host: a.test:80:80\r\n",
        "Host: a.test:99999\r\n",
        "Host: a.test:-1\r\n",
        "Host: a.test:http\r\n",
        "Host: :80\r\n",
        "Host: a%zz\r\n",
    ];
    refuse_all(
        &[400],
        lines.map(|lines| (lines.escape_debug(), format!("GET / HTTP/1.1\r\n{lines}\r\n").into_bytes())),
    );
}

/// S12: the target's authority is the request's, whatever Host says.
#[test]
fn absolute_target_decides_over_host() {
    let origin = Origin::start();
    let gateway = Gateway::builder().forward("a.test", &origin).start();
    let cases = [
        ("http://a.test/x?y=z", "/x?y=z", "a.test"),
        ("HTTP://a.test/x", "/x", "a.test"),
        ("http://a.test:8080/x", "/x", "a.test:8080"),
        ("http://a.test", "/", "a.test"),
        ("http://a.test?y", "/?y", "a.test"),
    ];
    each(cases.map(|case| (case.0, case)), |(target, path, host)| {
        let mut client = gateway.connect();
        client.send(format!("GET {target} HTTP/1.1\r\nHost: b.test\r\n\r\n"));
        assert_eq!(client.receive().status, 200);
        let received = origin.one();
        assert_eq!(received.target(), *path);
        assert_eq!(received.values("host"), [*host]);
    });
    let mut client = gateway.connect();
    client.send("GET http://b.test/x HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert_eq!(client.receive().status, 404, "b.test has no route");
    assert!(origin.take().is_empty());
}

/// S12's relatives: targets that are no request's.
#[test]
fn malformed_target_is_refused() {
    let targets = [
        "http:///x",
        "http://user@a.test/",
        "http://a b/",
        "http://a.test:99999/",
        "a.test",
        "a.test:80",
        "x/y",
        "?x",
        "*",
        "http:/x",
        "javascript:x",
    ];
    refuse_all(
        &[400],
        targets.map(|target| (target, format!("GET {target} HTTP/1.1\r\nHost: a.test\r\n\r\n").into_bytes())),
    );
    refuse_all(&[400, 405, 501], [("tunnel", b"CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n\r\n".to_vec())]);
}

/// S13.
#[test]
fn connection_removes_what_it_names_and_nothing_of_ours() {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    let plain = forwarded(&gateway, &origin, "");

    let named = forwarded(
        &gateway,
        &origin,
        "Connection: keep-alive, X-Hop, authorization\r\nX-Hop: 1\r\nx-hop: 2\r\nAuthorization: Basic x\r\nX-End: 3\r\n",
    );
    assert_eq!(named.values("x-hop"), Vec::<String>::new());
    assert_eq!(named.values("authorization"), Vec::<String>::new());
    assert_eq!(named.values("x-end"), ["3"]);

    let always = forwarded(
        &gateway,
        &origin,
        "Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\nUpgrade: tls/1.0\r\n",
    );
    for name in ["keep-alive", "proxy-connection", "te", "upgrade"] {
        assert_eq!(always.values(name), Vec::<String>::new(), "{name}");
    }

    let ours = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "host"];
    each(ours.map(|name| (name, name)), |name| {
        let stripped = forwarded(&gateway, &origin, &format!("Connection: {name}\r\n"));
        assert_eq!(stripped.values(name), plain.values(name));
    });
    assert_eq!(plain.values("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(plain.values("host"), ["a.test"]);
}

fn forwarded(gateway: &Gateway, origin: &Origin, fields: &str) -> crate::harness::Received {
    let mut client = gateway.connect();
    client.send(format!("GET /x HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n"));
    assert_eq!(client.receive().status, 200);
    origin.one()
}

/// S13: framing stays, or the request is refused.
#[test]
fn connection_cannot_remove_framing() {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    let cases = [
        ("Connection: content-length\r\nContent-Length: 5\r\n", "hello"),
        ("Connection: close, Content-Length\r\nContent-Length: 5\r\n", "hello"),
        ("Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
    ];
    each(cases.map(|case| (case.0.escape_debug(), case)), |(fields, body)| {
        for delivery in Delivery::ALL {
            let mut client = gateway.connect();
            delivery.send(&mut client, &post(fields, body));
            match client.receive().status {
                200 => assert_eq!(shown(&origin.one().body), "hello", "{delivery:?}"),
                400 => assert!(origin.take().is_empty(), "{delivery:?}"),
                status => panic!("{delivery:?}: got {status}"),
            }
        }
    });
}

/// S14.
#[test]
fn trailers_never_become_fields() {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    let secret = "Content-Length: 77\r\nTransfer-Encoding: gzip\r\nHost: evil.test\r\nAuthorization: Basic evil\r\n\
                  X-Forwarded-For: 6.6.6.6\r\nConnection: evil\r\nCookie: evil\r\nExpect: evil\r\n";
    for delivery in Delivery::ALL {
        let mut client = gateway.connect();
        let body = format!("5\r\nhello\r\n0\r\nX-Sum: 1\r\n{secret}\r\n");
        delivery.send(&mut client, &post("Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n", &body));
        assert_eq!(client.receive().status, 200, "{delivery:?}");
        let received = origin.one();
        assert_eq!(shown(&received.body), "hello");
        let head = shown(&received.head).to_ascii_lowercase();
        assert!(
            !head.contains("evil") && !head.contains("6.6.6.6") && !head.contains("77") && !head.contains("gzip"),
            "{head}"
        );
        assert!(!head.contains("x-sum: 1"), "{head}");
        let trailers = shown(&received.trailers).to_ascii_lowercase();
        for name in [
            "content-length",
            "transfer-encoding",
            "host",
            "authorization",
            "x-forwarded-for",
            "connection",
            "cookie",
            "expect",
        ] {
            assert!(!trailers.contains(&format!("{name}:")), "{name} came through as a trailer: {trailers}");
        }
    }
}

/// S16.
#[test]
fn upgrade_to_h2c_is_ignored() {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    let cases = ["h2c", "H2C", "h2c, websocket-not"];
    each(cases.map(|value| (value, value)), |value| {
        let mut client = gateway.connect();
        client.send(format!(
            "GET /x HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {value}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
        ));
        let response = client.receive();
        assert_eq!(response.status, 200);
        assert_eq!(response.text(), "/x");
        let received = origin.one();
        for name in ["upgrade", "http2-settings"] {
            assert_eq!(received.values(name), Vec::<String>::new(), "{name}");
        }
        assert!(!received.values("connection").iter().any(|value| value.to_ascii_lowercase().contains("upgrade")));
        still_http(&mut client);
        origin.take();
    });
}

fn still_http(client: &mut Client) {
    client.send("GET /again HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert_eq!(client.receive().text(), "/again");
}

/// What is unusual and still lawful goes through: strictness must not cost anyone their traffic.
#[test]
fn lawful_requests_are_served() {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    let cases: [&[u8]; 12] = [
        b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost:a.test\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \t a.test \t \r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: A.TEST:80\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
        b"\r\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
        b"M-SEARCH / HTTP/1.1\r\nHost: a.test\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: a.test\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.test\r\nX-Empty:\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.test\r\nX-Text: caf\xe9 \xc3\xa9 \t tab\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.test\r\n!#$%&'*+-.^`|~09az: x\r\n\r\n",
    ];
    each(cases.map(|request| (shown(request), request)), |request| {
        for delivery in Delivery::ALL {
            let mut client = gateway.connect();
            delivery.send(&mut client, request);
            assert_eq!(client.receive().status, 200, "{delivery:?}");
            origin.one();
        }
    });
}
