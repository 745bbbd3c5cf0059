//! HARDENING D1-D3 and D5: what one client may cost, in time, bytes and work.

use std::{
    sync::{Mutex, mpsc},
    time::{Duration, Instant},
};

use gatewright_core::{
    filter::{Filter, mirror::Mirror},
    plan::{BackendId, HeaderMatch, PathMatch, Pattern, Refusal, Retry, StringMatch, Target},
};

use crate::harness::{Answer, Client, Gateway, Origin, PATIENCE, each, forward, prefix, refuse, rule, serves_on};

/// A deadline that a test can afford to wait out.
const SHORT: Duration = Duration::from_millis(400);
/// How often a dripping client sends a byte.
const DRIP: Duration = Duration::from_millis(20);

/// Sends a byte at a time, endlessly, until the gateway answers or closes; returns what it said.
fn drip(client: &mut Client, bytes: &[u8]) -> String {
    use std::io::Read;
    client.stream.set_read_timeout(Some(DRIP)).expect("a connected socket takes options");
    let begun = Instant::now();
    let mut heard = Vec::new();
    for byte in bytes.iter().cycle() {
        assert!(begun.elapsed() < PATIENCE, "the gateway listens forever");
        client.send([*byte]);
        let mut buffer = [0; 4096];
        match client.stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => heard.extend_from_slice(&buffer[..count]),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&heard).into_owned()
}

/// 408 with close, or close alone.
fn is_timeout(heard: &str) -> bool {
    heard.is_empty() || heard.starts_with("HTTP/1.1 408 ") && heard.matches("HTTP/1.").count() == 1
}

/// D1: the deadline is of the whole head, however it drips.
#[test]
fn dripping_head_is_cut_off() {
    let origin = Origin::start();
    let gateway = Gateway::builder().limits(|limits| limits.head_timeout = SHORT).forward("", &origin).start();
    let beginnings = [
        ("a field", "GET / HTTP/1.1\r\nHost: a.test\r\nX: ", "x"),
        ("fields", "GET / HTTP/1.1\r\nHost: a.test\r\n", "X: y\r\n"),
        ("the target", "GET /", "x"),
        ("the method", "", "G"),
        ("empty lines", "", "\r\n"),
    ];
    each(beginnings.map(|(name, begun, rest)| (name, (begun, rest))), |(begun, rest)| {
        let mut client = gateway.connect();
        client.send(begun);
        let heard = drip(&mut client, rest.as_bytes());
        assert!(is_timeout(&heard) || (rest == &"\r\n" && heard.starts_with("HTTP/1.1 400 ")), "{heard}");
        serves_on(&gateway, &origin);
    });
}

