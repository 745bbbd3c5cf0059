//! HARDENING S5, S18 and S19 on the backend's side: a backend that breaks the rules gets its client a 502, or a body
//! that is seen to be cut; never a second meaning, and never its connection back into the pool.

use std::sync::atomic::{AtomicBool, Ordering};

use gatewright_core::{
    filter::{Filter, redirect::Redirect, rewrite::PathRewrite},
    plan::Target,
};

use crate::harness::{Answer, Client, Gateway, Origin, each, forward, prefix, rule, shown};

/// An origin whose first answer is `answer` and whose later ones are honest, with a gateway before it.
fn misbehaving_once(answer: Answer) -> (Origin, Gateway) {
    let first = AtomicBool::new(true);
    let origin = Origin::answering(move |request| match first.swap(false, Ordering::Relaxed) {
        true => answer.clone(),
        false => Answer::ok(&request.target()),
    });
    let gateway = Gateway::to(&origin);
    (origin, gateway)
}

fn get(client: &mut Client, target: &str) {
    client.send(format!("GET {target} HTTP/1.1\r\nHost: a.test\r\n\r\n"));
}

/// The next exchange is right, and on a connection of its own.
fn serves_on_a_new_connection(gateway: &Gateway, origin: &Origin) {
    origin.wait_for_answers(1);
    let mut honest = gateway.connect();
    get(&mut honest, "/honest");
    let response = honest.receive();
    assert_eq!((response.status, response.text().as_str()), (200, "/honest"));
    let connections: Vec<_> = origin.take().iter().map(|request| request.connection).collect();
    assert_eq!(connections, [0, 1], "the misbehaving connection was used again");
}

/// Both of one piece and byte by byte, the answer becomes 502 and its connection is dropped.
fn becomes_502(answers: impl IntoIterator<Item = Vec<u8>>) {
    each(answers.into_iter().map(|bytes| (shown(&bytes[..bytes.len().min(120)]), bytes)), |bytes| {
        for answer in [Answer::raw(bytes.clone()), Answer::raw(bytes.clone()).byte_by_byte()] {
            let (origin, gateway) = misbehaving_once(answer);
            let mut client = gateway.connect();
            get(&mut client, "/first");
            let response = client.receive();
            assert_eq!(response.status, 502, "{}", response.head);
            assert!(!response.head.to_ascii_lowercase().contains("evil"), "{}", response.head);
            assert!(!shown(&response.body).contains("evil"));
            serves_on_a_new_connection(&gateway, &origin);
        }
    });
}

fn ok_with(fields: &[u8]) -> Vec<u8> {
    [b"HTTP/1.1 200 OK\r\n", fields, b"\r\n\r\nevil!"].concat()
}

/// S5.
#[test]
fn folded_field_becomes_502() {
    becomes_502([
        ok_with(b"Content-Length: 5\r\nX: evil\r\n evil"),
        ok_with(b"X:\r\n\tevil\r\nContent-Length: 5"),
        ok_with(b" X: evil\r\nContent-Length: 5"),
    ]);
}

/// S18.
#[test]
fn control_character_in_a_response_becomes_502() {
    becomes_502(
        [
            b"Content-Length: 5\r\nX: a\rSet-Cookie: evil".as_slice(),
            b"Content-Length: 5\r\nX: a\nSet-Cookie: evil",
            b"Content-Length: 5\r\nX: a\0evil",
            b"Content-Length: 5\r\nX: \x01evil",
            b"Content-Length: 5\r\nX: \x7fevil",
            b"Content-Length: 5\r\nLocation: /\r\rSet-Cookie: evil",
            b"Content-Length: 5\r\nLocation: /\0",
            b"Content-Length: 5\r\nX\0: evil",
            b"Content-Length: 5\r\nX : evil",
            b"Content-Length: 5\r\n: evil",
            b"Content-Length: 5\r\nevil",
        ]
        .map(ok_with),
    );
    becomes_502(
        [
            "HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\nevil!",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\nevil!",
            "HTTP/1.1 200 O\rK\r\nContent-Length: 5\r\n\r\nevil!",
            "HTTP/1.1 200 O\0K\r\nContent-Length: 5\r\n\r\nevil!",
        ]
        .map(|answer| answer.as_bytes().to_vec()),
    );
}

