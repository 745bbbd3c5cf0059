//! HARDENING S18 and S19 for backends that speak HTTP/2, and what passes between the two versions.

use gatewright_core::plan::BackendProtocol;

use crate::harness::{
    Answer, Arrived, Client, Gateway, H2Origin, Origin, each, forward,
    h2::{Connection, DATA, Frame, GOAWAY, HEADERS, Outcome, RST_STREAM, request},
    prefix, rule,
};

fn gateway(origin: &H2Origin) -> Gateway {
    let to_origin = rule(prefix("/"), [forward("origin")]);
    Gateway::builder().endpoint("origin", BackendProtocol::Http2, &[origin.address]).rules("", vec![to_origin]).start()
}

fn get(client: &mut Client, target: &str) {
    client.send(format!("GET {target} HTTP/1.1\r\nHost: a.test\r\n\r\n"));
}

fn respond(fields: &[(&str, &str)], end: bool) -> Frame {
    Frame::headers(0, end, fields.iter().copied())
}

fn path(arrived: &Arrived) -> &str {
    arrived.value(":path").unwrap_or_default()
}

/// S18 and S19: a malformed response becomes 502, and the next request is served.
#[test]
fn malformed_response_becomes_502() {
    const GOOD: &[(&str, &str)] = &[(":status", "200"), ("content-length", "4")];
    let cases: [(&str, Vec<Frame>); 13] = [
        ("CR LF in a value", vec![respond(&[(":status", "200"), ("x", "a\r\nset-cookie: evil")], true)]),
        ("LF in a value", vec![respond(&[(":status", "200"), ("location", "/\nset-cookie: evil")], true)]),
        ("NUL in a value", vec![respond(&[(":status", "200"), ("x", "evil\0")], true)]),
        ("upper case", vec![respond(&[(":status", "200"), ("X-Evil", "evil")], true)]),
        ("a space in a name", vec![respond(&[(":status", "200"), ("x evil", "evil")], true)]),
        ("a colon in a name", vec![respond(&[(":status", "200"), ("x:evil", "evil")], true)]),
        ("white space at an edge", vec![respond(&[(":status", "200"), ("x", " evil")], true)]),
        ("connection", vec![respond(&[(":status", "200"), ("connection", "evil")], true)]),
        ("transfer-encoding", vec![respond(&[(":status", "200"), ("transfer-encoding", "chunked")], true)]),
        ("upgrade", vec![respond(&[(":status", "200"), ("upgrade", "evil")], true)]),
        ("no status", vec![respond(&[("x", "evil")], true)]),
        ("a status of letters", vec![respond(&[(":status", "evil")], true)]),
        ("101", vec![respond(&[(":status", "101")], false), respond(GOOD, false), Frame::data(0, true, "evil")]),
    ];
    each(cases, |frames| {
        let frames = frames.clone();
        let origin = H2Origin::start(&[], move |arrived| match (arrived.frame.kind, path(arrived)) {
            (HEADERS, "/first") => frames.clone(),
            (HEADERS, _) => vec![respond(GOOD, false), Frame::data(0, true, "good")],
            _ => Vec::new(),
        });
        let gateway = gateway(&origin);
        let mut client = gateway.connect();
        get(&mut client, "/first");
        let response = client.receive();
        assert_eq!(response.status, 502, "{}", response.head);
        assert!(!response.head.contains("evil") && !response.text().contains("evil"), "{}", response.head);
        get(&mut client, "/second");
        assert_eq!(client.receive().text(), "good");
    });
}

/// R3: interim responses without end are given up, and the connection's next request is served.
#[test]
fn interim_responses_without_end_become_502() {
    let origin = H2Origin::start(&[], |arrived| match (arrived.frame.kind, path(arrived)) {
        (HEADERS, "/endless") => vec![respond(&[(":status", "103"), ("link", "</a>")], false); 1000],
        (HEADERS, _) => vec![respond(&[(":status", "200")], false), Frame::data(0, true, "good")],
        _ => Vec::new(),
    });
    let gateway = gateway(&origin);
    let mut client = gateway.connect();
    get(&mut client, "/endless");
    let response = client.receive();
    assert_eq!((response.status, response.interim.len()), (502, 16));
    get(&mut client, "/next");
    assert_eq!(client.receive().text(), "good");
}

