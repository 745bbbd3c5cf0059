use serde_json::{Value, json};

use super::*;
use crate::world::{Controllers, Inspect, Object, Settings};

fn world(objects: impl IntoIterator<Item = Value>) -> World {
    let mut world = World::new(Settings {
        controllers: Controllers::All,
        merge_gateways: true,
        inspect: Inspect {
            key_pair: |_, _| Err("not inspected".into()),
            trust_anchors: |_| Err("not inspected".into()),
        },
    });
    for object in objects {
        world.insert(Object::from_value(object).unwrap());
    }
    world
}

fn grant(namespace: &str, [from, to]: [Value; 2]) -> Value {
    json!({"apiVersion": "gateway.networking.k8s.io/v1beta1", "kind": "ReferenceGrant",
        "metadata": {"name": "g", "namespace": namespace}, "spec": {"from": from, "to": to}})
}

const GATEWAY_OF_A: Referrer<'static> = Referrer { kind: Kind::Gateway, namespace: "a" };

fn from_gateway_of_a() -> Value {
    json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "a"})
}

fn refer(world: &World) -> Result<(ObjectRef, &Secret), RefError> {
    let reference = json!({"name": "cert", "namespace": "b"});
    secret(world, GATEWAY_OF_A, &serde_json::from_value(reference).unwrap())
}

#[test]
fn a_grant_needs_from_and_to_at_once() {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "cert", "namespace": "b"}});
    let any_secret = json!({"group": "", "kind": "Secret"});
    for (name, grants, permitted) in [
        ("no grant", vec![], false),
        ("all Secrets", vec![grant("b", [json!([from_gateway_of_a()]), json!([any_secret])])], true),
        (
            "this Secret",
            vec![grant("b", [json!([from_gateway_of_a()]), json!([{"group": "", "kind": "Secret", "name": "cert"}])])],
            true,
        ),
        (
            "another Secret",
            vec![grant("b", [json!([from_gateway_of_a()]), json!([{"group": "", "kind": "Secret", "name": "x"}])])],
            false,
        ),
        (
            "another kind",
            vec![grant("b", [json!([from_gateway_of_a()]), json!([{"group": "", "kind": "Service"}])])],
            false,
        ),
        (
            "another group",
            vec![grant("b", [json!([from_gateway_of_a()]), json!([{"group": "x", "kind": "Secret"}])])],
            false,
        ),
        ("in the referrer's namespace", vec![grant("a", [json!([from_gateway_of_a()]), json!([any_secret])])], false),
        (
            "to a ListenerSet, which a Gateway does not inherit",
            vec![grant(
                "b",
                [
                    json!([{"group": "gateway.networking.k8s.io", "kind": "ListenerSet", "namespace": "a"}]),
                    json!([any_secret]),
                ],
            )],
            false,
        ),
        (
            "several of each",
            vec![grant(
                "b",
                [
                    json!([{"group": "", "kind": "X", "namespace": "x"}, from_gateway_of_a()]),
                    json!([{"group": "", "kind": "Service"}, any_secret]),
                ],
            )],
            true,
        ),
    ] {
        let world = world(grants.into_iter().chain([secret.clone()]));
        assert_eq!(refer(&world).is_ok(), permitted, "{name}");
    }
}

#[test]
fn what_is_not_permitted_cannot_be_told_from_what_does_not_exist() {
    let present =
        world([json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "cert", "namespace": "b"}})]);
    let absent = world([]);
    assert_eq!(refer(&present).unwrap_err(), refer(&absent).unwrap_err());
    assert!(matches!(refer(&absent), Err(RefError::NotPermitted(_))));
}

#[test]
fn the_printed_grant_mends_the_reference() {
    let absent = world([]);
    let Err(RefError::NotPermitted(missing)) = refer(&absent) else { panic!("not permitted") };
    assert_eq!(
        missing.to_string(),
        r#"no ReferenceGrant in namespace "b" lets Gateways of namespace "a" refer to Secret "cert""#
    );
    assert_eq!(
        missing.manifest(),
        "apiVersion: gateway.networking.k8s.io/v1\nkind: ReferenceGrant\nmetadata:\n  name: a-gateway-to-cert\n  \
         namespace: b\nspec:\n  from:\n  - group: gateway.networking.k8s.io\n    kind: Gateway\n    namespace: a\n  \
         to:\n  - group: \"\"\n    kind: Secret\n    name: cert\n"
    );
    let documents = <saphyr::Yaml as saphyr::LoadableYamlNode>::load_from_str(&missing.manifest()).unwrap();
    let spec = &documents[0]["spec"];
    let text = |node: &saphyr::Yaml<'_>, key: &str| node[key].as_str().unwrap().to_owned();
    let (from, to) = (&spec["from"][0], &spec["to"][0]);
    let mended = world([grant(
        &text(&documents[0]["metadata"], "namespace"),
        [
            json!([{"group": text(from, "group"), "kind": text(from, "kind"), "namespace": text(from, "namespace")}]),
            json!([{"group": text(to, "group"), "kind": text(to, "kind"), "name": text(to, "name")}]),
        ],
    )]);
    assert!(matches!(refer(&mended), Err(RefError::NotFound(_))));
}

#[test]
fn an_unknown_kind_is_said_before_all_else() {
    let world = world([]);
    let reference = json!({"kind": "Vault", "group": "example.com", "name": "cert", "namespace": "b"});
    let error = secret(&world, GATEWAY_OF_A, &serde_json::from_value(reference).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), r#"kind "Vault" of group "example.com" cannot be referred to here"#);
}
