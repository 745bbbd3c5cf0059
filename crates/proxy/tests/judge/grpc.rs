//! HARDENING G1: gRPC's own words survive the gateway, and the gateway speaks them. Real clients judge in
//! `conformance/grpc`; these cases are what those cannot send or see.

use std::time::Duration;

use gatewright_core::plan::{BackendProtocol, Refusal, Retry, RouteKind, Rule, Target};

use crate::harness::{
    Arrived, Gateway, H2Origin, each, forward,
    h2::{CANCEL, Connection, DATA, Frame, HEADERS, Outcome, RST_STREAM},
    prefix, rule,
};

/// The head of a call.
fn call<'a>(path: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "a.test"),
        (":path", path),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    fields.extend_from_slice(more);
    fields
}

/// A message of five bytes, in gRPC's framing.
const MESSAGE: &[u8] = b"\0\0\0\0\x05hello";

/// A gateway whose gRPC routes go to `origin`.
fn gateway(origin: &H2Origin, rules: Vec<Rule>) -> Gateway {
    Gateway::builder()
        .endpoint("origin", BackendProtocol::Http2, &[origin.address])
        .route(RouteKind::Grpc, "", rules)
        .start()
}

fn to_origin() -> Rule {
    rule(prefix("/"), [forward("origin")])
}

/// The end of a request, however its body came.
fn ends(arrived: &Arrived) -> bool {
    arrived.frame.ends_stream()
}

fn respond(fields: &[(&str, &str)], end: bool) -> Frame {
    Frame::headers(0, end, fields.iter().copied())
}

const OK: &[(&str, &str)] = &[(":status", "200"), ("content-type", "application/grpc")];

#[test]
fn trailers_are_intact() {
    let origin = H2Origin::start(&[], |arrived| match ends(arrived) {
        true => vec![
            respond(OK, false),
            Frame::data(0, false, MESSAGE),
            respond(&[("grpc-status", "0"), ("grpc-message", "caf%C3%A9"), ("x-bin", "AAEC")], true),
        ],
        false => Vec::new(),
    });
    let gateway = gateway(&origin, vec![to_origin()]);
    let mut connection = Connection::connect(gateway.address, &[]);
    connection.send_all(&[
        Frame::headers(
            1,
            false,
            call("/s/m", &[("grpc-timeout", "10S"), ("grpc-encoding", "identity"), ("x-bin", "AAEC")]),
        ),
        Frame::data(1, true, MESSAGE),
    ]);
    let Outcome::Answered(answered) = connection.outcome(1) else { panic!("no answer") };
    assert_eq!((answered.status(), answered.body.as_slice(), answered.blocks.len()), (200, MESSAGE, 2));
    assert_eq!(answered.value(0, "content-type"), Some("application/grpc"));
    assert_eq!(answered.value(0, "grpc-status"), None);
    assert_eq!(answered.value(1, "grpc-status"), Some("0"));
    assert_eq!(answered.value(1, "grpc-message"), Some("caf%C3%A9"));
    assert_eq!(answered.value(1, "x-bin"), Some("AAEC"));
    let head = origin.wait(|arrived| arrived.frame.kind == HEADERS);
    assert_eq!(head.value(":path"), Some("/s/m"));
    assert_eq!(head.value(":authority"), Some("a.test"));
    assert_eq!(head.value("te"), Some("trailers"));
    assert_eq!(head.value("grpc-timeout"), Some("10S"));
    assert_eq!(head.value("x-bin"), Some("AAEC"));
    assert_eq!(origin.wait(|arrived| arrived.frame.kind == DATA).frame.payload, MESSAGE);
}

#[test]
fn trailers_only_stays_so() {
    let origin = H2Origin::start(&[], |arrived| match ends(arrived) {
        true => vec![respond(
            &[(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "5"), ("grpc-message", "none")],
            true,
        )],
        false => Vec::new(),
    });
    let gateway = gateway(&origin, vec![to_origin()]);
    let mut connection = Connection::connect(gateway.address, &[]);
    connection.send_all(&[Frame::headers(1, false, call("/s/m", &[])), Frame::data(1, true, MESSAGE)]);
    let Outcome::Answered(answered) = connection.outcome(1) else { panic!("no answer") };
    assert_eq!((answered.status(), answered.blocks.len(), answered.body.len()), (200, 1, 0), "{answered:?}");
    assert_eq!(answered.value(0, "grpc-status"), Some("5"));
    assert_eq!(answered.value(0, "grpc-message"), Some("none"));
}

