//! A Snapshot made step by step equals one made from scratch.

use std::collections::BTreeSet;

use gatewright_core::plan::{
    Backend, Endpoint, Endpoints, EndpointsId, GatewayId, Listener, ListenerId, PathMatch, Plan, Port, Precedence,
    RouteId, RouteKind, Target,
};
use proptest::{prelude::*, sample::select};

use super::*;
use crate::message::RequestHead;
use crate::observe::{AccessLog, Observer};

const HOSTS: [&str; 3] = ["a.org", "b.org", "c.b.org"];
const HOSTNAMES: [&str; 4] = ["", "a.org", "b.org", "*.b.org"];
const PATHS: [&str; 3] = ["/", "/x", "/x/y"];
const BACKENDS: [&str; 3] = ["one", "two", "three"];

/// A route as the tests draw it: its hostnames, and for each rule a prefix and its backends.
type Drawn = (Vec<&'static str>, Vec<(&'static str, Vec<&'static str>)>);

fn any_route() -> impl Strategy<Value = Option<Drawn>> {
    let backends = prop::sample::subsequence(BACKENDS.to_vec(), 0..3);
    let rules = prop::collection::vec((select(&PATHS), backends), 1..3);
    prop::option::weighted(0.8, (prop::sample::subsequence(HOSTNAMES.to_vec(), 1..3), rules))
}

/// Routes, the port of each backend's endpoint, and which routes each of two listeners has.
fn any_plan() -> impl Strategy<Value = Plan> {
    let routes = prop::collection::vec(any_route(), 4);
    let endpoints = prop::collection::vec(prop::option::weighted(0.8, 1u16..3), BACKENDS.len());
    let attached = prop::collection::vec((any::<bool>(), any::<bool>()), 4);
    (routes, endpoints, attached, select(&["", "*.org"])).prop_map(|(routes, endpoints, attached, hostname)| {
        let mut plan = Plan::default();
        let mut listeners: [Vec<RouteId>; 2] = Default::default();
        for (number, (drawn, attached)) in routes.into_iter().zip(attached).enumerate() {
            let id = RouteId::new(format!("route-{number}"));
            // An id without its route is no reason to fail.
            listeners[0].extend(attached.0.then(|| id.clone()));
            listeners[1].extend(attached.1.then(|| id.clone()));
            if let Some(drawn) = drawn {
                plan.routes.insert(id.clone(), Arc::new(route(id, drawn)));
            }
        }
        for (name, port) in BACKENDS.into_iter().zip(endpoints) {
            let Some(port) = port else { continue };
            let id = EndpointsId::new(name);
            let backend = Backend { protocol: BackendProtocol::Http1, tls: None, endpoints: id.clone() };
            plan.backends.insert(BackendId::new(name), Arc::new(backend));
            let ready = vec![Endpoint { address: ([127, 0, 0, 1], port).into() }];
            plan.endpoints.insert(id, Arc::new(Endpoints { ready }));
        }
        for (number, routes) in (80..).zip(listeners) {
            let listener = Listener {
                id: ListenerId::new(format!("listener-{number}")),
                gateway: GatewayId::new("ns/gateway"),
                hostname: Hostname::parse(Some(hostname)),
                tls: None,
                filters: Vec::new(),
                routes: routes.into_iter().collect(),
            };
            plan.ports.insert(
                number,
                Port { protocol: PortProtocol::Http, listeners: vec![listener], strictness: Strictness::default() },
            );
        }
        plan
    })
}

fn route(id: RouteId, (hostnames, rules): Drawn) -> Route {
    let precedence = Precedence { created: 0, namespace: "ns".into(), name: id.as_str().into() };
    let rules = rules.into_iter().map(|(prefix, backends)| Rule {
        backends: backends
            .into_iter()
            .map(|name| WeightedBackend {
                weight: 1,
                target: Target::Backend(BackendId::new(name)),
                filters: Vec::new(),
            })
            .collect(),
        matches: vec![Match {
            path: PathMatch::Prefix(prefix.into()),
            method: None,
            headers: Vec::new(),
            query: Vec::new(),
        }],
        ..crate::testbed::rule()
    });
    Route {
        id,
        kind: RouteKind::Http,
        hostnames: hostnames.into_iter().map(|hostname| Hostname::parse(Some(hostname))).collect(),
        precedence,
        rules: rules.collect(),
    }
}

fn builder() -> Builder {
    Builder::new(Arc::new(Observer::start(1, AccessLog::Off, Arc::default()).unwrap())).unwrap()
}

/// What becomes of a request: its route and rule, and of each share the endpoints, or `None` when it is refused.
type Outcome = Option<(RouteId, u16, Vec<Option<Vec<SocketAddr>>>)>;

fn outcome(snapshot: &Snapshot, port: u16, host: &str, path: &str) -> Outcome {
    let head = RequestHead { host: host.into(), path: path.into(), ..RequestHead::default() };
    let found = snapshot.port(port)?.select(host)?.find(&head)?;
    let shares = found.plan().backends.len() as u32;
    let mut ends: Vec<_> = (0..shares * 8)
        .filter_map(|count| found.rule.choose(|| count))
        .map(|(share, destination)| match destination {
            Destination::Backend(number) => {
                let backend = snapshot.backend(number);
                (share, backend.map(|backend| backend.endpoints.iter().map(|endpoint| endpoint.address).collect()))
            }
            Destination::Refused(_) => (share, None),
        })
        .collect();
    ends.sort();
    ends.dedup();
    Some((found.route.route.id.clone(), found.index, ends.into_iter().map(|(_, end)| end).collect()))
}

/// The counters of every rule that some request reaches.
fn slots(snapshot: &Snapshot) -> BTreeSet<(RouteId, u16, u32)> {
    let mut slots = BTreeSet::new();
    for (host, path) in HOSTS.into_iter().flat_map(|host| PATHS.map(|path| (host, path))) {
        let head = RequestHead { host: host.into(), path: path.into(), ..RequestHead::default() };
        for port in snapshot.ports() {
            let found = port.select(host).and_then(|listener| listener.find(&head));
            slots.extend(found.map(|found| (found.route.route.id.clone(), found.index, found.rule.slot)));
        }
    }
    slots
}

proptest! {
    #[test]
    fn a_snapshot_made_step_by_step_is_the_one_made_from_scratch(plans in prop::collection::vec(any_plan(), 1..6)) {
        let mut builder = builder();
        for plan in plans {
            let (snapshot, _) = builder.build(&plan).unwrap();
            let (scratch, _) = self::builder().build(&plan).unwrap();
            for (host, path) in HOSTS.into_iter().flat_map(|host| PATHS.map(|path| (host, path))) {
                for port in [80, 81] {
                    prop_assert_eq!(outcome(&snapshot, port, host, path), outcome(&scratch, port, host, path));
                }
            }
            let slots = slots(&snapshot);
            prop_assert!(slots.iter().all(|(_, _, slot)| (*slot as usize) < snapshot.slots));
            let distinct: BTreeSet<u32> = slots.iter().map(|(_, _, slot)| *slot).collect();
            prop_assert_eq!(distinct.len(), slots.len(), "no two rules count together");
            let keys: Vec<u64> =
                snapshot.backends.by_number.iter().flatten().flat_map(|backend| &backend.endpoints).map(|endpoint| endpoint.key).collect();
            prop_assert!(keys.iter().all(|key| snapshot.has_endpoint(*key)));
        }
    }

    #[test]
    fn what_does_not_change_is_shared_and_keeps_its_counters(plan in any_plan(), other in any_plan()) {
        let mut builder = builder();
        let (first, _) = builder.build(&plan).unwrap();
        let (again, _) = builder.build(&plan.clone()).unwrap();
        for (one, two) in first.ports().zip(again.ports()) {
            prop_assert!(one.listeners.iter().zip(&two.listeners).all(|(one, two)| Arc::ptr_eq(one, two)));
        }
        prop_assert!(Arc::ptr_eq(&first.backends.by_number, &again.backends.by_number));
        // Routes that both Plans have.
        let mut mixed = other.clone();
        mixed.routes.extend(plan.routes.iter().map(|(id, route)| (id.clone(), route.clone())));
        mixed.ports.clone_from(&plan.ports);
        let (next, _) = builder.build(&mixed).unwrap();
        let had = slots(&first);
        for (id, rule, slot) in slots(&next) {
            let before = had.iter().find(|(had, had_rule, _)| *had == id && *had_rule == rule);
            prop_assert!(before.is_none_or(|(.., before)| *before == slot));
        }
    }
}
