//! HARDENING F1: what the gateway says about a client is the gateway's own word.

use gatewright_proxy::edge::{Edge, Strict, Underscores};

use crate::harness::{
    Gateway, Origin, each,
    h2::{Connection, Frame, request},
    refuse_all,
};

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

/// By option such a field is left out, over either version, and what it would have been mistaken for stays the gateway's.
#[test]
fn underscore_in_a_name_is_dropped_where_that_is_asked_for() {
    let origin = Origin::start();
    let edge = Edge { strict: Strict { underscores: Underscores::Drop, ..Strict::default() }, ..Edge::default() };
    let gateway = Gateway::builder().edge(edge).forward("", &origin).start();
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\nX_Forwarded_For: 6.6.6.6\r\nX-Own: 1\r\nContent_Length: 5\r\n\r\n");
    assert_eq!(client.receive().status, 200);
    let mut connection = Connection::connect(gateway.address, &[]);
    let mut fields = request("GET", "/");
    fields.extend([("x_forwarded_for", "6.6.6.6"), ("x-own", "1"), ("content_length", "5")]);
    connection.send(&Frame::headers(1, true, fields));
    assert_eq!(connection.outcome(1).status(), Some(200));
    let received = origin.take();
    assert_eq!(received.len(), 2);
    for request in received {
        let head = String::from_utf8_lossy(&request.head).into_owned();
        assert!(!head.contains('_') && !head.contains("6.6.6.6"), "{head}");
        assert_eq!(
            (request.values("x-own"), request.values("x-forwarded-for")),
            (vec!["1".into()], vec!["127.0.0.1".into()])
        );
    }
}

/// What a trusted proxy says of the hops before it is kept and added to.
#[test]
fn forwarding_fields_of_a_trusted_proxy_are_kept() {
    let origin = Origin::start();
    let edge = Edge { trusted: vec!["127.0.0.0/8".parse().expect("a network")], ..Edge::default() };
    let gateway = Gateway::builder().edge(edge).forward("", &origin).start();
    let mut client = gateway.connect();
    client.send(
        "GET / HTTP/1.1\r\nHost: a.test:8080\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2, 192.0.2.3\r\n\
         X-Forwarded-Proto: https\r\nX-Forwarded-Host: front.test\r\nX-Forwarded-Port: 443\r\nX-Real-IP: 192.0.2.1\r\n\
         Forwarded: for=192.0.2.1\r\n\r\n",
    );
    assert_eq!(client.receive().status, 200);
    let received = origin.one();
    assert_eq!(received.values("x-forwarded-for"), ["192.0.2.1, 192.0.2.2, 192.0.2.3, 127.0.0.1"]);
    assert_eq!(received.values("x-forwarded-proto"), ["https"]);
    assert_eq!(received.values("x-forwarded-host"), ["front.test"]);
    assert_eq!(received.values("x-forwarded-port"), ["443"]);
    assert_eq!(received.values("x-real-ip"), ["192.0.2.1"]);
    let own = "for=\"127.0.0.1\";host=\"a.test:8080\";proto=http";
    assert_eq!(received.values("forwarded"), ["for=192.0.2.1", own]);
    // What it leaves open, or says twice, is the gateway's to say.
    client.send(
        "GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-Proto: ftp\r\nX-Forwarded-Host: x.test\r\nX-Forwarded-Host: y.test\r\n\r\n",
    );
    assert_eq!(client.receive().status, 200);
    let received = origin.one();
    assert_eq!(received.values("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(received.values("x-forwarded-proto"), ["http"]);
    assert_eq!(received.values("x-forwarded-host"), ["a.test"]);
    assert!(received.values("forwarded").is_empty());
}

/// Trust is for the addresses that were named.
#[test]
fn other_clients_are_not_trusted_with_them() {
    let origin = Origin::start();
    let edge = Edge { trusted: vec!["127.0.0.2".parse().expect("an address")], ..Edge::default() };
    let gateway = Gateway::builder().edge(edge).forward("", &origin).start();
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n\r\n");
    assert_eq!(client.receive().status, 200);
    let received = origin.one();
    assert_eq!(received.values("x-forwarded-for"), ["127.0.0.1"]);
    assert!(received.values("forwarded").is_empty());
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
