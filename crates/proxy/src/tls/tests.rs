use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use gatewright_core::plan::{
    Backend, BackendId, BackendProtocol, BackendTls, Certificate, CertificateId, EndpointsId, GatewayId, Hostname,
    KeyPair, Listener, ListenerId, ListenerTls, Plan, Port, PortProtocol, PrivateKey, Strictness, TrustAnchors,
};
use gatewright_shared_map::SharedSet;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair as Key, SanType};
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
    version::{TLS12, TLS13},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::acceptor::Secured;
use super::{Material, misdirected};

/// A certificate authority of a test.
struct Authority(CertifiedIssuer<'static, Key>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, Key::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> Arc<str> {
        self.0.pem().into()
    }

    fn issue(&self, names: &[&str]) -> KeyPair {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names
            .iter()
            .map(|name| match name.contains(':') {
                true => SanType::URI((*name).try_into().unwrap()),
                false => SanType::DnsName((*name).try_into().unwrap()),
            })
            .collect();
        let key = Key::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        KeyPair { chain: certificate.pem().into(), key: PrivateKey::new(key.serialize_pem()) }
    }
}

fn listener(hostname: &str, certificates: &[&str]) -> Listener {
    Listener {
        id: ListenerId::new(format!("gateway/ns/gw/{hostname}")),
        gateway: GatewayId::new("ns/gw"),
        hostname: Hostname::parse(Some(hostname)),
        tls: Some(ListenerTls {
            certificates: certificates.iter().map(|id| CertificateId::new(*id)).collect(),
            client: None,
        }),
        filters: Vec::new(),
        routes: SharedSet::default(),
    }
}

fn plan(mut listeners: Vec<Listener>, certificates: Vec<(&str, Certificate)>) -> Plan {
    listeners.sort_by(|a, b| a.hostname.cmp(&b.hostname));
    Plan {
        ports: BTreeMap::from([(
            443,
            Port { protocol: PortProtocol::Https, listeners, strictness: Strictness::default() },
        )]),
        certificates: certificates.into_iter().map(|(id, certificate)| (CertificateId::new(id), certificate)).collect(),
        ..Plan::default()
    }
}

/// What a client sees of a handshake: the leaf certificate.
async fn handshake(
    material: &mut Material,
    plan: &Plan,
    authority: &Authority,
    sni: &str,
    versions: &[&'static SupportedProtocolVersion],
) -> io::Result<(Vec<u8>, Secured<tokio::io::DuplexStream>)> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let (client, server) = duplex(64 * 1024);
    let acceptor = material.acceptor(&plan.ports[&443]).unwrap();
    let connect = tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect(ServerName::try_from(sni.to_owned()).unwrap(), client);
    let (connected, accepted) = tokio::join!(connect, acceptor.accept(server, Duration::from_secs(10)));
    let leaf = connected?.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    Ok((leaf, accepted?))
}

fn leaf(pair: &KeyPair) -> Vec<u8> {
    CertificateDer::from_pem_slice(pair.chain.as_bytes()).unwrap().to_vec()
}

#[tokio::test]
async fn sni_chooses_the_listener_and_the_names_the_certificate() {
    let authority = Authority::new();
    let plain = authority.issue(&["a.example.com"]);
    let wildcard = authority.issue(&["*.example.com"]);
    let exact = authority.issue(&["b.example.com", "c.other.org"]);
    let any = authority.issue(&["d.example.com", "e.third.org"]);
    let plan = plan(
        vec![
            listener("*.example.com", &["plain", "wildcard", "exact"]),
            listener("c.other.org", &["exact"]),
            listener("*", &["any"]),
        ],
        vec![
            ("plain", Certificate::Valid(plain.clone())),
            ("wildcard", Certificate::Valid(wildcard.clone())),
            ("exact", Certificate::Valid(exact.clone())),
            ("any", Certificate::Valid(any.clone())),
        ],
    );
    let mut material = Material::new().unwrap();
    assert!(material.load(&plan).is_empty());
    for (sni, expected) in [
        ("a.example.com", &plain),
        ("b.example.com", &exact),
        // The catch-all listener's certificate names it, but its listener is the wildcard.
        ("d.example.com", &wildcard),
        ("c.other.org", &exact),
        ("e.third.org", &any),
    ] {
        for version in [&TLS12, &TLS13] {
            let (served, secured) = handshake(&mut material, &plan, &authority, sni, &[version]).await.unwrap();
            assert_eq!(served, leaf(expected), "{sni}");
            assert_eq!(secured.sni.as_deref(), Some(sni));
            assert!(secured.is_h2);
        }
    }
}

#[tokio::test]
async fn a_name_without_listener_fails_its_handshake() {
    let authority = Authority::new();
    let plan =
        plan(vec![listener("*.example.com", &["x"])], vec![("x", Certificate::Valid(authority.issue(&["other.org"])))]);
    let mut material = Material::new().unwrap();
    material.load(&plan);
    assert!(handshake(&mut material, &plan, &authority, "other.org", &[&TLS13]).await.is_err());
}

