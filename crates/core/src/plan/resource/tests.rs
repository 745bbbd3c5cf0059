//! Resources make the Plan again that they were made of, whatever lies between.

mod later;

use std::{sync::Arc, time::Duration};

use gatewright_shared_map::{SharedMap, SharedSet};
use proptest::{collection::btree_map, collection::vec, option, prelude::*, sample::subsequence};

use super::{Difference, Name, Store, difference};
use crate::{
    filter::{
        Filter,
        external_auth::{AuthProtocol, ExternalAuth},
        header::HeaderModifier,
        mirror::Mirror,
        redirect::Redirect,
        rewrite::PathRewrite,
    },
    plan::*,
};

fn plans() -> impl Strategy<Value = Plan> {
    let routes = btree_map(0..6_u8, any_route(), 0..6);
    let certificates = btree_map(0..3_u8, option::of("[a-z]{3}"), 0..3);
    let endpoints = btree_map(0..4_u8, vec(1..250_u8, 0..4), 0..4);
    let ports = vec(subsequence(vec![0_u8, 1, 2, 3, 4, 5], 0..6), 4);
    (routes, certificates, endpoints, ports, any::<bool>()).prop_map(
        |(routes, certificates, endpoints, ports, has_both)| {
            let routes: SharedMap<_, _> = routes.into_iter().map(|(number, route)| named(number, route)).collect();
            let listeners = ports.into_iter().enumerate().map(|(index, attached)| {
                let attached = attached.into_iter().map(route_id).filter(|id| routes.contains_key(id)).collect();
                listener(index, attached)
            });
            let mut listeners: Vec<_> = listeners.collect();
            let second = listeners.split_off(if has_both { 2 } else { 4 });
            let mut plan = Plan { routes, ..Plan::default() };
            for (number, listeners) in [(80, listeners), (443, second)] {
                if !listeners.is_empty() {
                    plan.ports.insert(
                        number,
                        Port { protocol: PortProtocol::Http, listeners, strictness: Strictness::default() },
                    );
                }
            }
            plan.certificates = certificates
                .into_iter()
                .map(|(number, key)| (CertificateId::new(format!("secret/ns/{number}")), certificate(key)))
                .collect();
            for (number, addresses) in endpoints {
                let id = EndpointsId::new(format!("service/ns/{number}/80"));
                let backend = Backend { protocol: BackendProtocol::Http2, tls: tls(number), endpoints: id.clone() };
                plan.backends.insert(BackendId::new(format!("service/ns/{number}/80/http2")), Arc::new(backend));
                let ready =
                    addresses.into_iter().map(|last| Endpoint { address: ([10, 0, 0, last], 80).into() }).collect();
                plan.endpoints.insert(id, Arc::new(Endpoints { ready }));
            }
            plan
        },
    )
}

fn route_id(number: u8) -> RouteId {
    RouteId::new(format!("httproute/ns/{number}"))
}

fn named(number: u8, route: Route) -> (RouteId, Arc<Route>) {
    (route_id(number), Arc::new(Route { id: route_id(number), ..route }))
}

fn listener(index: usize, routes: SharedSet<RouteId>) -> Listener {
    Listener {
        id: ListenerId::new(format!("gateway/ns/g/{index}")),
        gateway: GatewayId::new("ns/g"),
        hostname: Hostname::parse(Some("*.example.com")),
        filters: match index {
            0 => vec![ListenerFilter::ExternalAuth(external_auth("X")), ListenerFilter::Refuse(Refusal::Broken)],
            _ => Vec::new(),
        },
        tls: None,
        routes,
    }
}

fn external_auth(name: &str) -> ExternalAuth {
    let protocol = match name.len() {
        1 => AuthProtocol::Grpc { authority: "a".into(), request_headers: vec![name.into()] },
        _ => AuthProtocol::Http {
            path_prefix: "/p".into(),
            request_headers: Vec::new(),
            response_headers: vec![name.into()],
        },
    };
    ExternalAuth { backend: BackendId::new("service/ns/1/80/http2"), protocol, body_bytes_max: 1 }
}

fn certificate(key: Option<String>) -> Certificate {
    key.map_or(Certificate::Invalid, |key| {
        Certificate::Valid(KeyPair { chain: "chain".into(), key: PrivateKey::new(key) })
    })
}

fn tls(number: u8) -> Option<BackendTls> {
    number.is_multiple_of(2).then(|| BackendTls {
        hostname: "backend.example.com".into(),
        subject_alt_names: vec!["a".into()],
        trust: if number == 0 { TrustAnchors::System } else { TrustAnchors::Pem("pem".into()) },
        client_certificate: Some(CertificateId::new("secret/ns/0")),
    })
}

