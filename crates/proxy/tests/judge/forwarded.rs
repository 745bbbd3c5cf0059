//! HARDENING F1: what the gateway says about a client is the gateway's own word.

use crate::harness::{Gateway, Origin, each, refuse_all};

#[test]
fn forwarding_fields_of_the_client_are_overwritten() {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.connect();
    client.send(
        "GET / HTTP/1.1\r\nHost: a.test:8080\r\nX-Forwarded-For: 6.6.6.6\r\nx-forwarded-for: 7.7.7.7\r\nX-FORWARDED-PROTO: https\r\n\
         X-Forwarded-Host: evil.test\r\nForwarded: for=6.6.6.6;host=evil.test;proto=https\r\nforwarded: for=7.7.7.7\r\n\r\n",
    );
    assert_eq!(client.receive().status, 200);
    let received = origin.one();
    assert_eq!(received.values("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(received.values("x-forwarded-proto"), ["http"]);
    assert_eq!(received.values("x-forwarded-host"), ["a.test:8080"]);
    assert!(
        received
            .values("forwarded")
            .iter()
            .all(|value| !value.contains("6.6.6.6") && !value.contains("7.7.7.7") && !value.contains("evil"))
    );
}

/// A name with `_` is to many backends the same as one with `-`, so it is no way around the rest.
#[test]
fn underscore_in_a_name_is_refused() {
    let names = ["X_Forwarded_For", "x_forwarded-for", "Content_Length", "Transfer_Encoding", "_", "X_Own"];
    refuse_all(
        &[400],
        names.map(|name| (name, format!("GET / HTTP/1.1\r\nHost: a.test\r\n{name}: 6.6.6.6\r\n\r\n").into_bytes())),
    );
}

/// Nobody is trusted to speak the PROXY protocol.
#[test]
fn proxy_protocol_is_refused() {
    let request = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
    let binary = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x06\x06\x06\x06\x7f\0\0\x01\x10\0\0\x50";
    refuse_all(
        &[400],
        [
            ("version 1", format!("PROXY TCP4 6.6.6.6 127.0.0.1 4096 80\r\n{request}").into_bytes()),
            ("version 2", [binary, request.as_bytes()].concat()),
        ],
    );
}

/// Each hop's own list is not what a client adds to it in pieces.
#[test]
fn forwarding_fields_are_single() {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    each(["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"].map(|name| (name, name)), |name| {
        let mut client = gateway.connect();
        client.send(format!("GET / HTTP/1.1\r\nHost: a.test\r\n{}\r\n", format!("{name}: evil\r\n").repeat(5)));
        assert_eq!(client.receive().status, 200);
        let values = origin.one().values(name);
        assert_eq!(values.len(), 1, "{values:?}");
        assert_ne!(values[0], "evil");
    });
}
