use serde_json::json;

use super::*;

fn settings() -> Settings {
    Settings {
        controllers: Controllers::All,
        merge_gateways: true,
        inspect: Inspect {
            key_pair: |_, _| Err("not inspected".into()),
            trust_anchors: |_| Err("not inspected".into()),
        },
    }
}

#[test]
fn objects_are_kept_by_kind_namespace_and_name() {
    let mut world = World::new(settings());
    let service = |name: &str| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}});
    let object = Object::from_value(service("web")).unwrap();
    assert_eq!(object.object_ref(), ObjectRef::new(Kind::Service, "default", "web"));
    world.insert(object);
    world.insert(Object::from_value(service("web")).unwrap());
    assert_eq!(world.object_refs().collect::<Vec<_>>(), [ObjectRef::new(Kind::Service, "default", "web")]);
    assert!(world.remove(&ObjectRef::new(Kind::Service, "default", "web")));
    assert!(!world.remove(&ObjectRef::new(Kind::Service, "default", "web")));
}

#[test]
fn cluster_scoped_objects_have_no_namespace() {
    let class = json!({"apiVersion": "gateway.networking.k8s.io/v1beta1", "kind": "GatewayClass",
        "metadata": {"name": "c", "namespace": "stray"}, "spec": {"controllerName": "example.com/c"}});
    let object = Object::from_value(class).unwrap();
    assert_eq!(object.key(), ObjectKey::cluster("c"));
    assert_eq!(object.object_ref().to_string(), "GatewayClass c");
}

#[test]
fn an_object_of_another_kind_or_shape_says_so() {
    let error = Object::from_value(json!({"apiVersion": "apps/v1", "kind": "Deployment"})).unwrap_err();
    assert_eq!(error.to_string(), r#"kind "Deployment" of apiVersion "apps/v1" is not read"#);
    let error =
        Object::from_value(json!({"apiVersion": "gateway.networking.k8s.io/v1alpha9", "kind": "Gateway"})).unwrap_err();
    assert!(matches!(error, ObjectError::UnknownKind { .. }));
    let error = Object::from_value(json!({"apiVersion": "v1", "kind": "Service", "metadata": "x"})).unwrap_err();
    assert!(matches!(error, ObjectError::Malformed(_)));
    assert!(matches!(Object::from_value(json!(null)).unwrap_err(), ObjectError::UnknownKind { .. }));
}

#[test]
fn an_undescribed_namespace_has_its_name_as_a_label() {
    let mut world = World::new(settings());
    assert_eq!(world.namespace_labels("a"), BTreeMap::from([(NAMESPACE_NAME_LABEL.into(), "a".into())]));
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "labels": {"team": "x"}}});
    world.insert(Object::from_value(namespace).unwrap());
    assert_eq!(world.namespace_labels("a")["team"], "x");
    assert_eq!(world.namespace_labels("a")[NAMESPACE_NAME_LABEL], "a");
}
