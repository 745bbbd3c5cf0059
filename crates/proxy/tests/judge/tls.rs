//! HARDENING T1-T4, and D1's silent TLS client.

mod client;
mod renegotiation;

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use gatewright_core::plan::{Refusal, Target};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use crate::harness::{
    Client, Gateway, Origin, each, forward,
    h2::{Connection, Frame, prepared, request},
    prefix, rule,
};

/// Takes any certificate: whose it is, is judged elsewhere.
#[derive(Debug)]
struct Trusting(Arc<CryptoProvider>);

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

type Secure = StreamOwned<ClientConnection, TcpStream>;

/// Connects by TLS with this SNI and these protocols on offer.
fn connect(gateway: &Gateway, sni: &str, protocols: &[&str]) -> Secure {
    connect_with(gateway, sni, protocols, aws_lc_rs::default_provider())
}

/// Connects with what `provider` offers.
fn connect_with(gateway: &Gateway, sni: &str, protocols: &[&str], provider: CryptoProvider) -> Secure {
    connect_by(gateway, sni, Arc::new(config(protocols, provider)))
}

fn config(protocols: &[&str], provider: CryptoProvider) -> ClientConfig {
    let provider = Arc::new(provider);
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("the provider has suites")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusting(provider)))
        .with_no_client_auth();
    config.enable_secret_extraction = true;
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    config
}

fn connect_by(gateway: &Gateway, sni: &str, config: Arc<ClientConfig>) -> Secure {
    let name = ServerName::try_from(sni.to_owned()).expect("a host name");
    let connection = ClientConnection::new(config, name).expect("a client's configuration");
    let mut stream =
        StreamOwned::new(connection, prepared(TcpStream::connect(gateway.address).expect("the gateway listens")));
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).expect("a handshake");
    }
    stream
}

/// The listeners of the API's conformance test, each with a certificate for its own name and a route for one host.
fn several_listeners(origin: &Origin) -> Gateway {
    let mut builder = Gateway::builder().backend("origin", origin);
    for hostname in ["", "second-example.org", "*.wildcard.org", "fourth-example.wildcard.org"] {
        let names = vec![if hostname.is_empty() { "example.org" } else { hostname }.to_owned()];
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).expect("a certificate");
        builder = builder.secure_listener(hostname, &cert.pem(), &signing_key.serialize_pem());
    }
    for host in ["example.org", "second-example.org", "fith-example.wildcard.org", "fourth-example.wildcard.org"] {
        builder = builder.rules(host, vec![rule(prefix("/"), [forward("origin")])]);
    }
    builder.start()
}

/// SNI, host and the answer.
const MISDIRECTED: [(&str, &str, u16); 14] = [
    ("example.org", "example.org", 200),
    ("example.org", "second-example.org", 421),
    ("example.org", "unknown-example.org", 404),
    ("second-example.org", "second-example.org", 200),
    ("second-example.org", "example.org", 421),
    ("second-example.org", "unknown-example.org", 421),
    ("third-example.wildcard.org", "fith-example.wildcard.org", 200),
    ("third-example.wildcard.org", "fourth-example.wildcard.org", 421),
    ("third-example.wildcard.org", "second-example.org", 421),
    ("third-example.wildcard.org", "unknown-example.org", 421),
    ("fourth-example.wildcard.org", "fith-example.wildcard.org", 421),
    ("fourth-example.wildcard.org", "fourth-example.wildcard.org", 200),
    ("unknown-example.org", "example.org", 200),
    ("unknown-example.org", "unknown-example.org", 404),
];

/// T1 over HTTP/2.
#[test]
fn misdirected_stream_becomes_421() {
    let origin = Origin::start();
    let gateway = several_listeners(&origin);
    each(MISDIRECTED.map(|case| (format!("SNI {}, host {}", case.0, case.1), case)), |(sni, host, status)| {
        let stream = connect(&gateway, sni, &["h2", "http/1.1"]);
        assert_eq!(stream.conn.alpn_protocol(), Some(b"h2".as_slice()));
        let mut connection = Connection::greet(stream, &[]);
        let mut fields = request("GET", "/");
        fields[1].1 = "https";
        fields[2].1 = host;
        connection.send(&Frame::headers(1, true, fields));
        assert_eq!(connection.outcome(1).status(), Some(*status));
        let received = origin.take();
        assert_eq!(received.len(), usize::from(*status == 200), "what reached the origin");
        assert!(received.iter().all(|request| request.values("x-forwarded-proto") == ["https"]));
    });
}

