//! What tests of whole exchanges stand on: a worker with a Plan, its clients and its backends, all in memory.
//!
//! A test speaks for the client and for the backend, in bytes; time may stand still.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gatewright_core::plan::{
    Backend, BackendId, BackendProtocol, Endpoint, Endpoints, EndpointsId, GatewayId, Hostname, Listener, ListenerId,
    Match, PathMatch, Plan, Port, PortProtocol, Precedence, Route, RouteId, RouteKind, Rule, Strictness, Target,
    Timeouts, WeightedBackend,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::task::{LocalSet, spawn_local};

use crate::budget::Pool;
use crate::downstream::h1;
use crate::edge::Edge;
use crate::limits::Limits;
use crate::message::Scheme;
use crate::observe::{AccessLog, Observer};
use crate::snapshot::Builder;
use crate::upstream::connect::memory;
use crate::worker::{Connection, Shared, Worker};

/// The Plan's one port.
pub(crate) const PORT: u16 = 80;
/// Longer than anything takes that is tested here.
const STUCK: Duration = Duration::from_secs(3600);
/// Bytes that a client's pipe holds in each direction.
const PIPE_BYTES: usize = 64 * 1024;

/// A rule for every request, to the backend `app`.
pub(crate) fn rule() -> Rule {
    rule_to("app")
}

pub(crate) fn rule_to(backend: &str) -> Rule {
    let any = Match { path: PathMatch::Prefix("/".into()), method: None, headers: Vec::new(), query: Vec::new() };
    let share = WeightedBackend { weight: 1, target: Target::Backend(BackendId::new(backend)), filters: Vec::new() };
    Rule {
        name: None,
        matches: vec![any],
        filters: Vec::new(),
        backends: vec![share],
        timeouts: Timeouts::default(),
        retry: None,
    }
}

/// A Plan with one listener, one route and one rule, for the host `h.org`; its backends are `app`, with one endpoint,
/// `pair` with two, `mirror`, and `auth` over HTTP and gRPC.
pub(crate) fn plan(rule: Rule) -> Plan {
    let mut plan = Plan::default();
    for (name, protocol, addresses) in [
        ("app", BackendProtocol::Http1, vec![app(1)]),
        ("pair", BackendProtocol::Http1, vec![app(1), app(2)]),
        ("mirror", BackendProtocol::Http1, vec![mirror()]),
        ("auth", BackendProtocol::Http1, vec![auth()]),
        ("auth-grpc", BackendProtocol::Http2, vec![auth()]),
    ] {
        let endpoints = EndpointsId::new(name);
        let backend = Backend { protocol, tls: None, endpoints: endpoints.clone() };
        plan.backends.insert(BackendId::new(name), Arc::new(backend));
        let ready = addresses.into_iter().map(|address| Endpoint { address }).collect();
        plan.endpoints.insert(endpoints, Arc::new(Endpoints { ready }));
    }
    let id = RouteId::new("httproute/ns/route");
    let precedence = Precedence { created: 0, namespace: "ns".into(), name: "route".into() };
    let hostnames = vec![Hostname::Exact("h.org".into())];
    let route = Route { id: id.clone(), kind: RouteKind::Http, hostnames, precedence, rules: vec![rule] };
    plan.routes.insert(id.clone(), Arc::new(route));
    let listener = Listener {
        id: ListenerId::new("gateway/ns/gateway/http"),
        gateway: GatewayId::new("ns/gateway"),
        hostname: Hostname::Any,
        tls: None,
        filters: Vec::new(),
        routes: [id].into(),
    };
    plan.ports.insert(
        PORT,
        Port { protocol: PortProtocol::Http, listeners: vec![listener], strictness: Strictness::default() },
    );
    plan
}

/// The nth endpoint of `app`.
pub(crate) fn app(nth: u8) -> SocketAddr {
    ([10, 0, 0, nth], 8080).into()
}

pub(crate) fn mirror() -> SocketAddr {
    ([10, 0, 1, 1], 8080).into()
}

pub(crate) fn auth() -> SocketAddr {
    ([10, 0, 2, 1], 9000).into()
}

/// How a worker runs, apart from its Plan.
#[derive(Clone, Default)]
pub(crate) struct Setup {
    pub(crate) limits: Limits,
    pub(crate) edge: Edge,
    pub(crate) access_log: AccessLog,
    /// Of the access log.
    pub(crate) output: Output,
}

/// A writer whose text a test can read.
#[derive(Clone, Default)]
pub(crate) struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A worker that executes `plan`.
pub(crate) fn worker(plan: &Plan, setup: Setup) -> (Rc<Worker>, Arc<Observer>) {
    let Setup { limits, edge, access_log, output } = setup;
    let budget = Arc::new(Pool::new(&limits));
    let observer = Arc::new(Observer::start_to(1, access_log, budget.clone(), output).unwrap());
    let (snapshot, _) = Builder::new(observer.clone()).unwrap().build(plan).unwrap();
    let shared = Shared { limits: Arc::new(limits), edge: Arc::new(edge), budget, ..Shared::default() };
    let worker = Worker::new(shared, observer.recorder(), Arc::new(snapshot));
    (Rc::new(worker), observer)
}