/// S19: a body that is not what its length said is seen to be wrong.
#[test]
fn broken_body_is_never_passed_off_as_whole() {
    let head = |length: &'static str| respond(&[(":status", "200"), ("content-length", length)], false);
    let cases = [
        ("too short", vec![head("10"), Frame::data(0, true, "hello")]),
        ("too long", vec![head("3"), Frame::data(0, true, "hello")]),
        ("reset", vec![head("10"), Frame::data(0, false, "hello"), Frame::reset(0, 2)]),
        (
            "reset without a length",
            vec![respond(&[(":status", "200")], false), Frame::data(0, false, "hello"), Frame::reset(0, 2)],
        ),
        ("nothing", vec![respond(&[(":status", "200"), ("content-length", "10")], true)]),
        (
            "two lengths",
            vec![
                respond(&[(":status", "200"), ("content-length", "5"), ("content-length", "5")], false),
                Frame::data(0, true, "hello"),
            ],
        ),
        ("no number", vec![head("+5"), Frame::data(0, true, "hello")]),
    ];
    each(cases, |frames| {
        let frames = frames.clone();
        let origin = H2Origin::start(
            &[],
            move |arrived| if arrived.frame.kind == HEADERS { frames.clone() } else { Vec::new() },
        );
        let gateway = gateway(&origin);
        let mut client = gateway.connect();
        get(&mut client, "/");
        match client.try_receive("GET") {
            Ok(response) => {
                assert_eq!(response.status, 502, "passed off as whole: {} {}", response.head, response.text());
            }
            Err(_cut_short) => {}
        }
        // A client of HTTP/2 is told by a reset.
        let mut connection = Connection::connect(gateway.address, &[]);
        connection.get(1, "/");
        let outcome = connection.outcome(1);
        assert!(matches!(outcome, Outcome::Reset(_)) || outcome.status() == Some(502), "{outcome:?}");
    });
}

/// What was never processed may be tried again, and is; a GET is served in spite of it.
#[test]
fn refused_stream_is_tried_again() {
    let refusals: [(&str, Frame); 2] =
        [("REFUSED_STREAM", Frame::reset(0, 7)), ("GOAWAY", Frame::new(GOAWAY, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]))];
    each(refusals, |refusal| {
        let first = std::sync::atomic::AtomicBool::new(true);
        let refusal = refusal.clone();
        let origin = H2Origin::start(&[], move |arrived| match arrived.frame.kind {
            HEADERS if first.swap(false, std::sync::atomic::Ordering::Relaxed) => vec![refusal.clone()],
            HEADERS => vec![respond(&[(":status", "200")], false), Frame::data(0, true, "again")],
            _ => Vec::new(),
        });
        let gateway = gateway(&origin);
        let mut client = gateway.connect();
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n");
        let response = client.receive();
        assert_eq!((response.status, response.text().as_str()), (200, "again"));
    });
}

/// A backend that resets after it may have acted is not asked twice.
#[test]
fn reset_stream_is_not_tried_again() {
    let origin =
        H2Origin::start(
            &[],
            |arrived| if arrived.frame.kind == HEADERS { vec![Frame::reset(0, 2)] } else { Vec::new() },
        );
    let gateway = gateway(&origin);
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(client.receive().status, 502);
    assert_eq!(origin.take().iter().filter(|arrived| arrived.frame.kind == HEADERS).count(), 1);
}

/// A request goes from HTTP/1.1 to HTTP/2 with nothing of the old connection in it.
#[test]
fn request_of_http_1_is_translated() {
    let origin = H2Origin::start(&[], |arrived| match arrived.frame.ends_stream() {
        true => vec![respond(&[(":status", "200"), ("x-two", "2")], false), Frame::data(0, true, "ok")],
        false => Vec::new(),
    });
    let gateway = gateway(&origin);
    let mut client = gateway.connect();
    client.send(
        "PUT /a/../b?c HTTP/1.1\r\nHost: a.test:80\r\nConnection: keep-alive, X-Hop\r\nX-Hop: evil\r\nKeep-Alive: 5\r\nX-UPPER: Case\r\n\
         Cookie: a=1; b=2\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\nHost: evil\r\n\r\n",
    );
    let response = client.receive();
    assert_eq!((response.status, response.values("x-two"), response.text().as_str()), (200, vec!["2"], "ok"));
    let head = origin.wait(|arrived| arrived.frame.kind == HEADERS);
    assert_eq!(
        [":method", ":scheme", ":authority", ":path"].map(|name| head.value(name).unwrap_or_default()),
        ["PUT", "http", "a.test:80", "/b?c"]
    );
    assert_eq!(head.value("x-upper"), Some("Case"));
    assert_eq!(head.value("cookie"), Some("a=1; b=2"));
    for (name, value) in &head.fields {
        let hop = ["connection", "keep-alive", "x-hop", "transfer-encoding", "host", "upgrade", "proxy-connection"];
        assert!(!hop.contains(&name.as_str()) && value != "evil", "{name}: {value}");
        assert_eq!(name.to_ascii_lowercase(), *name);
    }
    let trailers = origin.wait(|arrived| arrived.frame.kind == HEADERS);
    assert_eq!(trailers.fields, [("x-sum".to_owned(), "1".to_owned())]);
}