/// S18: what a client sends never becomes a field of the gateway's own making.
#[test]
fn redirect_cannot_be_split() {
    let origin = Origin::start();
    let redirect = Redirect {
        scheme: None,
        hostname: None,
        path: Some(PathRewrite::Prefix("/new".into())),
        port: None,
        status: 302,
    };
    let mut redirecting = rule(prefix("/old"), Vec::<Target>::new());
    redirecting.filters.push(Filter::Redirect(redirect));
    let gateway = Gateway::builder()
        .rules("", vec![redirecting, rule(prefix("/"), [forward("origin")])])
        .backend("origin", &origin)
        .start();
    let targets = [
        "/old/%0d%0aSet-Cookie:%20evil",
        "/old/?%0d%0aSet-Cookie:%20evil",
        "/old/%0aSet-Cookie:%20evil",
        "/old/%E5%98%8A%E5%98%8DSet-Cookie:%20evil",
        "/old/x%00y",
        "/old/?x%00y",
    ];
    each(targets.map(|target| (target, target)), |target| {
        let mut client = gateway.connect();
        get(&mut client, target);
        let response = client.receive();
        assert!(matches!(response.status, 302 | 400), "{}", response.head);
        assert_eq!(response.values("set-cookie"), Vec::<&str>::new());
        assert!(!response.head.contains('\0'));
        assert_eq!(response.values("location").len(), usize::from(response.status == 302));
    });
    // The target's own host comes back in Location: it has been checked before.
    let mut client = gateway.connect();
    client.send("GET /old/ HTTP/1.1\r\nHost: a.test\r\rSet-Cookie: evil\r\n\r\n");
    assert_eq!(client.receive().status, 400);
}

/// S19.
#[test]
fn unclear_framing_becomes_502() {
    becomes_502(
        [
            b"Content-Length: 5\r\nTransfer-Encoding: chunked".as_slice(),
            b"Transfer-Encoding: chunked\r\nContent-Length: 5",
            b"Transfer-Encoding: gzip",
            b"Transfer-Encoding: gzip, chunked",
            b"Transfer-Encoding: chunked, chunked",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            b"Transfer-Encoding: xchunked",
            b"Transfer-Encoding: identity",
            b"Transfer-Encoding:",
            b"Content-Length: +5",
            b"Content-Length: -5",
            b"Content-Length: 0x5",
            b"Content-Length: 1_0",
            b"Content-Length:",
            b"Content-Length: 5, 5",
            b"Content-Length: 5, 6",
            b"Content-Length: 5\r\nContent-Length: 5",
            b"Content-Length: 5\r\nContent-Length: 6",
            b"Content-Length: 99999999999999999999",
        ]
        .map(ok_with),
    );
    becomes_502(["HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n".into()]);
}

/// S19's relatives.
#[test]
fn malformed_status_line_becomes_502() {
    let lines = [
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 abc OK",
        "HTTP/1.1 099 OK",
        "HTTP/1.1 -20 OK",
        "HTTP/1.1  200 OK",
        "HTTP/1.1",
        "HTTP/2 200 OK",
        "ICY 200 OK",
        "200 OK",
        "<html>evil</html>",
        "http/1.1 200 OK",
    ];
    becomes_502(lines.map(|line| format!("{line}\r\nContent-Length: 5\r\n\r\nevil!").into_bytes()));
}

/// S19: an upgrade that nobody asked for, in front of what looks like an answer.
#[test]
fn unasked_101_becomes_502() {
    let smuggled = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nevil!";
    becomes_502([
        format!("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n{smuggled}")
            .into_bytes(),
        format!("HTTP/1.1 101 Switching Protocols\r\n\r\n{smuggled}").into_bytes(),
    ]);
}

