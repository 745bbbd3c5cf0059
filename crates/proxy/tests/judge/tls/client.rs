//! T2 and GEP-91: clients that a listener verifies, and those that get at it otherwise.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
};

use gatewright_core::plan::{ClientValidation, Plan, Unverified};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CertifiedKey, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    date_time_ymd, generate_simple_self_signed,
};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, StreamOwned, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    version::{TLS12, TLS13},
};

use super::{Secure, Trusting, connect};
use crate::harness::{
    Client, Gateway, Origin, each,
    h2::{Connection, Frame, prepared, request},
};

/// Vouches for clients.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// What a client shows: a chain and its key in PEM.
type Shown = (String, String);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    fn issue(&self, change: impl FnOnce(&mut CertificateParams)) -> Shown {
        let mut params = CertificateParams::default();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }

    fn asks(&self, unverified: Unverified) -> ClientValidation {
        ClientValidation { trust: self.0.pem().into(), unverified }
    }
}

fn client_config(versions: &[&'static SupportedProtocolVersion], shown: Option<&Shown>) -> Arc<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .expect("the provider has suites")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusting(provider)));
    let config = match shown {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let chain = vec![CertificateDer::from_pem_slice(chain.as_bytes()).expect("PEM")];
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM");
            builder.with_client_auth_cert(chain, key).expect("a key of the certificate")
        }
    };
    Arc::new(config)
}

fn secure(gateway: &Gateway, config: &Arc<ClientConfig>, sni: &str) -> Secure {
    let name = ServerName::try_from(sni.to_owned()).expect("a host name");
    let connection = ClientConnection::new(Arc::clone(config), name).expect("a client's configuration");
    StreamOwned::new(connection, prepared(TcpStream::connect(gateway.address).expect("the gateway listens")))
}

/// Asks for a page, and returns what came before the connection ended or failed.
fn ask(stream: &mut Secure, host: &str) -> String {
    let request = format!("GET /honest HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn certificate(name: &str) -> (String, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec![name.to_owned()]).expect("a certificate");
    (cert.pem(), signing_key.serialize_pem())
}

/// `open.test` asks nobody, `closed.test` its clients.
fn two_listeners(origin: &Origin, validation: ClientValidation) -> (Gateway, Plan) {
    let (open, closed) = (certificate("open.test"), certificate("closed.test"));
    Gateway::builder()
        .secure_listener("open.test", &open.0, &open.1)
        .secure_listener("closed.test", &closed.0, &closed.1)
        .asking_clients(validation)
        .forward("", origin)
        .start_with_plan()
}

/// Every client that a listener must not take for verified.
fn strangers(authority: &Authority) -> Vec<(&'static str, Option<Shown>)> {
    let expired = authority.issue(|params| params.not_after = date_time_ymd(2020, 1, 1));
    let early = authority.issue(|params| params.not_before = date_time_ymd(2090, 1, 1));
    let server = authority.issue(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]);
    vec![
        ("none", None),
        ("of another authority", Some(Authority::new().issue(|_| {}))),
        ("of nobody but itself", Some(certificate("client.test"))),
        ("expired", Some(expired)),
        ("not valid yet", Some(early)),
        ("a server's", Some(server)),
    ]
}

#[test]
fn verified_clients_alone_are_served() {
    let origin = Origin::start();
    let authority = Authority::new();
    let (gateway, _) = two_listeners(&origin, authority.asks(Unverified::Refused));
    let known = authority.issue(|_| {});
    for version in [&TLS12, &TLS13] {
        let config = client_config(&[version], Some(&known));
        assert!(ask(&mut secure(&gateway, &config, "closed.test"), "closed.test").starts_with("HTTP/1.1 200"));
        assert_eq!(origin.take().len(), 1);
        each(strangers(&authority), |shown| {
            let config = client_config(&[version], shown.as_ref());
            assert_eq!(ask(&mut secure(&gateway, &config, "closed.test"), "closed.test"), "");
            assert!(origin.take().is_empty(), "what reached the origin");
        });
    }
    let config = client_config(&[&TLS13], None);
    assert!(ask(&mut secure(&gateway, &config, "open.test"), "open.test").starts_with("HTTP/1.1 200"), "the other one");
}

#[test]
fn insecure_fallback_lets_everybody_in() {
    let origin = Origin::start();
    let authority = Authority::new();
    let (gateway, _) = two_listeners(&origin, authority.asks(Unverified::LetIn));
    let mut clients = strangers(&authority);
    clients.push(("good", Some(authority.issue(|_| {}))));
    for version in [&TLS12, &TLS13] {
        each(clients.clone(), |shown| {
            let config = client_config(&[version], shown.as_ref());
            assert!(ask(&mut secure(&gateway, &config, "closed.test"), "closed.test").starts_with("HTTP/1.1 200"));
        });
    }
}