/// Trailers of an HTTP/1.1 backend reach clients of both versions, those that may not be trailers excepted.
#[test]
fn trailers_of_http_1_are_passed_on() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\nSet-Cookie: evil\r\n\r\n";
    let origin = Origin::answering(move |_| Answer::raw(answer));
    let gateway = Gateway::to(&origin);
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\nTE: trailers\r\nConnection: TE\r\n\r\n");
    let response = client.receive();
    assert_eq!(response.text(), "hello");
    assert!(response.trailers.to_ascii_lowercase().contains("x-sum: 1"), "{}", response.trailers);
    assert!(!response.trailers.to_ascii_lowercase().contains("content-length"), "{}", response.trailers);

    let mut connection = Connection::connect(gateway.address, &[]);
    connection.get(1, "/");
    let Outcome::Answered(answered) = connection.outcome(1) else { panic!("no answer") };
    assert_eq!(answered.body, b"hello");
    assert_eq!(answered.value(1, "x-sum"), Some("1"));
    assert_eq!(answered.value(1, "content-length"), None);
}

/// HEAD, 204 and 304 have no body in either version, and HEAD keeps its length.
#[test]
fn answers_without_a_body_stay_so() {
    let cases = [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "200", Some("5")),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", "204", None),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "304", Some("5")),
    ];
    each(cases.map(|case| (format!("{} {}", case.0, case.2), case)), |(method, answer, status, length)| {
        let answer = (*answer).to_owned();
        let origin = Origin::answering(move |_| Answer::raw(answer.as_str()));
        let gateway = Gateway::to(&origin);
        let mut connection = Connection::connect(gateway.address, &[]);
        connection.send(&Frame::headers(1, true, request(method, "/")));
        let Outcome::Answered(answered) = connection.outcome(1) else { panic!("no answer") };
        assert_eq!(
            (answered.value(0, ":status"), answered.value(0, "content-length"), answered.body.len()),
            (Some(*status), *length, 0)
        );
    });
}

/// A length of nothing is said once.
#[test]
fn empty_answer_has_one_length() {
    for fields in [&[(":status", "200"), ("content-length", "0")][..], &[(":status", "200")]] {
        let origin = H2Origin::start(&[], move |arrived| match arrived.frame.kind {
            HEADERS => vec![respond(fields, true)],
            _ => Vec::new(),
        });
        let gateway = gateway(&origin);
        let mut client = gateway.connect();
        for _ in 0..2 {
            get(&mut client, "/");
            let response = client.receive();
            assert_eq!((response.status, response.values("content-length")), (200, vec!["0"]), "{}", response.head);
        }
        client.send("HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n");
        assert!(client.receive_for("HEAD").values("content-length").len() <= 1);
    }
}

/// Early answers: the backend responds while the client still sends, which then stops.
#[test]
fn early_answer_stops_the_upload() {
    let origin = H2Origin::start(&[], |arrived| match arrived.frame.kind {
        HEADERS => vec![respond(&[(":status", "413")], true), Frame::reset(0, 0)],
        _ => Vec::new(),
    });
    let gateway = gateway(&origin);
    let mut connection = Connection::connect(gateway.address, &[]);
    connection.send_all(&[Frame::headers(1, false, request("POST", "/")), Frame::data(1, false, "x".repeat(10_000))]);
    assert_eq!(connection.outcome(1).status(), Some(413));
    let told =
        std::iter::from_fn(|| connection.next_within(crate::harness::PATIENCE)).find(|frame| frame.kind == RST_STREAM);
    assert_eq!(
        told.map(|frame| (frame.stream, frame.code())),
        Some((1, 0)),
        "NO_ERROR: the client may stop (RFC 9113 8.1)"
    );
    assert!(origin.take().iter().filter(|arrived| arrived.frame.kind == DATA).count() < 10);
}