/// S19: interim responses are no answer, and no end of them is no answer either.
#[test]
fn interim_responses_are_passed_or_dropped_within_bounds() {
    let (origin, gateway) = misbehaving_once(Answer::raw(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood",
    ));
    let mut client = gateway.connect();
    get(&mut client, "/first");
    let response = client.receive();
    assert_eq!((response.status, response.text().as_str()), (200, "good"));
    assert!(!response.interim.contains(&100), "the client did not ask for a 100");
    assert_eq!(origin.take().len(), 1);

    let storm = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".repeat(10_000);
    becomes_502([format!("{storm}HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nevil!").into_bytes()]);
}

/// S19: bytes behind the end of a response are nobody's.
#[test]
fn bytes_behind_a_response_are_dropped_with_their_connection() {
    let extra = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nevil!";
    let answers = [
        ("behind a length", format!("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood{extra}"), "good"),
        (
            "behind chunks",
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n{extra}"),
            "good",
        ),
        ("behind no body", format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n{extra}"), ""),
        ("behind 204", format!("HTTP/1.1 204 No Content\r\n\r\n{extra}"), ""),
        ("behind 304", format!("HTTP/1.1 304 Not Modified\r\nContent-Length: 45\r\n\r\n{extra}"), ""),
        ("in 204", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nevil!".into(), ""),
        (
            "in 204 chunks",
            "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nevil!\r\n0\r\n\r\n".into(),
            "",
        ),
        ("a line feed", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood\n".into(), "good"),
    ];
    each(answers.map(|(name, answer, body)| (name, (answer, body))), |(answer, body)| {
        for answer in [Answer::raw(answer.as_str()), Answer::raw(answer.as_str()).byte_by_byte()] {
            let (origin, gateway) = misbehaving_once(answer);
            let mut client = gateway.connect();
            get(&mut client, "/first");
            let response = client.receive();
            // A 204 with framing is not clear framing: 502 is as good.
            assert!(matches!(response.status, 200 | 204 | 304 | 502), "{}", response.head);
            if response.status != 502 {
                assert_eq!(response.text(), *body);
            }
            if matches!(response.status, 204 | 304) {
                assert_eq!(response.values("transfer-encoding"), Vec::<&str>::new(), "{}", response.head);
            }
            // What is behind the response must be there before the next request is: afterwards it is that one's answer.
            origin.wait_for_answers(1);
            if !response.closes() {
                get(&mut client, "/second");
                let second = client.receive();
                assert_eq!((second.status, second.text().as_str()), (200, "/second"));
                origin.take();
                continue;
            }
            serves_on_a_new_connection(&gateway, &origin);
        }
    });
}

/// S19: bytes on an idle connection are the answer to a request that was not sent.
#[test]
fn answer_before_its_request_is_never_used() {
    let origin = Origin::answering(|request| match request.target().as_str() {
        "/first" => Answer::raw(
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngoodHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nevil!",
        ),
        other => Answer::ok(other),
    });
    let gateway = Gateway::to(&origin);
    for _ in 0..20 {
        let mut client = gateway.connect();
        for (target, body) in [("/first", "good"), ("/second", "/second")] {
            get(&mut client, target);
            assert_eq!(client.receive().text(), body);
        }
    }
}

/// S9 and S19: a response body that breaks off is seen to break off.
#[test]
fn broken_body_is_never_passed_off_as_whole() {
    let bodies = [
        ("short of its length", "Content-Length: 10\r\n\r\nhello"),
        ("without a last chunk", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
        ("cut in a chunk", "Transfer-Encoding: chunked\r\n\r\na\r\nhello"),
        ("signed chunk size", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n+5\r\nevil!\r\n0\r\n\r\n"),
        ("no chunk size", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nevil!\r\n0\r\n\r\n"),
        ("huge chunk size", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n10000000000000005\r\nevil!\r\n0\r\n\r\n"),
        ("no line end behind a chunk", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n"),
        ("bare line feeds", "Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n"),
        ("malformed trailer", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX : evil\r\n\r\n"),
    ];
    each(bodies, |rest| {
        let bytes = format!("HTTP/1.1 200 OK\r\n{rest}");
        for answer in
            [Answer::raw(bytes.as_str()).then_close(), Answer::raw(bytes.as_str()).byte_by_byte().then_close()]
        {
            let (origin, gateway) = misbehaving_once(answer);
            let mut client = gateway.connect();
            get(&mut client, "/first");
            match client.try_receive("GET") {
                Ok(response) => {
                    assert_eq!(response.status, 502, "passed off as whole: {} {}", response.head, response.text());
                }
                Err(seen) => assert!(!shown(&seen).contains("evil"), "{}", shown(&seen)),
            }
            serves_on_a_new_connection(&gateway, &origin);
        }
    });
}

/// A backend that closes without a word has not answered.
#[test]
fn backend_that_closes_without_an_answer_becomes_502() {
    for bytes in ["", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 100 Continue\r\n\r\n"] {
        let origin = Origin::answering(move |_| Answer::raw(bytes).then_close());
        let gateway = Gateway::to(&origin);
        let mut client = gateway.connect();
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello");
        assert_eq!(client.receive().status, 502, "after {bytes:?}");
        assert_eq!(origin.take().len(), 1, "a request that may have been processed was sent again");
    }
}

/// A response head is bounded as a request's is.
#[test]
fn response_head_over_the_limit_becomes_502() {
    becomes_502([
        ok_with(format!("Content-Length: 5\r\nX: {}", "x".repeat(40 * 1024)).as_bytes()),
        ok_with(["Content-Length: 5", &"\r\nX: x".repeat(200)].concat().as_bytes()),
    ]);
}

/// Lawful responses of every framing pass, on connections that stay.
#[test]
fn lawful_responses_are_passed() {
    let cases = [
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"),
        ("GET", "HTTP/1.1 200 \r\ncontent-length:5\r\n\r\nhello", 200, "hello"),
        (
            "GET",
            "HTTP/1.1 299 Own Words\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX-Sum: 1\r\n\r\n",
            299,
            "hello",
        ),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\n", 304, ""),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, ""),
        ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, ""),
        ("GET", "HTTP/1.1 500 Sorry\r\nContent-Length: 0\r\n\r\n", 500, ""),
        ("GET", "HTTP/1.1 200 OK\r\nX-Text: caf\u{e9}\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"),
    ];
    each(cases.map(|case| (case.1.escape_debug(), case)), |(method, answer, status, body)| {
        for answer in [Answer::raw(*answer), Answer::raw(*answer).byte_by_byte()] {
            let origin = Origin::answering(move |_| answer.clone());
            let gateway = Gateway::to(&origin);
            let mut client = gateway.connect();
            for _ in 0..2 {
                client.send(format!("{method} / HTTP/1.1\r\nHost: a.test\r\n\r\n"));
                let response = client.receive_for(method);
                assert_eq!((response.status, response.text().as_str()), (*status, *body));
                if *method == "HEAD" && response.head.contains("Length") {
                    assert_eq!(response.values("content-length"), ["5"]);
                }
            }
            let connections: Vec<_> = origin.take().iter().map(|request| request.connection).collect();
            assert_eq!(connections, [0, 0], "the connection was not kept");
        }
    });
}

/// Bodies that end with the connection are whole, and their connection is not kept.
#[test]
fn response_until_close_is_whole() {
    for head in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"] {
        let (origin, gateway) = misbehaving_once(Answer::raw(format!("{head}hello")).then_close());
        let mut client = gateway.connect();
        get(&mut client, "/first");
        assert_eq!(client.receive().text(), "hello");
        serves_on_a_new_connection(&gateway, &origin);
    }
}
