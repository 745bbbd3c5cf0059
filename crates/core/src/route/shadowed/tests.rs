use serde_json::{Value, json};

use super::*;
use crate::{
    compile,
    world::{Controllers, DataPlane, Inspect, Object, Settings},
};

fn route(name: &str, created: &str, hostnames: &[&str], rules: &Value) -> Value {
    json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": "n", "creationTimestamp": created},
        "spec": {"parentRefs": [{"name": "g"}], "hostnames": hostnames, "rules": rules}})
}

fn found(routes: impl IntoIterator<Item = Value>) -> Vec<String> {
    let mut world = World::new(Settings {
        controllers: Controllers::All,
        merge_gateways: true,
        inspect: Inspect {
            key_pair: |_, _| Err("not inspected".into()),
            trust_anchors: |_| Err("not inspected".into()),
        },
    });
    let group = "gateway.networking.k8s.io/v1";
    let gateway = [
        json!({"apiVersion": group, "kind": "GatewayClass", "metadata": {"name": "c"},
            "spec": {"controllerName": "a.io/c"}}),
        json!({"apiVersion": group, "kind": "Gateway", "metadata": {"name": "g", "namespace": "n"},
            "spec": {"gatewayClassName": "c", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]}}),
    ];
    for object in gateway.into_iter().chain(routes) {
        world.insert(Object::from_value(object).unwrap());
    }
    let outcome = compile(&world);
    let findings = find(&world, &outcome.plans[&DataPlane::Merged]);
    findings.iter().map(|found| format!("{} {}: {}", found.object, found.field, found.message)).collect()
}

const OLD: &str = "2024-01-01T00:00:00Z";
const NEW: &str = "2025-01-01T00:00:00Z";

#[test]
fn the_same_match_in_an_older_route_is_named_with_the_winner() {
    let rules = json!([{"matches": [{"path": {"value": "/a"}, "headers": [{"name": "x", "value": "1"}, {"name": "y", "value": "2"}]}]}]);
    let turned = json!([{"matches": [{"path": {"value": "/a"}, "headers": [{"name": "Y", "value": "2"}, {"name": "X", "value": "1"}]}]}]);
    let said = "HTTPRoute n/a spec.rules[0].matches[0]: it serves no request at all: HTTPRoute n/b \
                spec.rules[0].matches[0] is the same match, and goes first, being older or first by name";
    assert_eq!(found([route("a", NEW, &["h.org"], &turned), route("b", OLD, &["h.org"], &rules)]), [said]);
    assert_eq!(found([route("a", NEW, &["h.org"], &rules), route("b", OLD, &["i.org"], &rules)]), [""; 0]);
    let partly = found([route("a", NEW, &["h.org", "i.org"], &rules), route("b", OLD, &["i.org"], &rules)]);
    let said = "HTTPRoute n/a spec.rules[0].matches[0]: it serves no request for host i.org: HTTPRoute n/b \
                spec.rules[0].matches[0] is the same match, and goes first, being older or first by name";
    assert_eq!(partly, [said]);
}

#[test]
fn a_rule_behind_an_equal_one_of_its_route_is_named_and_one_that_asks_for_more_is_not() {
    let said = "HTTPRoute n/a spec.rules[1]: it serves no request at all: spec.rules[0] is the same match, and stands before it";
    assert_eq!(found([route("a", OLD, &[], &json!([{}, {}]))]), [said]);
    let more = json!([{}, {"matches": [{"method": "GET"}]}, {"matches": [{"path": {"type": "Exact", "value": "/"}}]}]);
    assert_eq!(found([route("a", OLD, &[], &more)]), [""; 0]);
}