/// D1: also the head of a later request.
#[test]
fn head_that_stops_is_cut_off() {
    let origin = Origin::start();
    let gateway = Gateway::builder().limits(|limits| limits.head_timeout = SHORT).forward("", &origin).start();
    let mut client = gateway.connect();
    client.send("GET /first HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert_eq!(client.receive().text(), "/first");
    client.send("GET /second HTTP/1.1\r\nHost: a.");
    assert!(is_timeout(&String::from_utf8_lossy(&client.read_to_end())));
    origin.take();
    serves_on(&gateway, &origin);
}

/// D1: a client that says nothing is not kept for ever, before or after a request.
#[test]
fn silent_client_is_let_go() {
    let origin = Origin::start();
    let gateway = Gateway::builder()
        .limits(|limits| {
            limits.idle_timeout = SHORT;
            limits.first_request_timeout = SHORT;
        })
        .forward("", &origin)
        .start();
    let mut silent = gateway.connect();
    assert!(is_timeout(&String::from_utf8_lossy(&silent.read_to_end())));
    let mut idle = gateway.connect();
    idle.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert_eq!(idle.receive().status, 200);
    assert_eq!(idle.read_to_end(), b"", "an idle connection closes without a word");
}

/// D1: bytes that come too slowly are as bad as none.
#[test]
fn dripping_body_is_cut_off() {
    let origin = Origin::start();
    let gateway = Gateway::builder().limits(|limits| limits.body_grace = SHORT).forward("", &origin).start();
    let heads = [
        ("with a length", "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\n", "x"),
        ("in chunks", "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
    ];
    for (count, (name, head, body)) in heads.into_iter().enumerate() {
        let mut client = gateway.connect();
        client.send(head);
        let heard = drip(&mut client, body.as_bytes());
        assert!(is_timeout(&heard), "{name}: {heard}");
        origin.wait_for_closed(count + 1);
    }
    assert!(origin.take().is_empty(), "a body that was cut off reached the origin as a whole one");
}

/// D1: a body at a decent rate outlives the grace.
#[test]
fn steady_body_is_served() {
    let origin = Origin::start();
    let gateway = Gateway::builder()
        .limits(|limits| {
            limits.body_grace = Duration::from_millis(100);
            limits.body_rate_min = 1024;
        })
        .forward("", &origin)
        .start();
    let mut client = gateway.connect();
    client.send("POST /steady HTTP/1.1\r\nHost: a.test\r\nContent-Length: 40000\r\n\r\n");
    for _ in 0..40 {
        client.send([b'x'; 1000]);
        std::thread::sleep(DRIP / 2);
    }
    assert_eq!(client.receive().text(), "/steady");
    assert_eq!(origin.one().body.len(), 40_000);
}

/// D1: a client that does not read holds nothing for ever.
#[test]
fn client_that_does_not_read_is_let_go() {
    let origin = Origin::answering(|_| {
        Answer::raw(format!("HTTP/1.1 200 OK\r\nContent-Length: 64000000\r\n\r\n{}", "x".repeat(64_000_000)))
    });
    let gateway = Gateway::builder().limits(|limits| limits.client_stall_timeout = SHORT).forward("", &origin).start();
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    origin.wait_for_closed(1);
    let received = client.read_to_end().len();
    assert!(received < 64_000_000, "the whole response was held for a client that did not read");
}

/// The gateway's own patience with a backend that says nothing.
#[test]
fn silent_backend_becomes_504() {
    let origin = Origin::answering(|_| Answer::silence());
    let by_progress = Gateway::builder().limits(|limits| limits.progress_timeout = SHORT).forward("", &origin).start();
    let mut timed = rule(prefix("/"), [forward("origin")]);
    timed.timeouts.request = Some(SHORT);
    let by_route = Gateway::builder().backend("origin", &origin).rules("", vec![timed]).start();
    let mut timed = rule(prefix("/"), [forward("origin")]);
    timed.timeouts.backend_request = Some(SHORT);
    let by_try = Gateway::builder().backend("origin", &origin).rules("", vec![timed]).start();
    let gateways = [("progress", by_progress), ("route", by_route), ("try", by_try)];
    for (count, (name, gateway)) in gateways.into_iter().enumerate() {
        let mut client = gateway.connect();
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
        assert_eq!(client.receive().status, 504, "{name}");
        origin.wait_for_closed(count + 1);
    }
}

/// A client that gives up takes its request with it.
#[test]
fn request_of_a_client_that_left_is_cancelled() {
    let (arrived, seen) = mpsc::channel();
    let arrived = Mutex::new(arrived);
    let origin = Origin::answering(move |_| {
        let _ = arrived.lock().expect("no holder panics").send(());
        Answer::silence()
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    seen.recv_timeout(PATIENCE).expect("the request arrives");
    drop(client);
    origin.wait_for_closed(1);
}

/// D2.
#[test]
fn target_over_the_limit_becomes_414() {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    let path = |length: usize| format!("/{}", "x".repeat(length - 1));
    let cases = [
        ("one byte", format!("GET {} HTTP/1.1\r\nHost: a.test\r\n\r\n", path(8193))),
        ("a query", format!("GET /?{} HTTP/1.1\r\nHost: a.test\r\n\r\n", path(8193))),
        ("without end", format!("GET {}", path(100_000))),
    ];
    each(cases, |request| refuse(&gateway, &origin, &[414], request.as_bytes()));
    let mut client = gateway.connect();
    client.send(format!("GET {} HTTP/1.1\r\nHost: a.test\r\n\r\n", path(8192)));
    assert_eq!(client.receive().status, 200, "a target at the limit");
}

/// D2.
#[test]
fn head_over_the_limit_becomes_431() {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    let field = |length: usize| format!("X: {}\r\n", "x".repeat(length));
    let cases = [
        ("one field", format!("GET / HTTP/1.1\r\nHost: a.test\r\n{}\r\n", field(33_000))),
        ("some fields", format!("GET / HTTP/1.1\r\nHost: a.test\r\n{}\r\n", field(4000).repeat(9))),
        ("without end", format!("GET / HTTP/1.1\r\nHost: a.test\r\nX: {}", "x".repeat(100_000))),
        ("a name without end", format!("GET / HTTP/1.1\r\nHost: a.test\r\n{}", "x".repeat(100_000))),
        ("101 fields", format!("GET / HTTP/1.1\r\nHost: a.test\r\n{}\r\n", "X: y\r\n".repeat(100))),
        ("fields without end", format!("GET / HTTP/1.1\r\nHost: a.test\r\n{}", "X: y\r\n".repeat(5000))),
    ];
    each(cases, |request| refuse(&gateway, &origin, &[431], request.as_bytes()));
    for request in [
        format!("GET / HTTP/1.1\r\nHost: a.test\r\n{}\r\n", "X: y\r\n".repeat(99)),
        format!("GET / HTTP/1.1\r\nHost: a.test\r\n{}\r\n", field(4000).repeat(8)),
    ] {
        let mut client = gateway.connect();
        client.send(request);
        assert_eq!(client.receive().status, 200, "a head at the limit");
    }
}

/// D2: a trailer section is a head too.
#[test]
fn trailers_over_the_limit_are_refused() {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    let head = "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n";
    let cases = [
        ("33 fields", format!("{head}{}\r\n", "X: y\r\n".repeat(33))),
        ("bytes", format!("{head}X: {}\r\n\r\n", "x".repeat(9000))),
        ("without end", format!("{head}X: {}", "x".repeat(100_000))),
    ];
    each(cases, |request| refuse(&gateway, &origin, &[400, 431], request.as_bytes()));
}

/// D3: a streamed body has no limit; one that must be held for a retry or a mirror is held up to a bound and is
/// either forwarded whole or refused with 413.
#[test]
fn long_body_is_whole_or_refused() {
    let origin = Origin::start();
    let shadow = Origin::start();
    let plain = rule(prefix("/plain"), [forward("origin")]);
    let mut retried = rule(prefix("/retried"), [forward("origin")]);
    retried.retry = Some(Box::new(Retry { codes: vec![500], attempts: 1, backoff: Duration::from_millis(1) }));
    let mut mirrored = rule(prefix("/mirrored"), [forward("origin")]);
    mirrored.filters.push(Filter::Mirror(Mirror { backend: BackendId::new("shadow"), numerator: 1, denominator: 1 }));
    let gateway = Gateway::builder()
        .backend("origin", &origin)
        .backend("shadow", &shadow)
        .rules("", vec![plain, retried, mirrored])
        .start();
    let body = "0123456789abcdef".repeat(200_000);
    each(["/plain", "/retried", "/mirrored"].map(|path| (path, path)), |path| {
        let mut client = gateway.connect();
        client.send(format!("POST {path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        match client.receive().status {
            200 => assert!(origin.one().body == body.as_bytes(), "not the body that was sent"),
            413 if *path != "/plain" => assert!(origin.take().is_empty()),
            status => panic!("got {status}"),
        }
    });
    assert!(shadow.take().iter().all(|request| request.body == body.as_bytes()), "the mirror got another body");
}

/// D5: time is linear in the input, and a program that is too large is never admitted.
#[test]
fn regular_expressions_are_linear() {
    let origin = Origin::start();
    let patterns = ["/(a+)+$", "/(a|a)*b", "/(.*)(.*)(.*)(.*)(.*)[^a]"];
    let mut rules: Vec<_> = patterns
        .iter()
        .map(|pattern| {
            rule(
                PathMatch::Regex(Pattern::new(pattern).expect("a small pattern")),
                [Target::Refused(Refusal::Unavailable)],
            )
        })
        .collect();
    rules.push(rule(prefix("/"), [forward("origin")]));
    let gateway = Gateway::builder().backend("origin", &origin).rules("", rules).start();
    let mut client = gateway.connect();
    let begun = Instant::now();
    for _ in 0..20 {
        client.send(format!("GET /{}! HTTP/1.1\r\nHost: a.test\r\n\r\n", "a".repeat(8000)));
        let status = client.receive().status;
        assert!(matches!(status, 200 | 503), "got {status}");
    }
    assert!(begun.elapsed() < PATIENCE, "twenty matches took {:?}", begun.elapsed());

    for pattern in ["(?:a{1000}){1000}", "(?:(?:x{100}){100}){100}", "[a-z]{100000}"] {
        assert!(Pattern::new(pattern).is_err(), "{pattern} was admitted");
    }
}

/// D5: bytes beyond ASCII neither slip past a guard nor through one.
#[test]
fn header_matches_see_every_byte() {
    let origin = Origin::start();
    let matching = |pattern: &str, target: Target| {
        let mut guard = rule(prefix("/"), [target]);
        let value = StringMatch::Regex(Pattern::new(pattern).expect("a small pattern"));
        guard.matches[0].headers.push(HeaderMatch { name: "x-role".into(), value });
        guard
    };
    let gateway = Gateway::builder()
        .backend("origin", &origin)
        .rules(
            "",
            vec![matching(".*evil.*", Target::Refused(Refusal::Unavailable)), matching("[a-z]+", forward("origin"))],
        )
        .start();
    let cases: [(&[u8], u16); 7] = [
        (b"good", 200),
        (b"evil", 503),
        (b"\xffevil", 503),
        (b"\xc3\xa9 evil \xe9", 503),
        (b"good\xe9", 404),
        (b"\xe9", 404),
        (b"good\xc3\xa9", 404),
    ];
    each(cases.map(|case| (case.0.escape_ascii().to_string(), case)), |(value, status)| {
        let mut client = gateway.connect();
        client.send([b"GET / HTTP/1.1\r\nHost: a.test\r\nX-Role: ".as_slice(), value, b"\r\n\r\n"].concat());
        assert_eq!(client.receive().status, *status);
    });
}

/// Connections over the limit are closed at once, and those within it are served on.
#[test]
fn connections_over_the_limit_are_closed() {
    let origin = Origin::start();
    let gateway = Gateway::builder().limits(|limits| limits.connections_max = 3).forward("", &origin).start();
    let get = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
    let mut clients: Vec<_> = (0..3).map(|_| gateway.connect()).collect();
    for client in &mut clients {
        client.send(get);
        assert_eq!(client.receive().status, 200);
    }
    for _ in 0..5 {
        let mut late = gateway.connect();
        late.send(get);
        assert_eq!(late.read_to_end(), b"");
    }
    for client in &mut clients {
        client.send(get);
        assert_eq!(client.receive().status, 200);
    }
    assert_eq!(origin.take().len(), 6);
    // A place that is given back is taken again; the gateway hears of it when it hears of it.
    drop(clients.pop());
    let begun = Instant::now();
    loop {
        let mut next = gateway.connect();
        next.send(get);
        if next.try_receive("GET").is_ok_and(|answer| answer.status == 200) {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "the place is never given back");
    }
}

/// A connection ends after so many requests, and says so with the last answer.
#[test]
fn connection_ends_after_its_requests() {
    let origin = Origin::start();
    let gateway = Gateway::builder().limits(|limits| limits.connection_requests_max = 3).forward("", &origin).start();
    let mut client = gateway.connect();
    for nth in 1..=3 {
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
        let answer = client.receive();
        assert_eq!((answer.status, answer.closes()), (200, nth == 3));
    }
    assert_eq!(client.read_to_end(), b"");
    assert_eq!(origin.take().len(), 3);
}