/// A stream passes message by message, both ways, long before either side ends.
#[test]
fn messages_pass_as_they_come() {
    let origin = H2Origin::start(&[], |arrived| match (arrived.frame.kind, ends(arrived)) {
        (HEADERS, false) => vec![respond(OK, false)],
        (DATA, end) => {
            let mut frames = vec![Frame::data(0, false, arrived.frame.payload.clone())];
            frames.extend(end.then(|| respond(&[("grpc-status", "0")], true)));
            frames
        }
        _ => Vec::new(),
    });
    let gateway = gateway(&origin, vec![to_origin()]);
    let mut connection = Connection::connect(gateway.address, &[]);
    connection.send(&Frame::headers(1, false, call("/s/m", &[])));
    for count in 1..=10 {
        connection.send(&Frame::data(1, false, MESSAGE));
        while connection.so_far(1).body.len() < count * MESSAGE.len() {
            assert!(connection.next().is_some(), "the connection ended");
        }
    }
    connection.send(&Frame::data(1, true, MESSAGE));
    let Outcome::Answered(answered) = connection.outcome(1) else { panic!("no answer") };
    assert_eq!(answered.body.len(), 11 * MESSAGE.len());
    assert_eq!(answered.value(1, "grpc-status"), Some("0"));
}

/// What the gateway answers itself is HTTP 200 and a gRPC status.
#[test]
fn errors_of_the_gateway_are_grpc_statuses() {
    let silent = H2Origin::start(&[], |_| Vec::new());
    let dead = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("loopback has free ports");
    let mut slow = rule(prefix("/slow.S"), [forward("silent")]);
    slow.timeouts.request = Some(Duration::from_millis(300));
    let rules = vec![
        slow,
        rule(prefix("/broken.S"), [Target::Refused(Refusal::Broken)]),
        rule(prefix("/unavailable.S"), [Target::Refused(Refusal::Unavailable)]),
        rule(prefix("/none.S"), []),
        rule(prefix("/dead.S"), [forward("dead")]),
        rule(prefix("/empty.S"), [forward("empty")]),
    ];
    let gateway = Gateway::builder()
        .endpoint("silent", BackendProtocol::Http2, &[silent.address])
        .endpoint("dead", BackendProtocol::Http2, &[dead])
        .endpoint("empty", BackendProtocol::Http2, &[])
        .route(RouteKind::Grpc, "", rules)
        .start();
    let cases = [
        ("/unrouted.S/m", "12"),
        ("/broken.S/m", "14"),
        ("/unavailable.S/m", "14"),
        ("/none.S/m", "14"),
        ("/dead.S/m", "14"),
        ("/empty.S/m", "14"),
        ("/slow.S/m", "4"),
    ];
    each(cases.map(|case| (case.0, case)), |(path, status)| {
        let mut connection = Connection::connect(gateway.address, &[]);
        connection.send_all(&[Frame::headers(1, false, call(path, &[])), Frame::data(1, true, MESSAGE)]);
        let Outcome::Answered(answered) = connection.outcome(1) else { panic!("no answer") };
        assert_eq!(answered.status(), 200);
        assert_eq!(answered.value(0, "content-type"), Some("application/grpc"));
        assert_eq!(answered.value(answered.blocks.len() - 1, "grpc-status"), Some(*status));
        assert_eq!(answered.body.len(), 0, "a gRPC error has no body");
    });
}

/// A client's RST_STREAM cancels the call behind the gateway.
#[test]
fn cancel_reaches_the_backend() {
    let origin =
        H2Origin::start(
            &[],
            |arrived| if arrived.frame.kind == HEADERS { vec![respond(OK, false)] } else { Vec::new() },
        );
    let gateway = gateway(&origin, vec![to_origin()]);
    let mut connection = Connection::connect(gateway.address, &[]);
    connection.send(&Frame::headers(1, false, call("/s/m", &[])));
    while connection.so_far(1).blocks.is_empty() {
        assert!(connection.next().is_some(), "the connection ended");
    }
    connection.send(&Frame::reset(1, CANCEL));
    let reset = origin.wait(|arrived| arrived.frame.kind == RST_STREAM);
    assert_eq!(reset.frame.code(), CANCEL);
}

