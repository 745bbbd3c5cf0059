//! A Plan made ready to execute: ids become references, text becomes tables. Built off the workers, then never changed.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use gatewright_core::filter::Filter;
use gatewright_core::plan::{
    Backend, BackendId, BackendProtocol, CertificateId, Hostname, Listener, Match, Plan, Port, PortProtocol, Refusal,
    Request, Route, RouteId, RouteTable, Rule, Target, WeightedBackend, Weights,
};

use crate::observe::{Observer, Series};
use crate::tls;

/// What all workers execute, from one publish to the next.
pub(crate) struct Snapshot {
    ports: Vec<(u16, PortSnapshot)>,
    /// Mirrors look theirs up; rules hold their own.
    pub(crate) backends: HashMap<BackendId, Arc<BackendSnapshot>>,
    /// How many counters the rules need; [`RuleSnapshot::slot`] is below it.
    pub(crate) slots: usize,
}

pub(crate) struct PortSnapshot {
    pub(crate) number: u16,
    pub(crate) protocol: PortProtocol,
    pub(crate) tls: Option<Arc<tls::Acceptor>>,
    exact: HashMap<Arc<str>, usize>,
    /// Most specific first, without the exact ones that `exact` finds.
    patterns: Vec<usize>,
    listeners: Vec<ListenerSnapshot>,
}

pub(crate) struct ListenerSnapshot {
    pub(crate) hostname: Hostname,
    pub(crate) series: Series,
    table: RouteTable,
    routes: Vec<Arc<RouteSnapshot>>,
}

pub(crate) struct RouteSnapshot {
    pub(crate) route: Arc<Route>,
    pub(crate) series: Series,
    rules: Vec<RuleSnapshot>,
}

/// What a rule adds to its Plan: where its shares lead.
pub(crate) struct RuleSnapshot {
    /// Where a worker counts the rule's choices: first of its backend, then of each mirror in turn.
    pub(crate) slot: usize,
    /// In the order of the Plan's backends, as are `targets`.
    pub(crate) weights: Weights,
    pub(crate) targets: Vec<Destination>,
}

pub(crate) enum Destination {
    Backend(Arc<BackendSnapshot>),
    Refused(Refusal),
}

pub(crate) struct BackendSnapshot {
    pub(crate) id: BackendId,
    pub(crate) protocol: BackendProtocol,
    pub(crate) tls: Option<Arc<tls::Connector>>,
    pub(crate) endpoints: Vec<EndpointSnapshot>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct EndpointSnapshot {
    pub(crate) address: SocketAddr,
    /// The same number means the same address, spoken to in the same way: its connections may be shared.
    pub(crate) key: u64,
}

/// A rule that matched, and what it was found by.
pub(crate) struct Found<'s> {
    pub(crate) route: &'s RouteSnapshot,
    pub(crate) rule: &'s RuleSnapshot,
    pub(crate) plan: &'s Rule,
    pub(crate) index: usize,
    pub(crate) matched: &'s Match,
}

impl Snapshot {
    pub(crate) fn port(&self, number: u16) -> Option<&PortSnapshot> {
        self.ports.iter().find(|(have, _)| *have == number).map(|(_, port)| port)
    }

    pub(crate) fn ports(&self) -> impl Iterator<Item = &PortSnapshot> {
        self.ports.iter().map(|(_, port)| port)
    }
}

impl PortSnapshot {
    /// Returns the listener with the most specific hostname that `host` (lower-case, no port) matches.
    pub(crate) fn select(&self, host: &str) -> Option<&ListenerSnapshot> {
        if let Some(&listener) = self.exact.get(host) {
            return Some(&self.listeners[listener]);
        }
        self.patterns.iter().map(|&listener| &self.listeners[listener]).find(|listener| listener.hostname.matches(host))
    }
}

impl ListenerSnapshot {
    pub(crate) fn find(&self, request: &impl Request) -> Option<Found<'_>> {
        let hit = self.table.find(request)?;
        let route = &*self.routes[hit.route as usize];
        let index = usize::from(hit.rule);
        let plan = &route.route.rules[index];
        let matched = &plan.matches[usize::from(hit.matched)];
        Some(Found { route, rule: &route.rules[index], plan, index, matched })
    }
}

/// Makes Snapshots, and remembers from one to the next what may not start anew.
pub(crate) struct Builder {
    material: tls::Material,
    observer: Arc<Observer>,
    endpoints: HashMap<EndpointIdentity, EndpointKey>,
    next_key: u64,
}

/// What makes connections interchangeable.
#[derive(Clone, PartialEq, Eq, Hash)]
struct EndpointIdentity {
    address: SocketAddr,
    http2: bool,
    /// The connector's address: it is made anew when its content changes.
    connector: Option<usize>,
}

/// The key of an endpoint, and the connector whose address is part of its identity: kept, so that no other takes it.
#[derive(Clone)]
struct EndpointKey {
    key: u64,
    _connector: Option<Arc<tls::Connector>>,
}

impl Builder {
    /// # Errors
    /// When the machine has no randomness for TLS.
    pub(crate) fn new(observer: Arc<Observer>) -> Result<Self, rustls::Error> {
        Ok(Self { material: tls::Material::new()?, observer, endpoints: HashMap::new(), next_key: 0 })
    }

