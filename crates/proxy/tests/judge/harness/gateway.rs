//! The gateway under judgement, from a Plan built by hand.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use gatewright_core::plan::{
    Backend, BackendId, BackendProtocol, Certificate, CertificateId, ClientValidation, Endpoint, Endpoints,
    EndpointsId, GatewayId, Hostname, KeyPair, Listener, ListenerId, ListenerTls, Match, PathMatch, Plan, Port,
    PortProtocol, Precedence, PrivateKey, Route, RouteId, RouteKind, Rule, Strictness, Target, Timeouts,
    WeightedBackend,
};
use gatewright_proxy::{AccessLog, Proxy, Settings, edge::Edge, limits::Limits};
use socket2::{Domain, Socket, Type};

use super::{Client, Origin};

/// A running proxy with one port.
pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    pub(crate) proxy: Proxy,
    /// Holds the port against others until the gateway is gone.
    _reserved: Socket,
}

impl Gateway {
    /// A gateway that forwards everything to `origin`.
    pub(crate) fn to(origin: &Origin) -> Self {
        Self::builder().forward("", origin).start()
    }

    pub(crate) fn builder() -> Builder {
        Builder {
            limits: Limits::default(),
            edge: Edge::default(),
            plan: Plan::default(),
            listeners: Vec::new(),
            protocol: PortProtocol::Http,
        }
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }
}

/// Collects a Plan.
pub(crate) struct Builder {
    limits: Limits,
    edge: Edge,
    plan: Plan,
    /// Listeners by hostname; one for any host when there is none.
    listeners: Vec<(String, Option<ListenerTls>)>,
    protocol: PortProtocol,
}

impl Builder {
    pub(crate) fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    pub(crate) fn edge(self, edge: Edge) -> Self {
        Self { edge, ..self }
    }

    /// A listener that terminates TLS with a certificate of its own, chain and key in PEM.
    pub(crate) fn secure_listener(mut self, hostname: &str, chain: &str, key: &str) -> Self {
        let id = CertificateId::new(format!("secret/judge/{}", self.listeners.len()));
        let pair = KeyPair { chain: chain.into(), key: PrivateKey::new(key) };
        self.plan.certificates.insert(id.clone(), Certificate::Valid(pair));
        self.listeners.push((hostname.to_owned(), Some(ListenerTls { certificates: vec![id], client: None })));
        self.protocol = PortProtocol::Https;
        self
    }

    /// Has the listener that was added last ask its clients for certificates.
    pub(crate) fn asking_clients(mut self, validation: ClientValidation) -> Self {
        let tls = self.listeners.last_mut().and_then(|(_, tls)| tls.as_mut());
        tls.expect("a secure listener was added").client = Some(validation);
        self
    }

    /// Forwards everything under `hostname` to `origin`.
    pub(crate) fn forward(self, hostname: &str, origin: &Origin) -> Self {
        let name = format!("all-{hostname}");
        self.backend(&name, origin).rules(hostname, vec![rule(prefix("/"), [forward(&name)])])
    }

    /// A backend with one endpoint that speaks HTTP/1.1.
    pub(crate) fn backend(self, name: &str, origin: &Origin) -> Self {
        self.endpoint(name, BackendProtocol::Http1, &[origin.address])
    }

    pub(crate) fn endpoint(mut self, name: &str, protocol: BackendProtocol, addresses: &[SocketAddr]) -> Self {
        let endpoints = EndpointsId::new(name);
        let ready = addresses.iter().map(|address| Endpoint { address: *address }).collect();
        self.plan.endpoints.insert(endpoints.clone(), Arc::new(Endpoints { ready }));
        self.plan.backends.insert(BackendId::new(name), Arc::new(Backend { protocol, tls: None, endpoints }));
        self
    }

    /// An HTTPRoute with these rules, on every listener whose hostname it meets.
    pub(crate) fn rules(self, hostname: &str, rules: Vec<Rule>) -> Self {
        self.route(RouteKind::Http, hostname, rules)
    }

    pub(crate) fn route(mut self, kind: RouteKind, hostname: &str, rules: Vec<Rule>) -> Self {
        let name: Arc<str> = format!("{hostname}-{}", self.plan.routes.len()).into();
        let id = RouteId::new(format!("httproute/judge/{name}"));
        let precedence = Precedence { created: 0, namespace: "judge".into(), name };
        let hostnames = vec![Hostname::parse(Some(hostname))];
        self.plan.routes.insert(id.clone(), Arc::new(Route { id, kind, hostnames, precedence, rules }));
        self
    }

    pub(crate) fn start(self) -> Gateway {
        self.start_with_plan().0
    }

    /// Returns the Plan, too, for whoever changes it.
    pub(crate) fn start_with_plan(mut self) -> (Gateway, Plan) {
        let (reserved, address) = reserve_port();
        if self.listeners.is_empty() {
            self.listeners.push((String::new(), None));
        }
        let mut listeners: Vec<_> =
            self.listeners.iter().map(|(hostname, tls)| self.attach(hostname, tls.clone())).collect();
        listeners.sort_by(|a, b| a.hostname.cmp(&b.hostname));
        self.plan
            .ports
            .insert(address.port(), Port { protocol: self.protocol, listeners, strictness: Strictness::default() });
        let bind = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
        let settings = Settings {
            workers: 1,
            bind,
            port_offset: 0,
            limits: self.limits,
            edge: self.edge,
            access_log: AccessLog::Off,
        };
        let proxy = Proxy::start(settings).expect("a proxy starts");
        let report = proxy.publish(&self.plan).expect("a Plan is published");
        assert_eq!(report.ports.get(&address.port()), Some(&Ok(vec![address])));
        (Gateway { address, proxy, _reserved: reserved }, self.plan)
    }

    fn attach(&self, hostname: &str, tls: Option<ListenerTls>) -> Listener {
        let pattern = Hostname::parse(Some(hostname));
        let meets = |route: &Route| route.hostnames.iter().any(|hostname| hostname.intersects(&pattern));
        Listener {
            id: ListenerId::new(format!("gateway/judge/judge/{hostname}")),
            gateway: GatewayId::new("judge/judge"),
            tls,
            filters: Vec::new(),
            routes: self.plan.routes.values().filter(|route| meets(route)).map(|route| route.id.clone()).collect(),
            hostname: pattern,
        }
    }
}

/// A free port that nobody else gets: bound, never listening, and shared (SO_REUSEPORT) with the proxy alone.
fn reserve_port() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a process may have sockets");
    socket.set_reuse_port(true).expect("a new socket takes options");
    // Beside it the proxy finds that nobody listens.
    socket.set_reuse_address(true).expect("a new socket takes options");
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("loopback has free ports");
    let address = socket.local_addr().expect("a bound socket has an address").as_socket().expect("of IPv4");
    (socket, address)
}

pub(crate) fn prefix(path: &str) -> PathMatch {
    PathMatch::Prefix(path.into())
}

/// A rule for a path whose targets share its traffic equally.
pub(crate) fn rule(path: PathMatch, targets: impl IntoIterator<Item = Target>) -> Rule {
    Rule {
        name: None,
        matches: vec![Match { path, method: None, headers: Vec::new(), query: Vec::new() }],
        filters: Vec::new(),
        backends: targets
            .into_iter()
            .map(|target| WeightedBackend { weight: 1, target, filters: Vec::new() })
            .collect(),
        timeouts: Timeouts::default(),
        retry: None,
    }
}

pub(crate) fn forward(backend: &str) -> Target {
    Target::Backend(BackendId::new(backend))
}