/// A client that goes away cancels its calls too.
#[test]
fn client_gone_cancels_the_call() {
    let origin = H2Origin::start(&[], |_| Vec::new());
    let gateway = gateway(&origin, vec![to_origin()]);
    let mut connection = Connection::connect(gateway.address, &[]);
    connection.send(&Frame::headers(1, false, call("/s/m", &[])));
    origin.wait(|arrived| arrived.frame.kind == HEADERS);
    drop(connection);
    origin.wait(|arrived| arrived.frame.kind == RST_STREAM);
}

/// The backend's RST_STREAM ends the call: as a gRPC status before the response, as a reset within it.
#[test]
fn reset_of_the_backend_is_told() {
    let before = H2Origin::start(&[], |arrived| if ends(arrived) { vec![Frame::reset(0, 2)] } else { Vec::new() });
    let within = H2Origin::start(&[], |arrived| match ends(arrived) {
        true => vec![respond(OK, false), Frame::data(0, false, MESSAGE), Frame::reset(0, 2)],
        false => Vec::new(),
    });
    let gateway_before = gateway(&before, vec![to_origin()]);
    let mut connection = Connection::connect(gateway_before.address, &[]);
    connection.send_all(&[Frame::headers(1, false, call("/s/m", &[])), Frame::data(1, true, MESSAGE)]);
    let Outcome::Answered(answered) = connection.outcome(1) else { panic!("no answer") };
    assert_eq!((answered.status(), answered.value(0, "grpc-status")), (200, Some("14")));

    let gateway_within = gateway(&within, vec![to_origin()]);
    let mut connection = Connection::connect(gateway_within.address, &[]);
    connection.send_all(&[Frame::headers(1, false, call("/s/m", &[])), Frame::data(1, true, MESSAGE)]);
    match connection.outcome(1) {
        Outcome::Reset(_) => {}
        // Trailers that say so are as good.
        Outcome::Answered(answered) => {
            assert!(answered.value(1, "grpc-status").is_some_and(|status| status != "0"), "{answered:?}");
        }
        Outcome::Gone(code) => panic!("the whole connection went ({code:?})"),
    }
}

/// Nothing is tried again once a message has been seen.
#[test]
fn call_is_not_retried_after_its_first_message() {
    let origin = H2Origin::start(&[], |arrived| match ends(arrived) {
        true => vec![respond(OK, false), Frame::data(0, false, MESSAGE), Frame::reset(0, 7)],
        false => Vec::new(),
    });
    let mut retried = to_origin();
    retried.retry =
        Some(Box::new(Retry { codes: vec![500, 502, 503, 504], attempts: 3, backoff: Duration::from_millis(1) }));
    let gateway = gateway(&origin, vec![retried]);
    let mut connection = Connection::connect(gateway.address, &[]);
    connection.send_all(&[Frame::headers(1, false, call("/s/m", &[])), Frame::data(1, true, MESSAGE)]);
    connection.outcome(1);
    // A second try would have begun before the answer to a second call.
    connection.send_all(&[Frame::headers(3, false, call("/s/last", &[])), Frame::data(3, true, MESSAGE)]);
    connection.outcome(3);
    let paths: Vec<_> = origin.take().iter().filter_map(|arrived| arrived.value(":path").map(str::to_owned)).collect();
    assert_eq!(paths, ["/s/m", "/s/last"]);
}

/// S17 on the backend's side: a tunnel is never asked of a backend that has not offered it.
#[test]
fn websocket_is_never_asked_of_a_backend_without_rfc_8441() {
    let origin = H2Origin::start(&[], |_| Vec::new());
    let gateway = Gateway::builder()
        .endpoint("origin", BackendProtocol::Http2, &[origin.address])
        .rules("", vec![to_origin()])
        .start();
    let mut connection = Connection::connect(gateway.address, &[]);
    let fields = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "http"),
        (":authority", "a.test"),
        (":path", "/"),
        ("sec-websocket-version", "13"),
    ];
    connection.send(&Frame::headers(1, false, fields));
    let outcome = connection.outcome(1);
    assert!(matches!(outcome, Outcome::Reset(_)) || matches!(outcome.status(), Some(500..=599)), "{outcome:?}");
    assert!(
        !origin.take().iter().any(|arrived| arrived.value(":protocol").is_some()),
        "the tunnel was asked for all the same"
    );
}
