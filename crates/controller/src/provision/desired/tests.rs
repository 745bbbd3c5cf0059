//! Golden cases: objects in, what is to be applied out. `GOLDEN=write cargo test -p gatewright-controller golden` writes
//! the second half of each anew; it is to be read line by line before it is committed.

use std::{fs, path::PathBuf};

use gatewright_core::{
    compile,
    world::{CertificateInfo, Controllers, Inspect, Object, Settings as Setup, World},
};
use serde_json::{Value, json};

use super::{Settings, desired};

fn key_pair(_: &[u8], _: &[u8]) -> Result<CertificateInfo, String> {
    Err("no certificates here".to_owned())
}

fn trust_anchors(_: &[u8]) -> Result<usize, String> {
    Err("no certificates here".to_owned())
}

fn world(objects: &[Value]) -> World {
    let inspect = Inspect { key_pair, trust_anchors };
    let mut world = World::new(Setup { controllers: Controllers::All, merge_gateways: false, inspect });
    for object in objects {
        world.insert(Object::from_value(object.clone()).unwrap());
    }
    world
}

fn settings() -> Settings {
    Settings {
        namespace: "gatewright-system".into(),
        image: "gatewright/gatewright:1.2.3".into(),
        control_plane: "https://gatewright.gatewright-system.svc:18000".into(),
        ca: "-----BEGIN CERTIFICATE-----\n".into(),
    }
}

fn made(objects: &[Value]) -> Vec<Value> {
    let outcome = compile(&world(objects));
    outcome.infrastructure.iter().flat_map(|(plane, it)| desired(plane, it, &settings())).collect()
}

fn gateway(spec: Value) -> Vec<Value> {
    let class = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "c"},
        "spec": {"controllerName": "example.com/c"},
    });
    let mut gateway = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
        "metadata": {"name": "g", "namespace": "a", "uid": "u"},
        "spec": {"gatewayClassName": "c", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]},
    });
    if let Value::Object(fields) = spec {
        gateway["spec"].as_object_mut().unwrap().extend(fields);
    }
    vec![class, gateway]
}

fn shaped(kubernetes: &Value) -> Vec<Value> {
    let reference = json!({"group": "gatewright.dev", "kind": "GatewayParameters", "name": "p"});
    let mut objects = gateway(json!({"infrastructure": {"parametersRef": reference}}));
    objects.push(json!({
        "apiVersion": "gatewright.dev/v1alpha1", "kind": "GatewayParameters",
        "metadata": {"name": "p", "namespace": "a"},
        "spec": {"provider": {"type": "Kubernetes", "kubernetes": kubernetes}},
    }));
    made(&objects)
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    objects.iter().find(|object| object["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"))
}