/// T1 over HTTP/1.1: the same table.
#[test]
fn misdirected_request_becomes_421() {
    let origin = Origin::start();
    let gateway = several_listeners(&origin);
    each(MISDIRECTED.map(|case| (format!("SNI {}, host {}", case.0, case.1), case)), |(sni, host, status)| {
        let mut client = Client::over(connect(&gateway, sni, &["http/1.1"]));
        client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(client.receive().status, *status);
        assert_eq!(origin.take().len(), usize::from(*status == 200), "what reached the origin");
    });
}

/// Each listener shows its own certificate.
#[test]
fn certificate_is_the_listeners() {
    let origin = Origin::start();
    let gateway = several_listeners(&origin);
    let names = ["example.org", "second-example.org", "any.wildcard.org", "fourth-example.wildcard.org"];
    let certificates =
        names.map(|name| connect(&gateway, name, &[]).conn.peer_certificates().expect("a certificate")[0].to_vec());
    for (i, certificate) in certificates.iter().enumerate() {
        assert!(!certificates[..i].contains(certificate), "{} has another's certificate", names[i]);
    }
}

fn one_listener() -> (Origin, Gateway) {
    one_listener_with(|_| {})
}

fn one_listener_with(limits: impl FnOnce(&mut gatewright_proxy::limits::Limits)) -> (Origin, Gateway) {
    let origin = Origin::start();
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["a.test".to_owned()]).expect("a certificate");
    let gateway = Gateway::builder()
        .limits(limits)
        .secure_listener("", &cert.pem(), &signing_key.serialize_pem())
        .forward("", &origin)
        .start();
    (origin, gateway)
}