    /// Makes `plan` ready. Returns also which certificates cannot be used, and why.
    ///
    /// # Errors
    /// When the machine has no randomness for TLS.
    pub(crate) fn build(&mut self, plan: &Plan) -> Result<(Snapshot, BTreeMap<CertificateId, String>), rustls::Error> {
        let wrong = self.material.load(plan);
        let before = std::mem::take(&mut self.endpoints);
        let backends: HashMap<_, _> = plan
            .backends
            .iter()
            .map(|(id, backend)| (id.clone(), Arc::new(self.backend(id, backend, plan, &before))))
            .collect();
        let mut slots = 0;
        let routes: HashMap<&RouteId, Arc<RouteSnapshot>> = plan
            .routes
            .iter()
            .map(|(id, route)| (id, Arc::new(route_snapshot(route, &backends, &mut slots, &self.observer))))
            .collect();
        let mut ports = Vec::with_capacity(plan.ports.len());
        for (number, port) in &plan.ports {
            ports.push((*number, self.port(*number, port, &routes)?));
        }
        Ok((Snapshot { ports, backends, slots }, wrong))
    }

    fn backend(
        &mut self,
        id: &BackendId,
        backend: &Backend,
        plan: &Plan,
        before: &HashMap<EndpointIdentity, EndpointKey>,
    ) -> BackendSnapshot {
        let mut connector = None;
        let mut usable = true;
        if let Some(tls) = &backend.tls {
            match self.material.connector(id, backend, tls) {
                Ok(made) => connector = Some(made),
                Err(reason) => {
                    // Never plaintext instead: without endpoints the answer is 503.
                    tracing::error!(backend = %id, reason, "backend's TLS cannot be set up");
                    usable = false;
                }
            }
        }
        let ready =
            plan.endpoints.get(&backend.endpoints).filter(|_| usable).map_or(&[][..], |endpoints| &endpoints.ready);
        let endpoints = ready
            .iter()
            .map(|endpoint| {
                let identity = EndpointIdentity {
                    address: endpoint.address,
                    http2: backend.protocol == BackendProtocol::Http2,
                    connector: connector.as_ref().map(|connector| Arc::as_ptr(connector).addr()),
                };
                EndpointSnapshot { address: endpoint.address, key: self.key(identity, connector.as_ref(), before) }
            })
            .collect();
        BackendSnapshot { id: id.clone(), protocol: backend.protocol, tls: connector, endpoints }
    }

    fn key(
        &mut self,
        identity: EndpointIdentity,
        connector: Option<&Arc<tls::Connector>>,
        before: &HashMap<EndpointIdentity, EndpointKey>,
    ) -> u64 {
        let next = &mut self.next_key;
        let entry = self.endpoints.entry(identity).or_insert_with_key(|identity| {
            before.get(identity).cloned().unwrap_or_else(|| {
                *next += 1;
                EndpointKey { key: *next, _connector: connector.cloned() }
            })
        });
        entry.key
    }

    fn port(
        &mut self,
        number: u16,
        port: &Port,
        routes: &HashMap<&RouteId, Arc<RouteSnapshot>>,
    ) -> Result<PortSnapshot, rustls::Error> {
        let tls = match port.protocol {
            PortProtocol::Http => None,
            PortProtocol::Https => Some(Arc::new(self.material.acceptor(port)?)),
        };
        let listeners: Vec<_> =
            port.listeners.iter().map(|listener| listener_snapshot(listener, routes, &self.observer)).collect();
        let mut exact = HashMap::new();
        let mut patterns = Vec::new();
        for (index, listener) in listeners.iter().enumerate() {
            match &listener.hostname {
                Hostname::Exact(name) => _ = exact.insert(name.clone(), index),
                Hostname::Wildcard(_) | Hostname::Any => patterns.push(index),
            }
        }
        Ok(PortSnapshot { number, protocol: port.protocol, tls, exact, patterns, listeners })
    }
}

fn listener_snapshot(
    listener: &Listener,
    routes: &HashMap<&RouteId, Arc<RouteSnapshot>>,
    observer: &Observer,
) -> ListenerSnapshot {
    let attached: Vec<_> = listener.routes.iter().filter_map(|id| routes.get(id).cloned()).collect();
    ListenerSnapshot {
        hostname: listener.hostname.clone(),
        series: observer.listener(&listener.id),
        table: RouteTable::build(&listener.hostname, (0..).zip(attached.iter().map(|route| &route.route))),
        routes: attached,
    }
}

fn route_snapshot(
    route: &Arc<Route>,
    backends: &HashMap<BackendId, Arc<BackendSnapshot>>,
    slots: &mut usize,
    observer: &Observer,
) -> RouteSnapshot {
    let rules = route
        .rules
        .iter()
        .map(|rule| {
            let slot = *slots;
            *slots += 1 + mirrors(rule);
            let target = |share: &WeightedBackend| match &share.target {
                Target::Refused(refusal) => Destination::Refused(*refusal),
                Target::Backend(id) => backends
                    .get(id)
                    .map_or(Destination::Refused(Refusal::Broken), |backend| Destination::Backend(backend.clone())),
            };
            RuleSnapshot {
                slot,
                weights: Weights::new(rule.backends.iter().map(|share| share.weight)),
                targets: rule.backends.iter().map(target).collect(),
            }
        })
        .collect();
    RouteSnapshot { route: route.clone(), series: observer.route(&route.id), rules }
}

fn mirrors(rule: &Rule) -> usize {
    let filters = rule.filters.iter().chain(rule.backends.iter().flat_map(|share| &share.filters));
    filters.filter(|filter| matches!(filter, Filter::Mirror(_))).count()
}