#[tokio::test]
async fn a_broken_certificate_keeps_the_last_good_one() {
    let authority = Authority::new();
    let good = authority.issue(&["a.org"]);
    let swapped = KeyPair { chain: good.chain.clone(), key: authority.issue(&["a.org"]).key };
    let garbage = KeyPair { chain: "garbage".into(), key: good.key.clone() };
    let mut material = Material::new().unwrap();
    let with = |certificate| plan(vec![listener("a.org", &["x"])], vec![("x", certificate)]);
    let id = CertificateId::new("x");

    assert!(material.load(&with(Certificate::Invalid))[&id].contains("cannot be used"));
    assert!(material.load(&with(Certificate::Valid(good.clone()))).is_empty());
    for broken in [Certificate::Invalid, Certificate::Valid(swapped), Certificate::Valid(garbage)] {
        let broken = with(broken);
        assert!(material.load(&broken)[&id].contains("the last good one stays"));
        let (served, _) = handshake(&mut material, &broken, &authority, "a.org", &[&TLS13]).await.unwrap();
        assert_eq!(served, leaf(&good));
    }
    let renewed = authority.issue(&["a.org"]);
    let plan = with(Certificate::Valid(renewed.clone()));
    assert!(material.load(&plan).is_empty());
    let (served, _) = handshake(&mut material, &plan, &authority, "a.org", &[&TLS13]).await.unwrap();
    assert_eq!(served, leaf(&renewed));
}

#[test]
fn what_did_not_change_is_not_made_again() {
    let authority = Authority::new();
    let with = |a: &KeyPair, b: &KeyPair| {
        plan(
            vec![listener("a.org", &["a"]), listener("b.org", &["b"])],
            vec![("a", Certificate::Valid(a.clone())), ("b", Certificate::Valid(b.clone()))],
        )
    };
    let (a, b, c) = (authority.issue(&["a.org"]), authority.issue(&["b.org"]), authority.issue(&["b.org"]));
    let mut material = Material::new().unwrap();
    let mut configs = |plan: &Plan| {
        material.load(plan);
        let acceptor = material.acceptor(&plan.ports[&443]).unwrap();
        ["a.org", "b.org"].map(|host| acceptor.select(host).unwrap().clone())
    };
    let before = configs(&with(&a, &b));
    let after = configs(&with(&a, &c));
    assert!(Arc::ptr_eq(&before[0], &after[0]));
    assert!(!Arc::ptr_eq(&before[1], &after[1]));
}