#[test]
fn verified_client_resumes_its_session_where_it_was_verified() {
    let origin = Origin::start();
    let authority = Authority::new();
    let (gateway, _) = two_listeners(&origin, authority.asks(Unverified::Refused));
    for version in [&TLS12, &TLS13] {
        let config = client_config(&[version], Some(&authority.issue(|_| {})));
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut stream = secure(&gateway, &config, "closed.test");
            assert!(ask(&mut stream, "closed.test").starts_with("HTTP/1.1 200"));
            assert_eq!(stream.conn.handshake_kind(), Some(expected));
        }
    }
}

/// T2.
#[test]
fn unverified_connection_does_not_reach_a_verifying_listener() {
    let origin = Origin::start();
    let (gateway, _) = two_listeners(&origin, Authority::new().asks(Unverified::Refused));
    let mut client = Client::over(connect(&gateway, "open.test", &["http/1.1"]));
    client.send("GET / HTTP/1.1\r\nHost: closed.test\r\n\r\n");
    assert_eq!(client.receive().status, 421);
    let mut connection = Connection::greet(connect(&gateway, "open.test", &["h2"]), &[]);
    let mut fields = request("GET", "/");
    (fields[1].1, fields[2].1) = ("https", "closed.test");
    connection.send(&Frame::headers(1, true, fields));
    assert_eq!(connection.outcome(1).status(), Some(421));
    assert!(origin.take().is_empty(), "what reached the origin");
}

/// T2: the listener of a connection that is open begins to verify, or trusts others than before.
#[test]
fn open_connection_is_held_to_what_its_listener_demands_now() {
    let origin = Origin::start();
    let (before, after) = (Authority::new(), Authority::new());
    let (gateway, mut plan) = two_listeners(&origin, before.asks(Unverified::Refused));
    let known = client_config(&[&TLS13], Some(&before.issue(|_| {})));
    let mut verified = Client::over(secure(&gateway, &known, "closed.test"));
    let mut open = Client::over(connect(&gateway, "open.test", &[]));
    let mut multiplexed = Connection::greet(connect(&gateway, "open.test", &["h2"]), &[]);
    verified.send("GET / HTTP/1.1\r\nHost: closed.test\r\n\r\n");
    assert_eq!(verified.receive().status, 200);
    open.send("GET / HTTP/1.1\r\nHost: open.test\r\n\r\n");
    assert_eq!(open.receive().status, 200);

    for listener in plan.ports.values_mut().flat_map(|port| &mut port.listeners) {
        listener.tls.as_mut().expect("both are secure").client = Some(after.asks(Unverified::Refused));
    }
    gateway.proxy.publish(&plan).expect("a Plan is published");
    origin.take();
    for (client, host) in [(&mut verified, "closed.test"), (&mut open, "open.test")] {
        client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        let answer = client.receive();
        assert!(answer.status == 421 && answer.closes(), "{host}: {}", answer.head);
    }
    let mut fields = request("GET", "/");
    (fields[1].1, fields[2].1) = ("https", "open.test");
    multiplexed.send(&Frame::headers(1, true, fields));
    assert_eq!(multiplexed.outcome(1).status(), Some(421));
    assert!(origin.take().is_empty(), "what reached the origin");

    let known = client_config(&[&TLS13], Some(&after.issue(|_| {})));
    assert!(ask(&mut secure(&gateway, &known, "open.test"), "open.test").starts_with("HTTP/1.1 200"));
}

/// A Plan may be wrong; a listener whose CAs cannot be read serves nobody, rather than everybody.
#[test]
fn listener_without_usable_authority_serves_nobody() {
    let origin = Origin::start();
    let nobody = ClientValidation { trust: "no certificate".into(), unverified: Unverified::Refused };
    let (gateway, _) = two_listeners(&origin, nobody);
    for shown in [None, Some(Authority::new().issue(|_| {}))] {
        let config = client_config(&[&TLS13], shown.as_ref());
        assert_eq!(ask(&mut secure(&gateway, &config, "closed.test"), "closed.test"), "");
    }
    assert!(origin.take().is_empty(), "what reached the origin");
}

/// What a client says of its own certificate is no proof, and nothing of the one it showed is passed on.
#[test]
fn identity_of_clients_is_not_forwarded() {
    let origin = Origin::start();
    let authority = Authority::new();
    let (gateway, _) = two_listeners(&origin, authority.asks(Unverified::Refused));
    let known = client_config(&[&TLS13], Some(&authority.issue(|_| {})));
    let mut client = Client::over(secure(&gateway, &known, "closed.test"));
    client.send("GET / HTTP/1.1\r\nHost: closed.test\r\nX-Forwarded-Client-Cert: Subject=\"CN=admin\"\r\n\r\n");
    assert_eq!(client.receive().status, 200);
    let received = origin.take();
    assert!(received[0].values("x-forwarded-client-cert").is_empty());
}
