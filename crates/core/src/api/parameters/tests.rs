use serde_json::json;

use super::*;

fn spec(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(spec) => spec,
        other => panic!("{other} is no object"),
    }
}

#[test]
fn a_gateways_own_fields_win_one_by_one() {
    let class = spec(json!({
        "concurrency": 2,
        "provider": {"type": "Kubernetes", "kubernetes": {
            "envoyService": {"annotations": {"a": "class", "b": "class"}, "type": "NodePort"},
        }},
    }));
    let own = spec(json!({"provider": {"kubernetes": {"envoyService": {"annotations": {"b": "own"}}}}}));
    let merged = Parameters::read(&merge(&class, &own)).unwrap();
    let service = &merged.provider.kubernetes.envoy_service;
    assert_eq!(merged.concurrency, Some(2));
    assert_eq!(service.r#type, Some(ServiceType::NodePort));
    assert_eq!(service.annotations, [("a".into(), "class".into()), ("b".into(), "own".into())].into());
}

#[test]
fn a_gateways_daemon_set_takes_the_place_of_its_classs_deployment() {
    let class = spec(json!({"provider": {"type": "Kubernetes", "kubernetes": {
        "envoyDeployment": {"replicas": 3}, "envoyHpa": {"maxReplicas": 5}, "envoyPDB": {"minAvailable": 1},
    }}}));
    let own = spec(json!({"provider": {"kubernetes": {"envoyDaemonSet": {}, "envoyPDB": {"maxUnavailable": 1}}}}));
    let kubernetes = Parameters::read(&merge(&class, &own)).unwrap().provider.kubernetes;
    assert_eq!(kubernetes.envoy_deployment, None);
    assert_eq!(kubernetes.envoy_hpa, None);
    assert_eq!(kubernetes.envoy_pdb.unwrap().min_available, None);
}

#[test]
fn a_patch_is_replaced_as_a_whole() {
    let patch = |value: Value| {
        spec(json!({"provider": {"kubernetes": {"envoyService": {"patch": {"type": "JSONMerge", "value": value}}}}}))
    };
    let merged = merge(&patch(json!({"a": 1})), &patch(json!({"b": 2})));
    let service = Parameters::read(&merged).unwrap().provider.kubernetes.envoy_service;
    assert_eq!(service.patch.unwrap().value, json!({"b": 2}));
}

#[test]
fn what_cannot_be_is_named() {
    let wrong = |value: Value| Parameters::read(&spec(value)).unwrap_err();
    assert!(wrong(json!({"concurrency": "many"})).contains("many"));
    assert!(wrong(json!({"provider": {"type": "Host"}})).contains("Host"));
    let kubernetes = |value: Value| wrong(json!({"provider": {"kubernetes": value}}));
    assert!(kubernetes(json!({"envoyDeployment": {}, "envoyDaemonSet": {}})).contains("envoyDaemonSet"));
    assert!(kubernetes(json!({"envoyHpa": {"minReplicas": 3, "maxReplicas": 2}})).contains("maxReplicas"));
    assert!(kubernetes(json!({"envoyService": {"patch": {"value": "x"}}})).contains("envoyService.patch.value"));
}

#[test]
fn fields_without_effect_are_named() {
    let spec = spec(json!({
        "telemetry": {}, "concurrency": 1,
        "logging": {"level": {"default": "info", "upstream": "debug"}},
        "shutdown": {"drainTimeout": "1s", "healthCheckFailureDelay": "1s"},
    }));
    let named = ["spec.telemetry", "spec.logging.level.upstream", "spec.shutdown.healthCheckFailureDelay"];
    assert_eq!(unhonoured(&spec), named);
}