#[test]
fn the_acceptor_selects_as_the_port_does() {
    let names = ["*", "*.org", "*.a.org", "b.a.org", "a.org", "*.x.a.org"];
    let authority = Authority::new();
    let pair = authority.issue(&["a.org"]);
    for present in 0u32..1 << names.len() {
        let listeners = names
            .iter()
            .enumerate()
            .filter(|(at, _)| present & (1 << at) != 0)
            .map(|(_, name)| listener(name, &["x"]))
            .collect();
        let plan = plan(listeners, vec![("x", Certificate::Valid(pair.clone()))]);
        let port = &plan.ports[&443];
        let mut material = Material::new().unwrap();
        let acceptor = material.acceptor(port).unwrap();
        for host in ["", "org", "a.org", "b.a.org", "c.a.org", "d.c.a.org", ".a.org", "y.x.a.org", "com"] {
            let by_port = port.select(host).map(|listener| {
                Arc::as_ptr(
                    &material
                        .acceptor(&Port { listeners: vec![listener.clone()], ..port.clone() })
                        .unwrap()
                        .select(host)
                        .unwrap()
                        .clone(),
                )
            });
            assert_eq!(acceptor.select(host).map(Arc::as_ptr), by_port, "{present:b} {host}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_dropped_in_time() {
    let plan = plan(vec![listener("*", &[])], vec![]);
    let acceptor = Material::new().unwrap().acceptor(&plan.ports[&443]).unwrap();
    let (mut client, server) = duplex(1024);
    client.write_all(&[22, 3, 1]).await.unwrap();
    let start = tokio::time::Instant::now();
    let error = acceptor.accept(server, Duration::from_secs(10)).await.err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(start.elapsed(), Duration::from_secs(10));
}

fn is_misdirected(port: &Port, sni: Option<&str>, host: &str) -> bool {
    port.select(host).is_some_and(|listener| misdirected(|host| port.select(host), sni, listener))
}

/// The pairs of the conformance test GatewayHTTPSListenerDetectMisdirectedRequests.
#[test]
fn a_host_of_another_listener_is_misdirected() {
    let hosts = ["*", "second-example.org", "*.wildcard.org", "fourth-example.wildcard.org"];
    let plan = plan(hosts.iter().map(|host| listener(host, &[])).collect(), vec![]);
    let port = &plan.ports[&443];
    for (sni, host, expected) in [
        ("example.org", "example.org", false),
        ("example.org", "second-example.org", true),
        ("example.org", "unknown-example.org", false),
        ("second-example.org", "second-example.org", false),
        ("second-example.org", "example.org", true),
        ("second-example.org", "unknown-example.org", true),
        ("third-example.wildcard.org", "third-example.wildcard.org", false),
        ("third-example.wildcard.org", "fith-example.wildcard.org", false),
        ("third-example.wildcard.org", "fourth-example.wildcard.org", true),
        ("third-example.wildcard.org", "second-example.org", true),
        ("third-example.wildcard.org", "unknown-example.org", true),
        ("fourth-example.wildcard.org", "fith-example.wildcard.org", true),
        ("unknown-example.org", "example.org", false),
        ("unknown-example.org", "unknown-example.org", false),
    ] {
        assert_eq!(is_misdirected(port, Some(sni), host), expected, "{sni} {host}");
    }
    // Without a name the connection is the catch-all's.
    assert!(!is_misdirected(port, None, "example.org"));
    assert!(is_misdirected(port, None, "second-example.org"));
}

#[test]
fn a_host_of_no_listener_is_unknown_rather_than_misdirected() {
    let plan = plan(vec![listener("a.org", &[]), listener("b.org", &[])], vec![]);
    let port = &plan.ports[&443];
    assert!(!is_misdirected(port, Some("a.org"), "c.org"));
    assert!(is_misdirected(port, Some("a.org"), "b.org"));
}

fn backend(protocol: BackendProtocol, tls: BackendTls) -> Backend {
    Backend { protocol, tls: Some(tls), endpoints: EndpointsId::new("e") }
}

/// Whether a backend with `certificate` is accepted by a policy.
async fn accepts(certificate: &KeyPair, policy: &BackendTls) -> io::Result<()> {
    let mut material = Material::new().unwrap();
    let plan = plan(vec![listener("*", &["x"])], vec![("x", Certificate::Valid(certificate.clone()))]);
    material.load(&plan);
    let connector =
        material.connector(&BackendId::new("b"), &backend(BackendProtocol::Http2, policy.clone()), policy).unwrap();
    let acceptor = material.acceptor(&plan.ports[&443]).unwrap();
    let (client, server) = duplex(64 * 1024);
    let (connected, accepted) =
        tokio::join!(connector.connect(client), acceptor.accept(server, Duration::from_secs(10)));
    let mut connected = connected?;
    connected.write_all(b"x").await?;
    assert_eq!(accepted?.stream.read_u8().await?, b'x');
    Ok(())
}

#[tokio::test]
async fn a_backend_is_verified_by_hostname_or_by_subject_alt_names_alone() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let certificate = authority.issue(&["host.org", "*.wild.org", "spiffe://cluster/ns/a"]);
    let policy = |hostname: &str, names: &[&str], authority: &Authority| BackendTls {
        hostname: hostname.into(),
        subject_alt_names: names.iter().map(|name| (*name).into()).collect(),
        trust: TrustAnchors::Pem(authority.pem()),
        client_certificate: None,
    };
    for (hostname, names, accepted) in [
        ("host.org", &[][..], true),
        ("x.wild.org", &[], true),
        ("other.org", &[], false),
        // With names given the hostname is SNI alone.
        ("other.org", &["host.org"], true),
        ("other.org", &["no.org", "HOST.org"], true),
        ("other.org", &["x.wild.org"], true),
        ("other.org", &["*.wild.org"], true),
        ("other.org", &["x.y.wild.org"], false),
        ("other.org", &["spiffe://cluster/ns/a"], true),
        ("other.org", &["spiffe://cluster/ns/A"], false),
        ("host.org", &["no.org"], false),
    ] {
        let result = accepts(&certificate, &policy(hostname, names, &authority)).await;
        assert_eq!(result.is_ok(), accepted, "{hostname} {names:?}: {result:?}");
        assert!(accepts(&certificate, &policy(hostname, names, &stranger)).await.is_err(), "{hostname} {names:?}");
    }
}

#[test]
fn a_policy_that_cannot_be_honoured_gives_no_connector() {
    let authority = Authority::new();
    let policy = BackendTls {
        hostname: "host.org".into(),
        subject_alt_names: Vec::new(),
        trust: TrustAnchors::Pem("garbage".into()),
        client_certificate: None,
    };
    let mut material = Material::new().unwrap();
    let mut connector = |policy: &BackendTls| {
        material.connector(&BackendId::new("b"), &backend(BackendProtocol::Http1, policy.clone()), policy).err()
    };
    assert_eq!(connector(&policy).as_deref(), Some("there is no usable CA certificate"));
    let trust = TrustAnchors::Pem(authority.pem());
    let certificate = CertificateId::new("secret/ns/client");
    let error = connector(&BackendTls { trust, client_certificate: Some(certificate), ..policy });
    assert_eq!(error.as_deref(), Some("the client certificate secret/ns/client cannot be used"));
}