/// A route that has, now and then, one of everything.
fn any_route() -> impl Strategy<Value = Route> {
    (vec("[a-z]{1,8}", 0..3), vec(any_rule(), 1..3)).prop_map(|(hostnames, rules)| Route {
        id: route_id(0),
        kind: if hostnames.len() == 1 { RouteKind::Grpc } else { RouteKind::Http },
        hostnames: match hostnames.len() {
            0 => vec![Hostname::Any],
            _ => hostnames.iter().map(|name| Hostname::parse(Some(name))).collect(),
        },
        precedence: Precedence { created: u64::MAX, namespace: "ns".into(), name: "\"quoted\"\n".into() },
        rules,
    })
}

fn any_rule() -> impl Strategy<Value = Rule> {
    (0..4_u8, "[a-z/\"\\\\]{0,8}", option::of(any::<u32>())).prop_map(|(kind, text, number)| {
        let text: Arc<str> = text.into();
        let pattern = Pattern::new("/a[0-9]+\"?").unwrap();
        let path = match kind {
            0 => PathMatch::Exact(text.clone()),
            1 => PathMatch::Prefix(text.clone()),
            _ => PathMatch::Regex(pattern.clone()),
        };
        let filter = match kind {
            0 => Filter::RequestHeader(HeaderModifier {
                set: vec![("X-A".into(), text.clone())],
                add: Vec::new(),
                remove: vec!["b".into()],
            }),
            1 if text.is_empty() => Filter::Refuse(Refusal::Broken),
            1 => Filter::ExternalAuth(Box::new(external_auth(&text))),
            2 => Filter::Mirror(Mirror {
                backend: BackendId::new("service/ns/1/80/http2"),
                numerator: 1,
                denominator: 3,
            }),
            _ => Filter::Redirect(Redirect {
                scheme: Some("https".into()),
                hostname: None,
                path: Some(PathRewrite::Prefix(text.clone())),
                port: Some(8443),
                status: 302,
            }),
        };
        let target = match kind {
            0 => Target::Refused(Refusal::Unavailable),
            _ => Target::Backend(BackendId::new("service/ns/0/80/http2")),
        };
        Rule {
            name: number.map(|number| number.to_string().into()),
            matches: vec![Match {
                path,
                method: number.map(|_| MethodMatch("GET".into())),
                headers: vec![HeaderMatch { name: "x".into(), value: StringMatch::Regex(pattern) }],
                query: vec![QueryMatch { name: "q".into(), value: StringMatch::Exact(text) }],
            }],
            filters: vec![filter],
            backends: vec![WeightedBackend { weight: 1, target, filters: Vec::new() }],
            timeouts: Timeouts {
                request: number.map(|number| Duration::from_millis(number.into())),
                ..Timeouts::default()
            },
            retry: number
                .map(|attempts| Box::new(Retry { codes: vec![503], attempts, backoff: Duration::from_micros(1) })),
        }
    })
}

fn apply(store: &mut Store, difference: &Difference) -> Plan {
    for (name, body) in &difference.added {
        store.add(&name.to_string(), &body.0);
    }
    for name in &difference.removed {
        store.remove(&name.to_string());
    }
    store.plan()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_difference_applied_to_the_old_plan_gives_the_new_one(steps in vec(plans(), 1..4)) {
        let mut store = Store::default();
        let mut before = Plan::default();
        for after in steps {
            let difference = difference(&before, &after);
            prop_assert_eq!(&apply(&mut store, &difference), &after);
            prop_assert!(store.rejected().is_empty());
            before = after;
        }
    }

    #[test]
    fn whatever_the_bytes_nothing_panics(name in "(port|route|backend|endpoints|certificate|other)/[0-9]{0,3}", body in vec(any::<u8>(), 0..40)) {
        let mut store = Store::default();
        store.add(&name, &body);
        store.plan();
    }
}

fn example() -> Plan {
    let mut plan = Plan::default();
    let route = Route {
        id: route_id(1),
        kind: RouteKind::Http,
        hostnames: vec![Hostname::Any],
        precedence: Precedence { created: 1, namespace: "ns".into(), name: "1".into() },
        rules: Vec::new(),
    };
    plan.routes.extend([named(1, route.clone()), named(2, route)]);
    let listeners = vec![listener(0, [route_id(1), route_id(2)].into())];
    plan.ports.insert(80, Port { protocol: PortProtocol::Http, listeners, strictness: Strictness::default() });
    plan.certificates.insert(CertificateId::new("secret/ns/c"), certificate(Some("very secret".into())));
    plan
}

#[test]
fn one_route_more_is_one_resource_and_leaves_the_others_as_they_are() {
    let before = example();
    let mut store = Store::default();
    let had = apply(&mut store, &difference(&Plan::default(), &before));
    let mut after = before.clone();
    after.routes.insert(route_id(3), Arc::new(Route { id: route_id(3), ..Route::clone(&before.routes[&route_id(1)]) }));
    after.ports.get_mut(&80).unwrap().listeners[0].routes.insert(route_id(3));
    let difference = difference(&before, &after);
    let names: Vec<_> = difference.added.iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!((names, difference.removed.len()), (vec!["route/httproute/ns/3".into()], 0));
    let has = apply(&mut store, &difference);
    assert_eq!(has, after);
    assert!(Arc::ptr_eq(&had.routes[&route_id(1)], &has.routes[&route_id(1)]));
}

