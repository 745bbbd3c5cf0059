use serde_json::json;

use super::*;

fn patched_with(r#type: PatchType, object: Value, value: Value) -> Value {
    patched(object, Some(&Patch { r#type, value }))
}

#[test]
fn a_strategic_merge_finds_named_items_and_adds_new_ones() {
    let pod = json!({"containers": [{"name": "gatewright", "image": "a", "env": [{"name": "A", "value": "1"}]}]});
    let patch = json!({"containers": [
        {"name": "gatewright", "env": [{"name": "A", "value": "2"}, {"name": "B", "value": "3"}]},
        {"name": "beside", "image": "b"},
    ]});
    let expected = json!({"containers": [
        {"name": "gatewright", "image": "a", "env": [{"name": "A", "value": "2"}, {"name": "B", "value": "3"}]},
        {"name": "beside", "image": "b"},
    ]});
    assert_eq!(patched_with(PatchType::StrategicMerge, pod, patch), expected);
}

#[test]
fn the_container_envoy_of_known_manifests_is_the_proxys() {
    let pod = json!({"containers": [{"name": "gatewright", "image": "a"}]});
    let patch = json!({"containers": [{"name": "envoy", "tty": true}]});
    let expected = json!({"containers": [{"name": "gatewright", "image": "a", "tty": true}]});
    assert_eq!(patched_with(PatchType::StrategicMerge, pod, patch), expected);
}

#[test]
fn ports_are_named_by_what_they_are_of() {
    let service = json!({"ports": [{"name": "tcp-80", "port": 80, "targetPort": 10080}]});
    let patch = json!({"ports": [{"port": 80, "nodePort": 30080}]});
    let expected = json!({"ports": [{"name": "tcp-80", "port": 80, "targetPort": 10080, "nodePort": 30080}]});
    assert_eq!(patched_with(PatchType::StrategicMerge, service, patch), expected);
    let container = json!({"ports": [{"containerPort": 10080}]});
    let patch = json!({"ports": [{"containerPort": 10080, "hostPort": 80}]});
    let expected = json!({"ports": [{"containerPort": 10080, "hostPort": 80}]});
    assert_eq!(patched_with(PatchType::StrategicMerge, container, patch), expected);
}

#[test]
fn a_strategic_merge_takes_out_and_replaces_where_it_says_so() {
    let object = json!({"a": 1, "volumes": [{"name": "x"}, {"name": "y"}], "keep": {"b": 1}});
    let patch =
        json!({"a": null, "volumes": [{"name": "x", "$patch": "delete"}], "keep": {"$patch": "replace", "c": 2}});
    let expected = json!({"volumes": [{"name": "y"}], "keep": {"c": 2}});
    assert_eq!(patched_with(PatchType::StrategicMerge, object, patch), expected);
}

#[test]
fn a_json_merge_replaces_lists_and_takes_out_null() {
    let object = json!({"containers": [{"name": "a"}, {"name": "b"}], "x": 1, "y": {"z": 1}});
    let patch = json!({"containers": [{"name": "c"}], "x": null, "y": {"w": 2}});
    let expected = json!({"containers": [{"name": "c"}], "y": {"z": 1, "w": 2}});
    assert_eq!(patched_with(PatchType::JSONMerge, object, patch), expected);
}
