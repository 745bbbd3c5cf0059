use gatewright_core::{
    api::{
        gateway::GatewayStatus,
        meta::{ConditionStatus, Time},
        shared::RouteStatus,
    },
    status::Status,
};
use serde_json::json;

use super::*;

const NOW: Time = Time(2_000_000_000);
const OURS: &str = "gatewright.dev/gateway-controller";

fn is_ours(name: &str) -> bool {
    name == OURS
}

fn condition(r#type: &str, generation: i64) -> Condition {
    Condition {
        r#type: r#type.to_owned(),
        status: ConditionStatus::True,
        observed_generation: generation,
        last_transition_time: Time(0),
        reason: r#type.to_owned(),
        message: String::new(),
    }
}

fn route(parents: serde_json::Value) -> Status {
    Status::Route(RouteStatus { parents: serde_json::from_value(parents).unwrap() })
}

fn parent(controller: &str, name: &str, conditions: &serde_json::Value) -> serde_json::Value {
    json!({"parentRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": name},
        "controllerName": controller, "conditions": conditions})
}

fn accepted(generation: i64, time: &str) -> serde_json::Value {
    json!({"type": "Accepted", "status": "True", "observedGeneration": generation, "lastTransitionTime": time,
        "reason": "Accepted", "message": ""})
}

#[test]
fn what_is_settled_once_is_settled() {
    let computed = route(json!([parent(OURS, "g", &json!([accepted(3, "1970-01-01T00:00:00Z")]))]));
    let once = settle(&json!(null), &computed, &is_ours, NOW);
    assert_eq!(once["parents"][0]["conditions"][0]["lastTransitionTime"], NOW.to_string());
    assert_eq!(settle(&once, &computed, &is_ours, Time(NOW.0 + 9)), once);
}

#[test]
fn foreign_entries_stay_byte_for_byte_in_their_place() {
    let foreign = json!({"parentRef": {"name": "g", "novel": [1]}, "controllerName": "example.com/other",
        "conditions": [{"type": "Accepted", "lastTransitionTime": "1969-01-01T00:00:00.5Z", "extra": {"a": null}}]});
    let ours = parent(OURS, "g", &json!([accepted(1, "2020-01-01T00:00:00Z")]));
    let stored = json!({"parents": [foreign, ours], "novel": {"x": 1}});
    let computed = route(json!([parent(OURS, "g", &json!([accepted(2, "1970-01-01T00:00:00Z")]))]));
    let settled = settle(&stored, &computed, &is_ours, NOW);
    assert_eq!(settled["parents"][0].to_string(), foreign.to_string());
    assert_eq!(settled["parents"][1]["conditions"], json!([accepted(2, "2020-01-01T00:00:00Z")]));
    assert_eq!(settled["novel"], json!({"x": 1}));
}

#[test]
fn foreign_conditions_on_a_gateway_and_its_listeners_stay_byte_for_byte() {
    let foreign = json!({"type": "example.com/Stale", "status": "Unknown", "lastTransitionTime":
        "2020-01-01T00:00:00.123Z", "reason": "R", "message": "m", "observedGeneration": 1, "novel": true});
    let stored = json!({"conditions": [foreign, accepted(1, "2020-01-01T00:00:00Z")],
        "listeners": [{"name": "l", "attachedRoutes": 0, "supportedKinds": [], "conditions": [foreign]}]});
    let listeners = json!([{"name": "l", "attachedRoutes": 1, "supportedKinds": [],
        "conditions": [accepted(2, "1970-01-01T00:00:00Z")]}]);
    let computed = Status::Gateway(GatewayStatus {
        conditions: vec![condition("Accepted", 2), condition("Programmed", 2)],
        listeners: serde_json::from_value(listeners).unwrap(),
        ..GatewayStatus::default()
    });
    let settled = settle(&stored, &computed, &is_ours, NOW);
    assert_eq!(settled["conditions"][0].to_string(), foreign.to_string());
    assert_eq!(settled["conditions"][1], accepted(2, "2020-01-01T00:00:00Z"));
    assert_eq!(settled["conditions"][2]["type"], "Programmed");
    assert_eq!(settled["listeners"][0]["conditions"][0].to_string(), foreign.to_string());
    assert_eq!(settled["listeners"][0]["conditions"][1]["type"], "Accepted");
    assert_eq!(settled["listeners"][0]["attachedRoutes"], 1);
}

#[test]
fn entries_of_ours_that_nobody_declares_any_more_go() {
    let foreign = parent("example.com/other", "g", &json!([]));
    let stored = json!({"parents": [parent(OURS, "old", &json!([])), foreign]});
    assert_eq!(settle(&stored, &route(json!([])), &is_ours, NOW)["parents"], json!([foreign]));
}

#[test]
fn a_status_that_is_no_status_is_replaced() {
    let computed = route(json!([parent(OURS, "g", &json!([accepted(1, "1970-01-01T00:00:00Z")]))]));
    for stored in [json!("x"), json!({"parents": "x"}), json!({"parents": [1, null]})] {
        let settled = settle(&stored, &computed, &is_ours, NOW);
        assert!(settled["parents"].as_array().unwrap().iter().any(|it| it["controllerName"] == OURS), "{settled}");
    }
}
