//! The real binary as a cluster's data plane: a control plane in this process, and real sockets.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use gatewright_core::{
    filter::{Filter, redirect::Redirect},
    plan::{
        Certificate, CertificateId, GatewayId, Hostname, KeyPair, Listener, ListenerId, ListenerTls, Match, PathMatch,
        Plan, Port, PortProtocol, Precedence, PrivateKey, Route, RouteId, RouteKind, Rule, Strictness, Timeouts,
        resource::{self, difference},
    },
};
use gatewright_xds::{Authentication, Authenticator, Change, Denial, Identity, Peer, Resource, Server, Standing};

use crate::harness::{PATIENCE, Process, free_port};

const PLANE: &str = "ns/gateway";

struct OneToken;

impl Authenticator for OneToken {
    fn authenticate<'a>(&'a self, token: &'a str) -> Authentication<'a> {
        Box::pin(async move {
            match token {
                "token" => Ok(Peer::Proxy { plane: PLANE.into() }),
                _ => Err(Denial::Unauthenticated("nobody's".into())),
            }
        })
    }
}

/// A controller as far as a proxy can tell, which serves as long as it lives.
struct ControlPlane {
    server: Server,
    address: SocketAddr,
    published: Plan,
    alive: Option<(tokio::sync::oneshot::Sender<()>, std::thread::JoinHandle<()>)>,
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        if let Some((alive, thread)) = self.alive.take() {
            drop(alive);
            thread.join().expect("it works on every machine");
        }
    }
}

impl ControlPlane {
    /// Serves on `address`, with a certificate of a CA that is written to `folder`, beside the token.
    fn start(address: &str, folder: &Path) -> Self {
        let certificate =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("it works on every machine");
        fs::write(folder.join("ca.crt"), certificate.cert.pem()).expect("it works on every machine");
        fs::write(folder.join("token"), "token\n").expect("it works on every machine");
        let identity = Identity::new(&certificate.cert.pem(), &certificate.signing_key.serialize_pem())
            .expect("it works on every machine");
        let server = Server::new(OneToken);
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it works on every machine");
        let (alive, ended) = tokio::sync::oneshot::channel::<()>();
        let listener = TcpListener::bind(address).expect("it works on every machine");
        listener.set_nonblocking(true).expect("it works on every machine");
        let address = listener.local_addr().expect("it works on every machine");
        let serving = server.clone();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async move {
                let (_identities, identity) = tokio::sync::watch::channel(identity);
                let listener = tokio::net::TcpListener::from_std(listener).expect("it works on every machine");
                let stop = async { _ = ended.await };
                serving.serve(listener, identity, stop).await.expect("it works on every machine");
            });
        });
        Self { server, address, published: Plan::default(), alive: Some((alive, thread)) }
    }

    fn publish(&mut self, plan: Plan) {
        let change = difference(&self.published, &plan);
        let added = change.added.into_iter().map(|(name, body)| Resource::new(name.to_string(), body.0)).collect();
        let removed = change.removed.iter().map(|name| name.to_string().into()).collect();
        self.server.publish(PLANE, Change { added, removed });
        self.published = plan;
    }

    fn wait(&self, is_wanted: impl Fn(&Standing) -> bool) -> Standing {
        wait(|| Some(self.server.standing(PLANE)).filter(&is_wanted))
    }
}

fn wait<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn proxy(address: SocketAddr, admin: u16, folder: &Path) -> Process {
    let port = address.port();
    let flag = |name: &str, file: &str| format!("--{name}={}", folder.join(file).display());
    Process::start(&[
        "proxy",
        &format!("--control-plane=https://localhost:{port}"),
        &flag("ca-file", "ca.crt"),
        &flag("token-file", "token"),
        &flag("cache-dir", ""),
        &format!("--admin=127.0.0.1:{admin}"),
        "--bind=127.0.0.1",
        "--port-offset=0",
        "--workers=1",
        "--min-drain=1",
        "--drain-timeout=5",
    ])
}

/// Asks for `/`, and returns the status; `None` when there is no answer.
fn status(port: u16, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.get(9..12)?.parse().ok()
}

