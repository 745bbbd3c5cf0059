//! HARDENING S15: around an upgrade, bytes belong to one protocol or the other, never to both.

use crate::harness::{Answer, Client, Delivery, Gateway, Origin, PATIENCE, each, refuse_all, shown};

const REQUEST: &str = "GET /socket HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// An origin that switches and then sends back what it gets.
fn echo() -> Origin {
    Origin::answering(|request| match request.values("upgrade").as_slice() {
        [protocol] if protocol == "websocket" => Answer::raw(SWITCH).then_echo(),
        _ => Answer::ok("no upgrade"),
    })
}

#[test]
fn bytes_before_the_101_are_held_until_it() {
    let origin = echo();
    let gateway = Gateway::to(&origin);
    for delivery in Delivery::ALL {
        let mut client = gateway.connect();
        delivery.send(&mut client, format!("{REQUEST}early").as_bytes());
        let response = client.receive();
        assert_eq!(response.status, 101, "{delivery:?}");
        assert_eq!(response.values("upgrade"), ["websocket"]);
        assert_eq!(response.values("sec-websocket-accept"), ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
        client.send(" late");
        assert_eq!(client.read_exactly(10).as_deref(), Ok(b"early late".as_slice()), "{delivery:?}");
        let request = origin.one();
        assert_eq!(request.values("sec-websocket-key"), ["dGhlIHNhbXBsZSBub25jZQ=="]);
        assert!(request.values("connection").iter().any(|value| value.eq_ignore_ascii_case("upgrade")));
    }
}

/// After the switch everything passes as it is, also what looks like HTTP.
#[test]
fn switched_connection_is_a_pipe() {
    let origin = echo();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.connect();
    client.send(REQUEST);
    assert_eq!(client.receive().status, 101);
    let bytes = b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n\0\xff\r\n".repeat(1000);
    client.send(&bytes);
    assert!(client.read_exactly(bytes.len()).is_ok_and(|echoed| echoed == bytes));
    assert_eq!(origin.take().len(), 1);
    // Half a close travels: the origin sees the end of the client's bytes, and its own still come back.
    client.send("bye");
    client.finish();
    assert_eq!(client.read_to_end(), b"bye");
    origin.wait_for_closed(1);
}

/// An upgraded connection ends with its backend's.
#[test]
fn switched_connection_closes_with_its_backend() {
    let origin = Origin::answering(|_| Answer::raw(format!("{SWITCH}bye")).then_close());
    let gateway = Gateway::to(&origin);
    let mut client = gateway.connect();
    client.send(REQUEST);
    assert_eq!(client.receive().status, 101);
    assert_eq!(client.read_to_end(), b"bye");
}

#[test]
fn upgrade_with_a_body_is_refused() {
    let head = REQUEST.strip_suffix("\r\n").expect("the empty line");
    refuse_all(
        &[400],
        [
            ("a length", format!("{head}Content-Length: 5\r\n\r\nhello").into_bytes()),
            ("chunks", format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n").into_bytes()),
        ],
    );
}

#[test]
fn refused_upgrade_is_passed_on() {
    let origin = Origin::answering(|request| match request.target().as_str() {
        "/socket" => Answer::raw("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"),
        other => Answer::ok(other),
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.connect();
    client.send(REQUEST);
    let response = client.receive();
    assert_eq!((response.status, response.text().as_str()), (403, "no"));
    if response.closes() {
        return;
    }
    client.send("GET /next HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert_eq!(client.receive().text(), "/next");
}

/// Bytes that were meant for the other protocol are no request, whatever they look like.
#[test]
fn bytes_behind_a_refused_upgrade_are_never_a_request() {
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n";
    let answers = [
        ("a length", "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"),
        ("chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n"),
        (
            "426",
            "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n",
        ),
    ];
    each(answers, |answer| {
        let answer = (*answer).to_owned();
        let origin = Origin::answering(move |request| match request.target().as_str() {
            "/socket" => Answer::raw(answer.as_str()),
            other => Answer::ok(other),
        });
        let gateway = Gateway::to(&origin);
        for delivery in Delivery::ALL {
            let mut client = gateway.connect();
            delivery.send(&mut client, format!("{REQUEST}{smuggled}").as_bytes());
            assert_ne!(client.receive().status, 101, "{delivery:?}");
            assert_eq!(shown(&client.read_to_end()), "", "{delivery:?}");
            honest(&gateway);
            let targets: Vec<_> = origin.take().iter().map(crate::harness::Received::target).collect();
            assert_eq!(targets, ["/socket", "/honest"], "{delivery:?}");
        }
    });
}

fn honest(gateway: &Gateway) {
    let mut client = gateway.connect();
    client.send("GET /honest HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert_eq!(client.receive().text(), "/honest");
}

/// A 101 to another protocol than was asked for is not the answer to this request.
#[test]
fn switch_to_another_protocol_becomes_502() {
    let answers = [
        ("another", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nevil!"),
        ("none", "HTTP/1.1 101 Switching Protocols\r\n\r\nevil!"),
    ];
    each(answers, |answer| {
        let answer = (*answer).to_owned();
        let origin = Origin::answering(move |_| Answer::raw(answer.as_str()));
        let gateway = Gateway::to(&origin);
        let mut client = gateway.connect();
        client.send(REQUEST);
        assert_eq!(client.receive().status, 502);
    });
}

/// HTTP/1.0 knows no upgrade (RFC 9110 7.8).
#[test]
fn upgrade_in_http_1_0_is_ignored() {
    let origin = echo();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.connect();
    client.send(REQUEST.replacen("HTTP/1.1", "HTTP/1.0", 1));
    assert_eq!(client.receive().text(), "no upgrade");
}

/// A client that goes away takes its upgraded backend connection with it.
#[test]
fn client_gone_closes_the_backend() {
    let origin = echo();
    let gateway = Gateway::to(&origin);
    let mut client: Client = gateway.connect();
    client.send(REQUEST);
    assert_eq!(client.receive().status, 101);
    client.stream.set_read_timeout(Some(PATIENCE)).expect("a connected socket takes options");
    drop(client);
    origin.wait_for_closed(1);
}