#[test]
fn how_strictly_requests_are_read_is_told_with_the_port() {
    let before = example();
    let mut store = Store::default();
    apply(&mut store, &difference(&Plan::default(), &before));
    let mut after = before.clone();
    after.ports.get_mut(&80).unwrap().strictness = Strictness {
        encoded_slash: Some(EncodedSlash::Keep),
        underscores: Some(Underscores::Drop),
        ..Strictness::default()
    };
    let difference = difference(&before, &after);
    let sent = String::from_utf8(difference.added[0].1.0.clone()).unwrap();
    assert!(sent.ends_with(r#""strictness":{"encoded_slash":"keep","underscores":"drop"}}"#), "{sent}");
    assert_eq!(apply(&mut store, &difference), after);
}

#[test]
fn what_is_sent_again_as_it_was_stays_the_same_allocation() {
    let all = difference(&Plan::default(), &example());
    let mut store = Store::default();
    let (first, second) = (apply(&mut store, &all), apply(&mut store, &all));
    assert!(Arc::ptr_eq(&first.routes[&route_id(1)], &second.routes[&route_id(1)]));
}

#[test]
fn what_routes_have_in_common_is_kept_once() {
    let mut plan = example();
    let named_alike = |number: u8| {
        let host = Hostname::parse(Some("a.example.com"));
        let target = Target::Backend(BackendId::new("service/ns/1/80/http1"));
        let route = Route {
            hostnames: vec![host],
            rules: vec![Rule {
                name: None,
                matches: Vec::new(),
                filters: Vec::new(),
                backends: vec![WeightedBackend { weight: 1, target, filters: Vec::new() }],
                timeouts: Timeouts::default(),
                retry: None,
            }],
            ..Route::clone(&example().routes[&route_id(number)])
        };
        named(number, route)
    };
    plan.routes = [named_alike(1), named_alike(2)].into();
    let mut store = Store::default();
    let has = apply(&mut store, &difference(&Plan::default(), &plan));
    assert_eq!(has, plan);
    let texts = |number: u8| {
        let route = &has.routes[&route_id(number)];
        let (Hostname::Exact(host), Target::Backend(backend)) =
            (&route.hostnames[0], &route.rules[0].backends[0].target)
        else {
            panic!("{route:?} is not as it was made");
        };
        [host, backend.as_arc(), &route.precedence.namespace].map(Arc::as_ptr)
    };
    assert_eq!(texts(1), texts(2));
}

#[test]
fn what_cannot_be_read_is_rejected_by_name_and_leaves_the_last_good_version() {
    let plan = example();
    let mut store = Store::default();
    apply(&mut store, &difference(&Plan::default(), &plan));
    store.add("route/httproute/ns/1", b"{\"route\":{\"id\":\"httproute/ns/1\",\"kind\":\"Teapot\"}}");
    store.add("certificate/secret/ns/c", b"{\"Valid\":{\"chain\":\"x\",\"key\":[\"very secret\"]}}");
    store.add("teapot/1", b"{}");
    store.add("endpoints/service/ns/9/80", br#"{"ready":[{"address":"10.0.0.9:80"}]}"#);
    let has = store.plan();
    assert_eq!((&has.routes, &has.certificates), (&plan.routes, &plan.certificates));
    assert_eq!(has.endpoints.len(), 1);
    let names: Vec<_> = store.rejected().keys().map(String::as_str).collect();
    assert_eq!(names, ["certificate/secret/ns/c", "route/httproute/ns/1", "teapot/1"]);
    assert!(store.rejected()["route/httproute/ns/1"].contains("Teapot"));
    assert!(!format!("{store:?}").contains("very secret"));
    // Mended, or taken away, it is no longer rejected.
    store.remove("teapot/1");
    apply(&mut store, &difference(&Plan::default(), &plan));
    assert!(store.rejected().is_empty());
}

#[test]
fn a_route_comes_before_or_after_the_listener_it_is_attached_to() {
    let plan = example();
    let mut all = difference(&Plan::default(), &plan);
    all.added.reverse();
    assert_eq!(apply(&mut Store::default(), &all), plan);
}

#[test]
fn a_name_reads_as_it_is_written() {
    for text in
        ["port/80", "route/grpcroute/ns/a/as/secret/ns/c", "backend/service/ns/a/80/http1", "certificate/secret/ns/c"]
    {
        assert_eq!(Name::parse(text).unwrap().to_string(), text);
    }
    for text in ["", "port", "port/65536", "portal/1"] {
        assert_eq!(Name::parse(text), None, "{text}");
    }
}

#[test]
fn keys_go_over_the_wire_and_nowhere_else() {
    let all = difference(&Plan::default(), &example());
    let (_, body) = all.added.iter().find(|(name, _)| matches!(name, Name::Certificate(_))).unwrap();
    assert!(String::from_utf8_lossy(&body.0).contains("very secret"));
    assert!(!format!("{all:?}").contains("very secret"));
}