/// A port whose every request is redirected, and perhaps one with TLS.
fn plan(http: u16, code: u16, https: Option<u16>) -> Plan {
    let id = RouteId::new("httproute/ns/r");
    let redirect = Redirect { scheme: None, hostname: None, path: None, port: None, status: code };
    let matched = Match { path: PathMatch::Prefix("/".into()), method: None, headers: Vec::new(), query: Vec::new() };
    let route = Route {
        id: id.clone(),
        kind: RouteKind::Http,
        hostnames: vec![Hostname::Any],
        precedence: Precedence { created: 1, namespace: "ns".into(), name: "r".into() },
        rules: vec![Rule {
            name: None,
            matches: vec![matched],
            filters: vec![Filter::Redirect(redirect)],
            backends: Vec::new(),
            timeouts: Timeouts::default(),
            retry: None,
        }],
    };
    let certificate = CertificateId::new("secret/ns/c");
    let listener = |name: &str, tls| Listener {
        id: ListenerId::new(format!("gateway/ns/g/{name}")),
        gateway: GatewayId::new("ns/g"),
        hostname: Hostname::Any,
        tls,
        filters: Vec::new(),
        routes: [id.clone()].into(),
    };
    let mut plan = Plan::default();
    plan.ports.insert(
        http,
        Port {
            protocol: PortProtocol::Http,
            listeners: vec![listener("http", None)],
            strictness: Strictness::default(),
        },
    );
    if let Some(https) = https {
        let tls = ListenerTls { certificates: vec![certificate.clone()], client: None };
        plan.ports.insert(
            https,
            Port {
                protocol: PortProtocol::Https,
                listeners: vec![listener("https", Some(tls))],
                strictness: Strictness::default(),
            },
        );
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("it works on every machine");
        let key = PrivateKey::new(pair.signing_key.serialize_pem());
        plan.certificates.insert(certificate, Certificate::Valid(KeyPair { chain: pair.cert.pem().into(), key }));
    }
    plan.routes.insert(id, Arc::new(route));
    plan
}

#[test]
fn a_proxy_serves_what_it_is_sent_confirms_it_and_goes_on_without_its_controller() {
    let folder = tempfile::tempdir().unwrap();
    let (http, admin) = (free_port(), free_port());
    let mut controller = ControlPlane::start("localhost:0", folder.path());
    let mut process = proxy(controller.address, admin, folder.path());
    wait(|| status(admin, "/healthz").filter(|status| *status == 200));
    assert_eq!(status(admin, "/readyz"), Some(503));

    controller.publish(plan(http, 301, None));
    controller.wait(Standing::is_confirmed);
    assert_eq!((status(http, "/"), status(admin, "/readyz")), (Some(301), Some(200)));

    controller.publish(plan(http, 302, None));
    controller.wait(Standing::is_confirmed);
    assert_eq!(status(http, "/"), Some(302));

    // A port that somebody else has is named, and served when it is free.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut two = plan(http, 302, None);
    let mut port = two.ports[&http].clone();
    port.listeners[0].id = ListenerId::new("gateway/ns/g/taken");
    let number = taken.local_addr().unwrap().port();
    two.ports.insert(number, port);
    controller.publish(two);
    let standing = controller.wait(Standing::is_confirmed);
    assert_eq!(standing.rejected(|_| true).into_keys().collect::<Vec<_>>(), [format!("port/{number}")]);
    drop(taken);
    controller.wait(|standing| standing.is_confirmed() && standing.rejected(|_| true).is_empty());
    assert_eq!(status(number, "/"), Some(302));

    drop(controller);
    assert_eq!((status(http, "/"), status(admin, "/readyz")), (Some(302), Some(200)));
    process.signal("TERM");
    wait(|| status(admin, "/readyz").filter(|status| *status == 503));
    assert_eq!(status(http, "/"), Some(302), "it serves until others have heard of it");
    assert!(process.child.wait().unwrap().success());
}

#[test]
fn a_proxy_starts_from_its_cache_without_a_controller_and_takes_tls_keys_when_one_comes() {
    let folder = tempfile::tempdir().unwrap();
    let (http, https, admin) = (free_port(), free_port(), free_port());
    let mut controller = ControlPlane::start("localhost:0", folder.path());
    let address = controller.address;
    let with_tls = plan(http, 301, Some(https));
    controller.publish(with_tls.clone());
    let first = proxy(address, admin, folder.path());
    controller.wait(|standing| standing.is_confirmed() && standing.rejected(|_| true).is_empty());
    let cached = folder.path().join("plan");
    wait(|| fs::read_to_string(&cached).ok());
    drop(first);
    drop(controller);
    assert!(!fs::read_to_string(&cached).unwrap().contains("PRIVATE KEY"));

    let _second = proxy(address, admin, folder.path());
    wait(|| status(http, "/").filter(|status| *status == 301));
    assert_eq!(status(admin, "/readyz"), Some(503), "keys may come any moment");
    let mut controller = ControlPlane::start(&format!("localhost:{}", address.port()), folder.path());
    controller.publish(with_tls.clone());
    controller.wait(Standing::is_confirmed);
    wait(|| status(admin, "/readyz").filter(|status| *status == 200));
    let mut sent = 0;
    resource::each(&with_tls, |_, _| sent += 1);
    assert_eq!(sent, 4);
}