/// A worker with its surroundings.
pub(crate) struct Bed {
    pub(crate) worker: Rc<Worker>,
    pub(crate) observer: Arc<Observer>,
    /// How many of the clients' connections have ended.
    pub(crate) ended: Rc<Cell<u32>>,
}

impl Bed {
    /// Runs `test` on a bed whose requests go by `rule`.
    pub(crate) async fn run(rule: Rule, test: impl AsyncFnOnce(Bed)) {
        Self::run_plan(&plan(rule), test).await;
    }

    /// Runs `test` on a bed whose requests go by `plan`.
    pub(crate) async fn run_plan(plan: &Plan, test: impl AsyncFnOnce(Bed)) {
        Self::run_within(Limits::default(), plan, test).await;
    }

    /// Runs `test` on a bed with other limits.
    pub(crate) async fn run_within(limits: Limits, plan: &Plan, test: impl AsyncFnOnce(Bed)) {
        Self::run_with(Setup { limits, ..Setup::default() }, plan, test).await;
    }

    /// Runs `test` on a bed that is set up otherwise.
    pub(crate) async fn run_with(setup: Setup, plan: &Plan, test: impl AsyncFnOnce(Bed)) {
        let (worker, observer) = worker(plan, setup);
        let running = test(Self { worker, observer, ended: Rc::default() });
        // While time stands still, this comes when nothing else ever would.
        let ended = tokio::time::timeout(STUCK, LocalSet::new().run_until(running)).await;
        assert!(ended.is_ok(), "the test waits for what does not come");
    }

    /// A client that has just connected.
    pub(crate) fn client(&self) -> Peer {
        let (ours, theirs) = duplex(PIPE_BYTES);
        let connection = Connection::new(([192, 0, 2, 1], 5000).into(), PORT, Scheme::Http, None);
        let (worker, ended) = (self.worker.clone(), self.ended.clone());
        spawn_local(async move {
            let connection = worker.connections.add(&worker, connection);
            h1::serve(theirs, &connection, &worker, false).await;
            ended.set(ended.get() + 1);
        });
        Peer(ours)
    }
}

/// Where a test answers for an endpoint.
pub(crate) struct Listening(mpsc::UnboundedReceiver<DuplexStream>);

pub(crate) fn listen(address: SocketAddr) -> Listening {
    Listening(memory::listen(address))
}

impl Listening {
    pub(crate) async fn accept(&mut self) -> Peer {
        Peer(self.0.recv().await.expect("its sender stays"))
    }

    /// Whether nobody has connected that was not accepted.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.0.try_recv().is_err()
    }
}

/// One end of a connection with the proxy, spoken for by the test. It leaves out the lines that tell the time, which no
/// test could foretell.
pub(crate) struct Peer(pub(crate) DuplexStream);

const DATE: &str = "date: ";

impl Peer {
    pub(crate) async fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads a head; returns it without its empty line.
    pub(crate) async fn head(&mut self) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            match self.0.read_u8().await {
                Ok(byte) => bytes.push(byte),
                Err(_) => panic!("ended after {:?}", String::from_utf8_lossy(&bytes)),
            }
        }
        bytes.truncate(bytes.len() - 2);
        let mut head = undated(&String::from_utf8(bytes).unwrap());
        head.truncate(head.len() - 2);
        head
    }

    /// Reads exactly `text`.
    pub(crate) async fn hear(&mut self, text: &str) {
        let (mut bytes, mut line) = (Vec::new(), 0);
        // What looks like the beginning of a date, and is not what is wanted, is read to the end of its line.
        while bytes.len() < text.len() || (bytes != text.as_bytes() && is_dated(&bytes[line..])) {
            let Ok(byte) = self.0.read_u8().await else { break };
            bytes.push(byte);
            if byte == b'\n' {
                if bytes[line..].starts_with(DATE.as_bytes()) {
                    bytes.truncate(line);
                }
                line = bytes.len();
            }
        }
        assert_eq!(String::from_utf8_lossy(&bytes), text);
    }

    /// Reads to the end of the connection.
    pub(crate) async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes).await.unwrap();
        undated(&String::from_utf8(bytes).unwrap())
    }

    /// Reads a head and answers it with `status` and a body of two bytes.
    pub(crate) async fn answer(&mut self, status: &str) -> String {
        let head = self.head().await;
        self.say(&format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok")).await;
        head
    }

    /// Sends a GET.
    pub(crate) async fn get(&mut self) {
        self.say("GET / HTTP/1.1\r\nHost: h.org\r\n\r\n").await;
    }
}

fn undated(text: &str) -> String {
    text.split_inclusive("\r\n").filter(|line| !line.starts_with(DATE)).collect()
}

/// Whether `line` may become, or is, a date's.
fn is_dated(line: &[u8]) -> bool {
    let length = line.len().min(DATE.len());
    length > 0 && line[..length] == DATE.as_bytes()[..length]
}
