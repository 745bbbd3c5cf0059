use gatewright_core::world::{Controllers, Inspect, Object, Settings};
use serde_json::{Value, json};

use super::*;

fn slice(namespace: &str, service: &str, addresses: &[&str]) -> Value {
    let endpoints: Vec<Value> = addresses.iter().map(|address| json!({"addresses": [address]})).collect();
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": format!("{service}-1"), "namespace": namespace, "labels": {SERVICE_NAME_LABEL: service}},
        "addressType": "IPv4",
        "ports": [{"port": 18000}],
        "endpoints": endpoints,
    })
}

#[test]
fn the_others_are_who_serves_the_control_channel_but_for_ourselves() {
    let inspect = Inspect { key_pair: |_, _| Err(String::new()), trust_anchors: |_| Err(String::new()) };
    let mut world = World::new(Settings { controllers: Controllers::All, merge_gateways: false, inspect });
    for object in [
        slice("system", "gatewright", &["10.0.0.1", "10.0.0.2"]),
        slice("system", "another", &["10.0.0.3"]),
        slice("elsewhere", "gatewright", &["10.0.0.4"]),
    ] {
        world.insert(Object::from_value(object).unwrap());
    }
    let found = others(&world, "system", "10.0.0.1:18000".parse().unwrap());
    assert_eq!(found, BTreeSet::from(["10.0.0.2:18000".parse().unwrap()]));
}
