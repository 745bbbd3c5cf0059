//! What a later version sends: whoever does not know what it asks never serves without.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{super::body, *};
use crate::filter::{cors::Cors, rewrite::Rewrite};

/// A Plan with one of every struct, and every field at its default that need not be given.
fn every_struct() -> Plan {
    let mut plan = example();
    let secure = Listener {
        hostname: Hostname::Any,
        filters: ["X", "XY"].map(|name| ListenerFilter::ExternalAuth(external_auth(name))).into(),
        tls: Some(ListenerTls {
            certificates: vec![CertificateId::new("secret/ns/c")],
            client: Some(ClientValidation { trust: "pem".into(), unverified: Unverified::Refused }),
        }),
        ..listener(1, SharedSet::default())
    };
    plan.ports.insert(
        443,
        Port { protocol: PortProtocol::Https, listeners: vec![secure], strictness: Strictness::default() },
    );
    let backend = Backend {
        protocol: BackendProtocol::Http1,
        tls: Some(BackendTls {
            hostname: "b.example.com".into(),
            subject_alt_names: Vec::new(),
            trust: TrustAnchors::System,
            client_certificate: None,
        }),
        endpoints: EndpointsId::new("service/ns/0/80"),
    };
    plan.backends.insert(BackendId::new("service/ns/0/80/http1"), backend.into());
    let ready = vec![Endpoint { address: ([10, 0, 0, 1], 80).into() }];
    plan.endpoints.insert(EndpointsId::new("service/ns/0/80"), Endpoints { ready }.into());
    plan.routes
        .insert(route_id(1), Route { rules: vec![every_filter()], ..Route::clone(&plan.routes[&route_id(1)]) }.into());
    plan
}

fn every_filter() -> Rule {
    let backend = BackendId::new("service/ns/0/80/http1");
    let cors = Cors {
        allow_origins: vec!["*".into()],
        allow_credentials: false,
        allow_methods: Vec::new(),
        allow_headers: Vec::new(),
        expose_headers: Vec::new(),
        max_age: Duration::from_secs(5),
    };
    let redirect = Redirect { scheme: None, hostname: None, path: None, port: None, status: 302 };
    Rule {
        name: None,
        matches: vec![Match {
            path: PathMatch::Prefix("/".into()),
            method: None,
            headers: vec![HeaderMatch { name: "x".into(), value: StringMatch::Exact("1".into()) }],
            query: vec![QueryMatch { name: "q".into(), value: StringMatch::Exact("1".into()) }],
        }],
        filters: vec![
            Filter::RequestHeader(HeaderModifier::default()),
            Filter::ResponseHeader(HeaderModifier::default()),
            Filter::Redirect(redirect),
            Filter::Rewrite(Rewrite { hostname: None, path: None }),
            Filter::Mirror(Mirror { backend: backend.clone(), numerator: 1, denominator: 2 }),
            Filter::Cors(Box::new(cors)),
            Filter::ExternalAuth(Box::new(external_auth("X"))),
            Filter::ExternalAuth(Box::new(external_auth("XY"))),
        ],
        backends: vec![WeightedBackend { weight: 1, target: Target::Backend(backend), filters: Vec::new() }],
        timeouts: Timeouts { request: Some(Duration::from_secs(1)), backend_request: None },
        retry: Some(Box::new(Retry { codes: vec![503], attempts: 1, backoff: Duration::from_secs(1) })),
    }
}

