use serde_json::{Value, json};

use super::*;
use crate::{
    compile,
    world::{Controllers, DataPlane, Inspect, Object, Settings},
};

fn service(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "n"},
        "spec": {"ports": [{"name": "http", "port": 80}]}})
}

fn slice(service: Option<&str>, of: &Value) -> Value {
    let labels = service.map_or(json!({}), |name| json!({SERVICE_NAME_LABEL: name}));
    let mut slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": "e", "namespace": "n", "labels": labels}, "addressType": "IPv4",
        "ports": [{"name": "http", "port": 3000}], "endpoints": [{"addresses": ["127.0.0.1"]}]});
    slice.as_object_mut().unwrap().extend(of.as_object().unwrap().clone());
    slice
}

/// What is said where a route leads to the Service `s`.
fn found(objects: impl IntoIterator<Item = Value>) -> Vec<String> {
    let mut world = World::new(Settings {
        controllers: Controllers::All,
        merge_gateways: true,
        inspect: Inspect {
            key_pair: |_, _| Err("not inspected".into()),
            trust_anchors: |_| Err("not inspected".into()),
        },
    });
    let group = "gateway.networking.k8s.io/v1";
    let all = [
        json!({"apiVersion": group, "kind": "GatewayClass", "metadata": {"name": "c"},
            "spec": {"controllerName": "a.io/c"}}),
        json!({"apiVersion": group, "kind": "Gateway", "metadata": {"name": "g", "namespace": "n"},
            "spec": {"gatewayClassName": "c", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]}}),
        json!({"apiVersion": group, "kind": "HTTPRoute", "metadata": {"name": "r", "namespace": "n"},
            "spec": {"parentRefs": [{"name": "g"}], "rules": [{"backendRefs": [{"name": "s", "port": 80}]}]}}),
    ];
    for object in all.into_iter().chain(objects) {
        world.insert(Object::from_value(object).unwrap());
    }
    let outcome = compile(&world);
    let findings = find(&world, &outcome.plans[&DataPlane::Merged]);
    findings.iter().map(|found| format!("{} {}: {}", found.object, found.field, found.message)).collect()
}

#[test]
fn a_slice_that_can_never_serve_is_told_why() {
    for (of, expected) in [
        (json!({}), None),
        (
            json!({"ports": [{"name": "web", "port": 3000}]}),
            Some(
                "ports[0].name: `web`, and belongs to the port of the same name of Service n/s, which has port 80 (`http`)",
            ),
        ),
        (json!({"ports": [{"port": 3000}]}), Some("ports[0].name: it has no name, and belongs to the port")),
        (json!({"addressType": "FQDN", "endpoints": [{"addresses": ["a.org"]}]}), Some("addressType: FQDN is not")),
        (
            json!({"ports": [{"name": "http", "port": 3000, "protocol": "UDP"}]}),
            Some("ports[0].protocol: UDP serves no requests; they need TCP"),
        ),
        (
            json!({"ports": [{"name": "http"}]}),
            Some("ports[0]: it has no number; 80, the targetPort of the Service, is used"),
        ),
        (json!({"ports": []}), Some("ports: it has no ports, so it serves nothing; Service n/s has port 80 (`http`)")),
        (
            json!({"endpoints": [{"addresses": ["a.org"]}]}),
            Some("endpoints: none begins with an address of addressType IPv4"),
        ),
    ] {
        let found = found([service("s"), slice(Some("s"), &of)]);
        match expected {
            None => assert_eq!(found, [""; 0]),
            Some(expected) => {
                let expected = format!("EndpointSlice n/e {expected}");
                assert!(found.len() == 1 && found[0].starts_with(&expected), "{of}: {found:?}");
            }
        }
    }
}

#[test]
fn a_service_without_an_endpoint_that_is_ready_is_named() {
    let none = "Service n/s : port 80 (`http`) has no endpoints, so requests get 503: no endpoint of its EndpointSlices is ready";
    for endpoints in [json!([]), json!([{"addresses": ["127.0.0.1"], "conditions": {"ready": false}}])] {
        assert_eq!(found([service("s"), slice(Some("s"), &json!({"endpoints": endpoints}))]), [none]);
    }
    let label = "Service n/s : it has no endpoints, so requests get 503: no EndpointSlice has the label";
    assert!(found([service("s")])[0].starts_with(label));
    let mut two = service("s");
    two["spec"]["ports"] = json!([{"name": "http", "port": 80}, {"name": "admin", "port": 81}]);
    let unmet = "Service n/s : port 80 (`http`) has no endpoints, so requests get 503: no EndpointSlice of it has a TCP port of that name";
    assert_eq!(found([two, slice(Some("s"), &json!({"ports": [{"name": "admin", "port": 3001}]}))]), [unmet]);
}

#[test]
fn a_slice_of_no_service_is_named() {
    let whole = [service("s"), slice(Some("s"), &json!({}))];
    let stray = |label: Option<&str>| {
        let mut stray = slice(label, &json!({}));
        stray["metadata"]["name"] = "stray".into();
        found(whole.iter().cloned().chain([stray]))
    };
    let unlabelled = "EndpointSlice n/stray metadata.labels: it belongs to no Service, so it serves nothing";
    assert!(stray(None)[0].starts_with(unlabelled), "{:?}", stray(None));
    let gone = "EndpointSlice n/stray metadata.labels: it serves nothing: its label `kubernetes.io/service-name` names Service n/gone";
    assert!(stray(Some("gone"))[0].starts_with(gone), "{:?}", stray(Some("gone")));
    assert_eq!(stray(Some("s")), [""; 0]);
}
