//! HARDENING R1 and GEP-1731: what is tried again, where, and what the backends see of it.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use gatewright_core::plan::{BackendProtocol, Retry, RouteKind, Rule};

use crate::harness::{
    Answer, Gateway, H2Origin, Origin, PATIENCE, forward,
    h2::{Connection, Frame, HEADERS, Outcome, request},
    prefix, rule,
};

fn retrying(codes: &[u16], attempts: u32) -> Rule {
    let retry = Retry { codes: codes.to_vec(), attempts, backoff: Duration::from_millis(5) };
    Rule { retry: Some(Box::new(retry)), ..rule(prefix("/"), [forward("origin")]) }
}

/// An address where nobody listens.
fn refusing() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
    listener.local_addr().expect("a bound socket has an address")
}

/// An origin that fails with `status` so many times, then answers.
fn failing(status: u16, times: usize) -> Origin {
    let seen = AtomicUsize::new(0);
    Origin::answering(move |_| match seen.fetch_add(1, Ordering::Relaxed) {
        nth if nth < times => Answer::raw(format!("HTTP/1.1 {status} Failed\r\nContent-Length: 3\r\n\r\nown")),
        _ => Answer::ok("well"),
    })
}

/// HTTPRouteRetryConnectionError: one endpoint refuses, one is well, no codes are listed.
#[test]
fn endpoint_that_refuses_costs_no_request() {
    let origin = Origin::start();
    let gateway = Gateway::builder()
        .endpoint("origin", BackendProtocol::Http1, &[refusing(), origin.address])
        .rules("", vec![retrying(&[], 100)])
        .start();
    let begun = Instant::now();
    for _ in 0..10 {
        let mut client = gateway.connect();
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello");
        assert_eq!(client.receive().status, 200);
        assert_eq!(origin.one().body, b"hello");
    }
    assert!(begun.elapsed() < PATIENCE);
}

/// HTTPRouteRetryCodes: tries beyond the first are counted, and the last answer is the backend's own.
#[test]
fn listed_codes_are_tried_again_as_often_as_asked() {
    for (codes, attempts, status, times, expected, seen) in [
        (&[500][..], 3, 500, 2, 200, 3),
        (&[500], 3, 500, 4, 500, 4),
        (&[500], 3, 503, 1, 503, 1),
        (&[500, 502, 503, 504], 2, 502, 1, 200, 2),
        (&[500, 502, 503, 504], 2, 504, 3, 504, 3),
        (&[500], 0, 500, 1, 500, 1),
    ] {
        let origin = failing(status, times);
        let gateway = Gateway::builder().backend("origin", &origin).rules("", vec![retrying(codes, attempts)]).start();
        let mut client = gateway.connect();
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
        let answer = client.receive();
        assert_eq!((answer.status, origin.take().len()), (expected, seen), "{codes:?} {attempts} {status} {times}");
        assert_eq!(answer.text(), if expected == 200 { "well" } else { "own" });
    }
}

/// A request is sent again whole, its trailers too, from one version to the other.
#[test]
fn body_and_trailers_are_repeated() {
    let origin = failing(500, 1);
    let gateway = Gateway::builder().backend("origin", &origin).rules("", vec![retrying(&[500], 1)]).start();
    let mut connection = Connection::connect(gateway.address, &[]);
    connection.send_all(&[
        Frame::headers(1, false, request("POST", "/")),
        Frame::data(1, false, "hello"),
        Frame::headers(1, true, [("x-sum", "1")]),
    ]);
    assert_eq!(connection.outcome(1).status(), Some(200));
    let seen = origin.take();
    assert_eq!(seen.len(), 2);
    for request in seen {
        assert_eq!(request.body, b"hello");
        assert_eq!(String::from_utf8_lossy(&request.trailers), "x-sum: 1\r\n");
    }
}

/// GEP-1731: a call that its backend did not begin on is tried again, whatever codes are listed.
#[test]
fn call_that_was_not_begun_is_tried_again() {
    let refused = [
        (
            "UNAVAILABLE",
            Frame::headers(0, true, [(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "14")]),
        ),
        ("REFUSED_STREAM", Frame::reset(0, 7)),
    ];
    for (name, refusal) in refused {
        let calls = AtomicUsize::new(0);
        let origin = H2Origin::start(&[], move |arrived| {
            if !arrived.frame.ends_stream() {
                return Vec::new();
            }
            if calls.fetch_add(1, Ordering::Relaxed) == 0 {
                return vec![refusal.clone()];
            }
            let head = [(":status", "200"), ("content-type", "application/grpc")];
            vec![Frame::headers(0, false, head), Frame::headers(0, true, [("grpc-status", "0")])]
        });
        let gateway = Gateway::builder()
            .endpoint("origin", BackendProtocol::Http2, &[origin.address])
            .route(RouteKind::Http, "", vec![retrying(&[], 1)])
            .start();
        let mut connection = Connection::connect(gateway.address, &[]);
        let mut call = request("POST", "/s/m");
        call.extend([("content-type", "application/grpc"), ("te", "trailers")]);
        connection.send_all(&[Frame::headers(1, false, call), Frame::data(1, true, b"\0\0\0\0\x05hello".as_slice())]);
        let Outcome::Answered(answered) = connection.outcome(1) else { panic!("{name}: no answer") };
        assert_eq!(answered.value(1, "grpc-status"), Some("0"), "{name}");
        let heads = origin.take().iter().filter(|arrived| arrived.frame.kind == HEADERS).count();
        assert_eq!(heads, 2, "{name}");
    }
}

/// HTTPRouteRetryWithRequestTimeout: the request's time is one for all tries.
#[test]
fn tries_share_the_requests_time() {
    let origin = Origin::answering(|_| {
        std::thread::sleep(Duration::from_millis(300));
        Answer::raw("HTTP/1.1 500 Failed\r\nContent-Length: 0\r\n\r\n")
    });
    let mut rule = retrying(&[500], 10);
    rule.timeouts.request = Some(Duration::from_millis(500));
    let gateway = Gateway::builder().backend("origin", &origin).rules("", vec![rule]).start();
    let begun = Instant::now();
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert_eq!(client.receive().status, 504);
    assert!(begun.elapsed() >= Duration::from_millis(500), "after {:?}", begun.elapsed());
}