/// Returns the JSON pointers of all structs in `value`. An object with one field in upper case is a variant of an enum.
fn structs(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if !fields.keys().any(|name| name.starts_with(char::is_uppercase)) {
                found.push(at.to_owned());
            }
            fields.iter().for_each(|(name, value)| structs(value, &format!("{at}/{name}"), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| structs(value, &format!("{at}/{index}"), found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Calls `see` with every place in every resource where a later version may add a field: the resource's name, the place,
/// and the body with the field `name` there.
fn with_field_everywhere(plan: &Plan, name: &str, mut see: impl FnMut(&str, &str, &[u8])) {
    for (resource, body) in difference(&Plan::default(), plan).added {
        let body: Value = serde_json::from_slice(&body.0).unwrap();
        let mut places = Vec::new();
        structs(&body, "", &mut places);
        for place in places {
            let mut later = body.clone();
            later.pointer_mut(&place).unwrap()[name] = json!({"a": [1]});
            see(&resource.to_string(), &place, later.to_string().as_bytes());
        }
    }
}

#[test]
fn an_unknown_field_anywhere_is_refused_by_name_and_changes_nothing_else() {
    let plan = every_struct();
    let mut seen = Vec::new();
    with_field_everywhere(&plan, "teapot", |resource, place, body| {
        let mut store = Store::default();
        apply(&mut store, &difference(&Plan::default(), &plan));
        store.add(resource, body);
        let names: Vec<_> = store.rejected().keys().map(String::as_str).collect();
        assert_eq!(names, [resource], "{place}");
        assert!(store.rejected()[resource].contains("unknown field `teapot`"), "{place}: {:?}", store.rejected());
        let mut has = store.plan();
        if place.starts_with("/route/rules/0") {
            // The route is taken, and this rule refuses everything.
            assert_eq!(has.routes[&route_id(1)].rules[0].filters, [Filter::Refuse(Refusal::Broken)], "{place}");
            has.routes = plan.routes.clone();
        }
        assert_eq!(has, plan, "{resource}{place}");
        seen.push(format!("{resource}{place}"));
    });
    for place in [
        "port/443/listeners/0/tls",
        "port/443/listeners/0/tls/client",
        "port/443/listeners/0/filters/1/ExternalAuth/protocol/Http",
        "backend/service/ns/0/80/http1/tls",
        "endpoints/service/ns/0/80/ready/0",
        "certificate/secret/ns/c/Valid",
        "route/httproute/ns/1/route/rules/0",
        "route/httproute/ns/1/route/rules/0/retry",
        "route/httproute/ns/1/route/rules/0/timeouts",
        "route/httproute/ns/1/route/rules/0/matches/0/headers/0",
        "route/httproute/ns/1/route/rules/0/filters/5/Cors",
        "route/httproute/ns/1/route/precedence",
    ] {
        assert!(seen.iter().any(|seen| seen == place), "{place} is not among {seen:#?}");
    }
}

#[test]
fn what_never_had_a_good_version_serves_nobody() {
    let plan = every_struct();
    with_field_everywhere(&plan, "teapot", |resource, place, body| {
        let mut store = Store::default();
        store.add(resource, body);
        let Plan { ports, routes, backends, endpoints, certificates } = store.plan();
        assert!(backends.is_empty() && endpoints.is_empty() && certificates.is_empty(), "{resource}{place}");
        let rules = routes.values().flat_map(|route| &route.rules);
        assert!(rules.into_iter().all(|rule| rule.filters == [Filter::Refuse(Refusal::Broken)]), "{resource}{place}");
        for listener in ports.values().flat_map(|port| &port.listeners) {
            assert_eq!(listener.filters, [ListenerFilter::Refuse(Refusal::Broken)], "{resource}{place}");
            assert!(listener.tls.as_ref().is_none_or(|tls| tls.certificates.is_empty()), "{resource}{place}");
        }
    });
}

#[test]
fn a_listener_that_is_not_understood_leaves_the_others_of_its_port() {
    let plan = every_struct();
    let mut sent = serde_json::to_value(body::bare(&plan.ports[&443])).unwrap();
    let mut new = sent["listeners"][0].clone();
    new["id"] = "gateway/ns/g/new".into();
    sent["listeners"].as_array_mut().unwrap().insert(0, new);
    sent["listeners"][1]["tls"]["ciphers"] = json!(["one"]);
    let mut store = Store::default();
    apply(&mut store, &difference(&Plan::default(), &plan));
    store.add("port/443", sent.to_string().as_bytes());
    let has = store.plan();
    let listeners = &has.ports[&443].listeners;
    assert_eq!(listeners.len(), 2);
    assert_eq!(listeners[0].id, ListenerId::new("gateway/ns/g/new"));
    assert_eq!(listeners[1], plan.ports[&443].listeners[0], "the last good one stays");
    assert!(store.rejected()["port/443"].contains("gateway/ns/g/1: unknown field `ciphers`"), "{:?}", store.rejected());
}

#[test]
fn an_unknown_field_that_only_informs_is_skipped_everywhere() {
    let plan = every_struct();
    with_field_everywhere(&plan, "?teapot", |resource, place, body| {
        let mut store = Store::default();
        apply(&mut store, &difference(&Plan::default(), &plan));
        store.remove(resource);
        store.add(resource, body);
        assert!(store.rejected().is_empty(), "{place}: {:?}", store.rejected());
        assert_eq!(store.plan(), plan, "{resource}{place}");
    });
}

#[test]
fn an_unknown_field_of_a_certificate_is_named_and_nothing_that_may_be_a_key_is() {
    let mut store = Store::default();
    for body in [
        r#"{"Valid":{"chain":"c","key":"k","VERY+SECRET":""}}"#,
        r#"{"Valid":"very secret"}"#,
        r#""very secret""#,
        r#"{"very secret":{}}"#,
    ] {
        store.add("certificate/secret/ns/c", body.as_bytes());
        let reason = &store.rejected()["certificate/secret/ns/c"];
        assert!(!reason.to_lowercase().contains("secret"), "{reason}");
    }
}

/// What every proxy must know, because it is sent whatever a manifest asks.
///
/// A field that is new here would make every older proxy reject the resources that have it, whether its feature is used or
/// not: give it `#[serde(default, skip_serializing_if = "...")]` instead.
#[test]
fn the_fields_that_are_always_sent_are_those_of_the_first_version() {
    let mut fields = BTreeSet::new();
    for (name, body) in difference(&Plan::default(), &every_struct()).added {
        let name = name.to_string();
        let kind = name.split_once('/').unwrap().0;
        collect(&serde_json::from_slice(&body.0).unwrap(), kind, &mut fields);
    }
    let fields: Vec<_> = fields.into_iter().collect();
    let expected: Vec<_> = include_str!("always_sent.txt").lines().collect();
    assert_eq!(fields, expected);
}

fn collect(value: &Value, at: &str, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            if !object.keys().any(|name| name.starts_with(char::is_uppercase)) {
                let names: BTreeSet<&str> = object.keys().map(String::as_str).collect();
                fields.insert(format!("{at}: {}", names.into_iter().collect::<Vec<_>>().join(" ")));
            }
            object.iter().for_each(|(name, value)| collect(value, &format!("{at}.{name}"), fields));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, at, fields)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn fields_of_a_later_version_that_only_inform_are_skipped() {
    let mut store = Store::default();
    let endpoints = br#"{"ready":[{"address":"10.0.0.9:80","?zone":"a"}],"?locality":{"weight":1}}"#;
    store.add("endpoints/service/ns/9/80", endpoints);
    assert!(store.rejected().is_empty());
    assert_eq!(store.plan().endpoints.len(), 1);
}

/// A route of a later version, with this rule between two that are known.
fn later(rule: &Value) -> (Vec<Rule>, Option<String>) {
    let known = |path: &str| {
        json!({
            "name": null, "matches": [{"path": {"Exact": path}, "method": null, "headers": [], "query": []}],
            "filters": [], "backends": [{"weight": 1, "target": {"Backend": "service/ns/0/80/http2"}, "filters": []}],
            "timeouts": {"request": null, "backend_request": null}, "retry": null, "?priority": 7,
        })
    };
    let mut route = serde_json::to_value(&*example().routes[&route_id(1)]).unwrap();
    let mut changed = known("/b");
    changed.as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
    route["rules"] = json!([known("/a"), changed, known("/c")]);
    let body = json!({"route": route, "listeners": ["gateway/ns/g/0"], "?zone": "a"});
    let mut store = Store::default();
    store.add("route/httproute/ns/1", body.to_string().as_bytes());
    let rules = store.plan().routes.remove(&route_id(1)).map(|route| route.rules.clone());
    (rules.unwrap_or_default(), store.rejected().get("route/httproute/ns/1").cloned())
}

#[test]
fn a_rule_of_a_later_version_that_is_understood_works() {
    let informed = json!({"matches": [
        {"path": {"Exact": "/b"}, "method": null, "headers": [], "query": [], "?source": "ns/b"},
    ]});
    for rule in [json!({}), informed] {
        let (rules, rejected) = later(&rule);
        assert_eq!((rules.len(), rejected), (3, None));
        assert!(rules.iter().all(|rule| rule.filters.is_empty() && rule.backends.len() == 1));
    }
}

#[test]
fn a_rule_of_a_later_version_answers_500_alone_when_it_is_not_understood() {
    let at = |found: Value| json!({"matches": [found]});
    let exact = PathMatch::Exact("/b".into());
    let everything = PathMatch::Prefix("/".into());
    let header = json!({"name": "x", "value": {"Exact": "1"}});
    let cases = [
        (json!({"filters": [{"Teapot": {"strength": 3}}]}), &exact, 0),
        (json!({"filters": ["Teapot"]}), &exact, 0),
        (json!({"backends": [{"weight": 1, "target": {"Lambda": "f"}, "filters": []}]}), &exact, 0),
        (at(json!({"path": {"Glob": "/b*"}, "method": null, "headers": [header], "query": []})), &everything, 1),
        (
            at(json!({
                "path": {"Exact": "/b"}, "method": null,
                "headers": [header, {"name": "y", "value": {"Suffix": "z"}}], "query": [],
            })),
            &exact,
            1,
        ),
        (
            at(json!({
                "path": {"Exact": "/b"}, "method": null, "headers": [], "query": [], "cookies": [{"name": "session"}],
            })),
            &exact,
            0,
        ),
    ];
    for (rule, path, headers) in cases {
        let (rules, rejected) = later(&rule);
        assert_eq!(rules.len(), 3, "{rule}");
        assert!(rejected.unwrap().contains("rule 1"), "{rule}");
        assert_eq!(rules[1].filters, [Filter::Refuse(Refusal::Broken)], "{rule}");
        assert_eq!((&rules[1].matches[0].path, rules[1].matches[0].headers.len()), (path, headers), "{rule}");
        assert!(rules[0].filters.is_empty() && rules[2].filters.is_empty(), "{rule}");
    }
}

#[test]
fn a_route_of_a_later_version_that_takes_nobody_knows_whose_requests_is_rejected() {
    let (rules, rejected) = later(&json!({"matches": {"all": true}}));
    assert!(rules.is_empty() && rejected.is_some());
}