#[test]
fn golden_cases_come_out_as_written() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/provision/testdata");
    let write = std::env::var("GOLDEN").is_ok_and(|mode| mode == "write");
    let mut wrong = Vec::new();
    let mut cases: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(!cases.is_empty(), "no case was found");
    for path in cases {
        let mut case: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let found = Value::Array(made(case["objects"].as_array().unwrap()));
        if found == case["desired"] {
            continue;
        }
        let (found_text, expected) =
            (serde_json::to_string_pretty(&found).unwrap(), serde_json::to_string_pretty(&case["desired"]).unwrap());
        let line = found_text.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
        wrong.push(format!("{}: {line:?}", path.display()));
        if write {
            case["desired"] = found;
            fs::write(&path, serde_json::to_string_pretty(&case).unwrap() + "\n").unwrap();
        }
    }
    assert!(write || wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_a_gateway_says_of_its_infrastructure_is_on_every_object_and_pod() {
    let infrastructure = json!({"labels": {"team": "x"}, "annotations": {"note": "y"}});
    let objects = made(&gateway(json!({"infrastructure": infrastructure})));
    let template = &of_kind(&objects, "Deployment")["spec"]["template"];
    assert_eq!(objects.len(), 4);
    for object in objects.iter().chain([template]) {
        let metadata = &object["metadata"];
        assert_eq!(metadata["labels"]["team"], "x", "{object}");
        assert_eq!(metadata["annotations"]["note"], "y", "{object}");
        assert_eq!(metadata["labels"]["gateway.networking.k8s.io/gateway-name"], "g", "{object}");
    }
}

#[test]
fn a_patch_changes_neither_whose_an_object_is_nor_where() {
    let value = json!({
        "kind": "Pod",
        "metadata": {
            "name": "other", "namespace": "kube-system", "ownerReferences": [], "annotations": null,
            "labels": {"app.kubernetes.io/instance": "other", "more": "z"},
        },
        "spec": {"externalTrafficPolicy": "Cluster"},
    });
    let objects = shaped(&json!({"envoyService": {"patch": {"type": "JSONMerge", "value": value}}}));
    let service = of_kind(&objects, "Service");
    assert_eq!(service["metadata"]["namespace"], "a");
    assert_eq!(service["metadata"]["name"], "g-c");
    assert_eq!(service["metadata"]["ownerReferences"][0]["uid"], "u");
    assert_eq!(service["metadata"]["labels"]["app.kubernetes.io/instance"], "g-c");
    assert_eq!(service["metadata"]["labels"]["more"], "z");
    assert_eq!(service["metadata"]["annotations"]["gatewright.dev/data-plane"], "a/g");
    assert_eq!(service["spec"]["externalTrafficPolicy"], "Cluster");
}

#[test]
fn an_image_repository_keeps_the_tag_of_the_release() {
    let image = |container: Value| {
        let objects = shaped(&json!({"envoyDeployment": {"container": container}}));
        of_kind(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["image"].clone()
    };
    assert_eq!(image(json!({})), "gatewright/gatewright:1.2.3");
    assert_eq!(image(json!({"imageRepository": "registry:5000/mine"})), "registry:5000/mine:1.2.3");
    assert_eq!(image(json!({"image": "other:1"})), "other:1");
}

#[test]
fn the_first_address_asked_for_is_the_services() {
    let addresses = json!([{"value": "192.0.2.7"}, {"value": "192.0.2.8"}]);
    let objects = made(&gateway(json!({"addresses": addresses})));
    assert_eq!(of_kind(&objects, "Service")["spec"]["loadBalancerIP"], "192.0.2.7");
}

#[test]
fn a_gateway_that_asks_for_the_cluster_alone_is_not_exposed() {
    let service = |addresses: Value| {
        let reference = json!({"group": "gatewright.dev", "kind": "GatewayParameters", "name": "p"});
        let shape = json!({"infrastructure": {"parametersRef": reference}, "addresses": addresses});
        let mut objects = gateway(shape);
        let service = json!({"type": "LoadBalancer", "loadBalancerClass": "x", "loadBalancerIP": "192.0.2.9"});
        objects.push(json!({
            "apiVersion": "gatewright.dev/v1alpha1", "kind": "GatewayParameters",
            "metadata": {"name": "p", "namespace": "a"},
            "spec": {"provider": {"type": "Kubernetes", "kubernetes": {"envoyService": service}}},
        }));
        of_kind(&made(&objects), "Service")["spec"].clone()
    };
    let confined = service(json!([{"routability": "Cluster", "value": "10.96.0.7"}]));
    let fields: Vec<&String> = confined.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["type", "selector", "ports"]);
    assert_eq!(confined["type"], "ClusterIP");
    assert_eq!(service(json!([{"routability": "example.com/Wan"}]))["type"], "ClusterIP");
    let both = service(json!([{"routability": "Cluster", "value": "10.96.0.7"}, {}]));
    assert_eq!(both["type"], "LoadBalancer");
    assert_eq!(both["loadBalancerIP"], "192.0.2.9", "a ClusterIP is nothing that a load balancer is asked for");
    assert_eq!(both.get("clusterIP"), None, "what a Service has cannot change");
}

#[test]
fn an_autoscaler_owns_the_replicas() {
    let objects = shaped(&json!({"envoyDeployment": {"name": "d", "replicas": 3}, "envoyHpa": {"maxReplicas": 5}}));
    assert_eq!(of_kind(&objects, "Deployment")["spec"].get("replicas"), None);
    assert_eq!(of_kind(&objects, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["name"], "d");
}

#[test]
fn the_longest_gateway_name_makes_objects_that_the_api_server_takes() {
    let mut objects = gateway(json!({}));
    objects[1]["metadata"]["name"] = "a".repeat(253).into();
    for object in made(&objects) {
        let name = object["metadata"]["name"].as_str().unwrap();
        assert!(name.len() <= 63, "{name}");
        for (key, value) in object["metadata"]["labels"].as_object().unwrap() {
            assert!(value.as_str().unwrap().len() <= 63, "{key}: {value}");
        }
    }
}
