use kube::runtime::watcher::Event;
use serde_json::json;

use super::*;
use crate::provision::{kind::Id, label};

fn seen(objects: &[(Made, Value)]) -> Seen {
    let mut stock = Stock::default();
    let mut order = Order { data_plane: "a/g".into(), objects: Vec::new(), cluster_ip: None };
    for (kind, object) in objects {
        let mut object = object.clone();
        object["metadata"] = json!({"namespace": "a", "name": "g"});
        let id = Id { kind: *kind, namespace: "a".into(), name: "g".into() };
        order.objects.push((id, Value::Null));
        stock.take(*kind, Event::Apply(object));
    }
    look(&order, &stock)
}

#[test]
fn a_load_balancers_addresses_are_the_data_planes() {
    let status = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}, {"hostname": "lb.example.com"}]}});
    let service = json!({"spec": {"type": "LoadBalancer", "clusterIPs": ["10.0.0.1"]}, "status": status});
    let given = seen(&[(Made::Service, service)]);
    assert_eq!(given.addresses, ["192.0.2.1", "lb.example.com"]);
    assert_eq!(given.cluster_addresses, ["10.0.0.1"]);
    let pending = json!({"spec": {"type": "LoadBalancer", "clusterIPs": ["10.0.0.1"]}});
    let pending = seen(&[(Made::Service, pending)]);
    assert_eq!(pending.addresses, [""; 0]);
    assert_eq!(pending.cluster_addresses, ["10.0.0.1"]);
}

#[test]
fn other_services_are_reached_at_their_own_addresses() {
    let service = json!({"spec": {"type": "ClusterIP", "clusterIPs": ["10.0.0.1", "fd00::1"]}});
    let own = seen(&[(Made::Service, service)]);
    assert_eq!(own.addresses, ["10.0.0.1", "fd00::1"]);
    assert_eq!(own.cluster_addresses, own.addresses);
    let headless = seen(&[(Made::Service, json!({"spec": {"type": "ClusterIP", "clusterIPs": ["None"]}}))]);
    assert_eq!((headless.addresses, headless.cluster_addresses), (vec![], vec![]));
}

#[test]
fn a_data_plane_is_available_when_one_pod_is() {
    let deployment = |available: u32| (Made::Deployment, json!({"status": {"availableReplicas": available}}));
    assert!(!seen(&[deployment(0)]).available);
    assert!(seen(&[deployment(1)]).available);
    assert!(seen(&[(Made::DaemonSet, json!({"status": {"numberAvailable": 1}}))]).available);
}

#[test]
fn a_data_plane_that_is_left_as_it_is_shows_what_was_made_for_it() {
    let mut stock = Stock::default();
    for (name, data_plane, count) in [("g", "a/g", 1), ("h", "a/h", 0)] {
        let metadata = json!({"namespace": "a", "name": name, "annotations": {label::DATA_PLANE: data_plane}});
        let status = json!({"availableReplicas": count});
        stock.take(Made::Deployment, Event::Apply(json!({"metadata": metadata, "status": status})));
    }
    let held = |data_plane: &str| {
        look(&Order { data_plane: data_plane.into(), objects: Vec::new(), cluster_ip: None }, &stock)
    };
    assert!(held("a/g").available);
    assert!(!held("a/h").available && !held("a/gone").available);
}
