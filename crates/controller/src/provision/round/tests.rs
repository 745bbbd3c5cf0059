use kube::runtime::watcher::Event;
use serde_json::json;

use super::*;
use crate::provision::kind::Made;

fn id(name: &str) -> Id {
    Id { kind: Made::Service, namespace: "a".into(), name: name.into() }
}

fn object(name: &str, plane: &str, spec: Value) -> Value {
    let mut object = json!({"kind": "Service", "metadata": {
        "namespace": "a", "name": name, "annotations": {"gatewright.dev/data-plane": plane},
    }});
    object["spec"] = spec;
    object
}

fn stock(objects: &[Value]) -> Stock {
    let mut stock = Stock::default();
    stock.take(Made::Service, Event::Init);
    for object in objects {
        stock.take(Made::Service, Event::InitApply(object.clone()));
    }
    stock.take(Made::Service, Event::InitDone);
    stock
}

fn order(plane: &str, objects: &[Value]) -> Order {
    let objects = objects.iter().map(|object| (Id::of(object).unwrap(), object.clone())).collect();
    Order { data_plane: plane.into(), objects, cluster_ip: None }
}

#[test]
fn what_is_missing_is_made() {
    let wanted = object("g", "a/g", json!({"type": "ClusterIP"}));
    let (steps, problems) = steps(&order("a/g", std::slice::from_ref(&wanted)), &stock(&[]), &BTreeMap::new());
    assert_eq!(steps, [Step::Create(id("g"), wanted, None)]);
    assert_eq!(problems, [""; 0]);
}

#[test]
fn a_service_asks_for_its_cluster_ip_when_it_is_made_and_never_again() {
    let wanted = object("g", "a/g", json!({"type": "ClusterIP"}));
    let headless = object("g", "a/g", json!({"type": "ClusterIP", "clusterIP": "None"}));
    let asking =
        |object: &Value| Order { cluster_ip: Some("10.96.0.7".into()), ..order("a/g", std::slice::from_ref(object)) };
    let first = |order: &Order| steps(order, &stock(&[]), &BTreeMap::new()).0;
    let asked = Some("10.96.0.7".to_owned());
    assert_eq!(first(&asking(&wanted)), [Step::Create(id("g"), wanted.clone(), asked)]);
    assert_eq!(first(&asking(&headless)), [Step::Create(id("g"), headless, None)], "a patch says otherwise");
    let stored = object("g", "a/g", json!({"type": "ClusterIP", "clusterIP": "10.96.0.9"}));
    let applied = [(id("g"), Applied::new(wanted.clone(), &stored))].into();
    assert_eq!(steps(&asking(&wanted), &stock(std::slice::from_ref(&stored)), &applied).0, []);
    let after_a_restart = steps(&asking(&wanted), &stock(&[stored]), &BTreeMap::new()).0;
    assert_eq!(after_a_restart, [Step::Apply(id("g"), wanted)]);
}

#[test]
fn nothing_is_done_while_nothing_differs_and_what_drifts_is_mended() {
    let wanted = object("g", "a/g", json!({"cpu": "0.5", "ports": [{"port": 80}]}));
    // The API server writes some values in its own way, and adds others.
    let stored =
        |port: u32| object("g", "a/g", json!({"cpu": "500m", "ports": [{"port": port, "nodePort": 3}], "ip": 1}));
    let order = order("a/g", std::slice::from_ref(&wanted));
    let first = steps(&order, &stock(&[stored(80)]), &BTreeMap::new()).0;
    assert_eq!(first, [Step::Apply(id("g"), wanted.clone())], "what was applied before this process is not known");
    let applied = [(id("g"), Applied::new(wanted.clone(), &stored(80)))].into();
    assert_eq!(steps(&order, &stock(&[stored(80)]), &applied).0, []);
    assert_eq!(steps(&order, &stock(&[stored(81)]), &applied).0, [Step::Apply(id("g"), wanted)]);
}

#[test]
fn an_object_of_another_data_plane_is_left_alone() {
    let (steps, problems) = steps(
        &order("a/young", &[object("same", "a/young", json!({}))]),
        &stock(&[object("same", "a/old", json!({}))]),
        &BTreeMap::new(),
    );
    assert_eq!(steps, []);
    assert_eq!(problems, ["Service a/same is of data plane a/old"]);
}

#[test]
fn nothing_is_made_of_a_kind_that_is_not_known() {
    let order = order("a/g", &[object("g", "a/g", json!({}))]);
    let mut stock = Stock::default();
    assert_eq!(steps(&order, &stock, &BTreeMap::new()), (vec![], vec![]));
    stock.fail(Made::Service, "forbidden".into());
    let problems = vec!["Service objects cannot be watched: forbidden".to_owned()];
    assert_eq!(steps(&order, &stock, &BTreeMap::new()), (vec![], problems));
}

#[test]
fn what_nobody_wants_is_deleted_but_not_what_is_held_or_unknown() {
    let mut nobodys = object("odd", "", json!({}));
    nobodys["metadata"]["annotations"] = Value::Null;
    let there = [
        object("kept", "a/kept", json!({})),
        object("renamed", "a/kept", json!({})),
        object("gone", "a/gone", json!({})),
        object("held", "a/held", json!({})),
        nobodys,
    ];
    let orders = [order("a/kept", &there[..1]), order("a/held", &[])];
    let names: Vec<String> =
        leftovers(&orders.iter().collect::<Vec<_>>(), &stock(&there)).into_iter().map(|(id, _)| id.name).collect();
    assert_eq!(names, ["gone", "renamed"]);
}