fn serves_on(gateway: &Gateway) {
    let mut client = Client::over(connect(gateway, "a.test", &[]));
    client.send("GET /honest HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert_eq!(client.receive().text(), "/honest");
}

/// A ClientHello of this version with these suites; what a client of that age sends.
fn client_hello(version: [u8; 2], suites: &[u16]) -> Vec<u8> {
    let mut extensions = Vec::new();
    for (kind, body) in [
        (0_u16, b"\0\x09\0\0\x06a.test".as_slice()),
        (10, b"\0\x04\0\x1d\0\x17"),
        (11, b"\x01\0"),
        (13, b"\0\x0c\x04\x01\x04\x03\x08\x04\x05\x01\x02\x01\x02\x03"),
        (0xff01, b"\0"),
    ] {
        extensions.extend(kind.to_be_bytes());
        extensions.extend(u16::try_from(body.len()).expect("short").to_be_bytes());
        extensions.extend(body);
    }
    let mut body = version.to_vec();
    body.extend([7; 32]);
    body.push(0);
    body.extend(u16::try_from(suites.len() * 2).expect("short").to_be_bytes());
    body.extend(suites.iter().flat_map(|suite| suite.to_be_bytes()));
    body.extend([1, 0]);
    body.extend(u16::try_from(extensions.len()).expect("short").to_be_bytes());
    body.extend(extensions);
    let mut hello = vec![0x16, 3, 1];
    hello.extend(u16::try_from(body.len() + 4).expect("short").to_be_bytes());
    hello.extend([1, 0]);
    hello.extend(u16::try_from(body.len()).expect("short").to_be_bytes());
    hello.extend(body);
    hello
}

/// Sends a ClientHello and returns the answer's first record: its type, and an alert's description.
fn answer_to(gateway: &Gateway, hello: &[u8]) -> (u8, Option<u8>) {
    let mut stream = prepared(TcpStream::connect(gateway.address).expect("the gateway listens"));
    stream.write_all(hello).expect("a greeting");
    let mut record = [0; 7];
    stream.read_exact(&mut record).expect("an answer");
    (record[0], (record[0] == 0x15).then_some(record[6]))
}

const ALERT: u8 = 0x15;
const HANDSHAKE: u8 = 0x16;
const HANDSHAKE_FAILURE: u8 = 40;
const PROTOCOL_VERSION: u8 = 70;

/// T4.
#[test]
fn old_versions_are_refused() {
    let (_origin, gateway) = one_listener();
    let suites = [0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc009, 0xc013, 0x009c, 0x002f, 0x000a];
    for (name, version) in [("SSL 3.0", [3, 0]), ("TLS 1.0", [3, 1]), ("TLS 1.1", [3, 2])] {
        assert_eq!(answer_to(&gateway, &client_hello(version, &suites)), (ALERT, Some(PROTOCOL_VERSION)), "{name}");
    }
    assert_eq!(answer_to(&gateway, &client_hello([3, 3], &suites)).0, HANDSHAKE, "TLS 1.2 is served");
    // SSL 2.0's own form of greeting is no TLS at all.
    let mut stream = prepared(TcpStream::connect(gateway.address).expect("the gateway listens"));
    stream
        .write_all(
            b"\x80\x2e\x01\0\x02\0\x15\0\0\0\x10\x01\0\x80\x02\0\x80\x03\0\x80\x04\0\x80\x05\0\x80\x06\0\x40\x07\0\xc0",
        )
        .expect("a greeting");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert_ne!(answer.first(), Some(&HANDSHAKE));
    serves_on(&gateway);
}

/// T4: suites that are exportable, without forward secrecy, anonymous, or of the CBC and RC4 kinds.
#[test]
fn old_suites_are_refused() {
    let (_origin, gateway) = one_listener();
    let suites: [(&str, &[u16]); 7] = [
        ("export", &[0x0003, 0x0006, 0x0008, 0x0014]),
        ("RC4", &[0x0004, 0x0005, 0xc007, 0xc011]),
        ("3DES", &[0x000a, 0xc008, 0xc012]),
        ("CBC", &[0xc009, 0xc00a, 0xc013, 0xc014, 0xc023, 0xc024, 0xc027, 0xc028]),
        ("RSA key exchange", &[0x002f, 0x0035, 0x009c, 0x009d]),
        ("anonymous", &[0xc018, 0x0034, 0x006c]),
        ("no encryption", &[0x0001, 0x0002, 0x003b, 0xc006, 0xc010]),
    ];
    each(suites, |suites| {
        assert_eq!(answer_to(&gateway, &client_hello([3, 3], suites)), (ALERT, Some(HANDSHAKE_FAILURE)));
    });
    serves_on(&gateway);
}

/// T3: a client that comes back with a ticket may not send its request before the handshake, where it could be replayed.
#[test]
fn early_data_is_never_taken() {
    let (origin, gateway) = one_listener();
    let mut config = config(&[], aws_lc_rs::default_provider());
    config.enable_early_data = true;
    let config = Arc::new(config);
    for _ in 0..3 {
        let mut client = Client::over(connect_by(&gateway, "a.test", Arc::clone(&config)));
        assert!(!client.stream.conn.is_early_data_accepted());
        // The answer comes behind the tickets, which the client keeps.
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
        assert_eq!(client.receive().status, 200);
    }
    let name = ServerName::try_from("a.test").expect("a host name");
    let mut returning = ClientConnection::new(config, name).expect("a client's configuration");
    assert!(returning.early_data().is_none(), "no ticket allows it");
    assert_eq!(origin.take().len(), 3);
}

/// What is no TLS is closed, and costs nobody else anything.
#[test]
fn plain_http_on_a_secure_port_is_closed() {
    let (origin, gateway) = one_listener();
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    let answer = client.read_to_end();
    assert!(!answer.starts_with(b"HTTP/1.1 2"));
    assert!(origin.take().is_empty());
    serves_on(&gateway);
}

/// D1.
#[test]
fn silent_tls_client_is_let_go() {
    let (_origin, gateway) = one_listener_with(|limits| limits.tls_handshake_timeout = Duration::from_millis(400));
    let hello = client_hello([3, 3], &[0xc02b]);
    for beginning in [&[][..], &hello[..20], &hello] {
        let mut client = gateway.connect();
        client.send(beginning);
        client.read_to_end();
    }
    serves_on(&gateway);
}

/// A client that offers no protocol that we speak is refused, one that offers none is served HTTP/1.1 (RFC 7301 3.2).
#[test]
fn protocol_is_chosen_among_those_offered() {
    let (_origin, gateway) = one_listener();
    assert_eq!(
        connect(&gateway, "a.test", &["http/1.1", "h2"]).conn.alpn_protocol(),
        Some(b"h2".as_slice()),
        "ours is the preference"
    );
    assert_eq!(connect(&gateway, "a.test", &["http/1.1"]).conn.alpn_protocol(), Some(b"http/1.1".as_slice()));
    assert_eq!(connect(&gateway, "a.test", &[]).conn.alpn_protocol(), None);
    serves_on(&gateway);
}

/// Bytes cut off without a close_notify are no end of a message.
#[test]
fn truncated_body_is_no_body() {
    let (origin, gateway) = one_listener();
    let mut client = Client::over(connect(&gateway, "a.test", &[]));
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\nhello");
    origin.wait_for_bytes(b"hello");
    let _ = client.stream.sock.shutdown(std::net::Shutdown::Both);
    origin.wait_for_closed(1);
    assert!(origin.take().is_empty());
}

/// A route that refuses answers inside TLS as it does outside.
#[test]
fn refusal_is_answered_inside_tls() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["a.test".to_owned()]).expect("a certificate");
    let gateway = Gateway::builder()
        .secure_listener("", &cert.pem(), &signing_key.serialize_pem())
        .rules("", vec![rule(prefix("/"), [Target::Refused(Refusal::Broken)])])
        .start();
    let mut client = Client::over(connect(&gateway, "a.test", &[]));
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert_eq!(client.receive().status, 500);
}
