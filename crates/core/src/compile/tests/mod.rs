//! The compiler with a memory against the one without.

mod choice;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gatewright_shared_map::SharedMap;
use proptest::prelude::*;

use super::*;
use crate::{
    plan::{Certificate, KeyPair},
    world::{CertificateInfo, Controllers, Inspect, Object, ObjectKey, Settings},
};
use choice::Choice;

/// One step of an edit sequence.
#[derive(Clone, Debug)]
enum Edit {
    Put(Vec<u8>),
    /// Of the objects that are there.
    Remove(u16),
    Observe(Vec<u8>),
    /// Everything until here is compiled together.
    Compile,
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..80);
    let edit = prop_oneof![
        12 => bytes().prop_map(Edit::Put),
        2 => any::<u16>().prop_map(Edit::Remove),
        1 => bytes().prop_map(Edit::Observe),
        6 => Just(Edit::Compile),
    ];
    prop::collection::vec(edit, 1..120)
}

fn world(merge_gateways: bool, controllers: Controllers) -> World {
    let key_pair = |chain: &[u8], key: &[u8]| {
        let chain = String::from_utf8_lossy(chain);
        match (chain.strip_prefix("good "), key) {
            (Some(name), b"key") => Ok(CertificateInfo {
                dns_names: vec![name.to_owned()],
                not_after_unix: 4_000_000_000,
                fingerprint: chain.to_string(),
            }),
            _ => Err("no certificate that fits its key".to_owned()),
        }
    };
    let trust_anchors = |pem: &[u8]| if pem.starts_with(b"good") { Ok(1) } else { Err("no certificate".to_owned()) };
    World::new(Settings { controllers, merge_gateways, inspect: Inspect { key_pair, trust_anchors } })
}

fn apply(world: &mut World, edit: &Edit) {
    match edit {
        Edit::Put(bytes) => world.insert(Choice::new(bytes).object()),
        Edit::Remove(index) => {
            let objects: Vec<_> = world.object_refs().collect();
            if let Some(object) = objects.get(usize::from(*index) % objects.len().max(1)) {
                assert!(world.remove(object));
            }
        }
        Edit::Observe(bytes) => world.observed = Choice::new(bytes).observed(),
        Edit::Compile => {}
    }
}

/// A class, two Gateways that take routes, and what routes lead to, so that most edits mean something.
fn begin(world: &mut World) {
    let objects = [
        r#"{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "c"},
            "spec": {"controllerName": "example.com/c"}}"#,
        r#"{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "g", "namespace": "a"},
            "spec": {"gatewayClassName": "c", "allowedListeners": {"namespaces": {"from": "All"}}, "listeners": [
                {"name": "l", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}]}}"#,
        r#"{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "g", "namespace": "b"},
            "spec": {"gatewayClassName": "c", "listeners": [
                {"name": "l", "port": 8080, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}]}}"#,
        r#"{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "a"},
            "spec": {"ports": [{"name": "one", "port": 80}]}}"#,
        r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ca", "namespace": "a"},
            "data": {"ca.crt": "good"}}"#,
    ];
    for object in objects {
        world.insert(Object::from_value(serde_json::from_str(object).unwrap()).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// After every step: the outcome is that of compiling the World anew, the Delta names what differs and nothing else,
    /// and what it does not name is the same `Arc` as before.
    #[test]
    fn memory_changes_nothing_but_the_work(edits in edits(), merge in any::<bool>(), all in any::<bool>()) {
        let controllers = if all { Controllers::All } else { Controllers::Named(vec!["example.com/c".to_owned()]) };
        let mut world = world(merge, controllers);
        begin(&mut world);
        let mut compiler = Compiler::default();
        for edit in edits.iter().chain([&Edit::Compile]) {
            apply(&mut world, edit);
            if !matches!(edit, Edit::Compile) {
                continue;
            }
            let before = compiler.outcome().clone();
            let delta = compiler.compile(&mut world);
            same(compiler.outcome(), &compile(&world));
            assert_eq!(delta, difference(&before, compiler.outcome()));
            pointers_stay(&before, compiler.outcome(), &delta);
        }
    }
}

/// Piece by piece, so that a failure can be read.
fn same(found: &Outcome, expected: &Outcome) {
    assert_eq!(found.findings, expected.findings);
    assert_eq!(found.statuses, expected.statuses);
    assert_eq!(found.plans.keys().collect::<Vec<_>>(), expected.plans.keys().collect::<Vec<_>>());
    for (found, expected) in found.plans.values().zip(expected.plans.values()) {
        assert_eq!(found.ports, expected.ports);
        assert_eq!(found.routes, expected.routes);
        assert_eq!(found.backends, expected.backends);
        assert_eq!(found.endpoints, expected.endpoints);
        assert_eq!(found.certificates, expected.certificates);
    }
    assert_eq!(found, expected);
}

fn differing<K: Ord + Clone, V: PartialEq>(before: &BTreeMap<K, V>, after: &BTreeMap<K, V>) -> BTreeSet<K> {
    before.keys().chain(after.keys()).filter(|key| before.get(key) != after.get(key)).cloned().collect()
}

fn standard<K: Ord + Clone, V: Clone>(map: &SharedMap<K, V>) -> BTreeMap<K, V> {
    map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn difference(before: &Outcome, after: &Outcome) -> Delta {
    let findings = |outcome: &Outcome| {
        let mut by_object: BTreeMap<ObjectRef, Vec<Verdict>> = BTreeMap::new();
        for finding in &outcome.findings {
            by_object.entry(finding.object.clone()).or_default().push(finding.clone());
        }
        by_object
    };
    let plan = |plane: &DataPlane| {
        let empty = Arc::<Plan>::default();
        let before = before.plans.get(plane).unwrap_or(&empty);
        let Some(after) = after.plans.get(plane) else { return PlanDelta::default() };
        PlanDelta {
            ports: differing(&before.ports, &after.ports),
            routes: differing(&standard(&before.routes), &standard(&after.routes)),
            backends: differing(&before.backends, &after.backends),
            endpoints: differing(&before.endpoints, &after.endpoints),
            certificates: differing(&before.certificates, &after.certificates),
        }
    };
    Delta {
        statuses: differing(&before.statuses, &after.statuses),
        findings: differing(&findings(before), &findings(after)),
        plans: differing(&before.plans, &after.plans).into_iter().map(|plane| (plane.clone(), plan(&plane))).collect(),
        infrastructure: differing(&before.infrastructure, &after.infrastructure),
    }
}

fn pointers_stay(before: &Outcome, after: &Outcome, delta: &Delta) {
    for (plane, plan) in &after.plans {
        let Some(old) = before.plans.get(plane) else { continue };
        let delta = delta.plans.get(plane);
        assert!(delta.is_some() || Arc::ptr_eq(old, plan));
        fn stay<K: Ord, V>(old: &BTreeMap<K, Arc<V>>, new: &BTreeMap<K, Arc<V>>, named: Option<&BTreeSet<K>>) -> bool {
            let unnamed = |(id, _): &(&K, &Arc<V>)| named.is_none_or(|named| !named.contains(*id));
            new.iter().filter(unnamed).all(|(id, new)| Arc::ptr_eq(&old[id], new))
        }
        assert!(stay(&standard(&old.routes), &standard(&plan.routes), delta.map(|delta| &delta.routes)));
        assert!(stay(&old.backends, &plan.backends, delta.map(|delta| &delta.backends)));
        assert!(stay(&old.endpoints, &plan.endpoints, delta.map(|delta| &delta.endpoints)));
        for (id, certificate) in &plan.certificates {
            if delta.is_none_or(|delta| !delta.certificates.contains(id))
                && let (Certificate::Valid(KeyPair { chain: old, .. }), Certificate::Valid(KeyPair { chain: new, .. })) =
                    (&old.certificates[id], certificate)
            {
                assert!(Arc::ptr_eq(old, new));
            }
        }
    }
}

#[test]
fn an_equal_object_again_is_no_change() {
    let mut world = world(true, Controllers::All);
    begin(&mut world);
    let mut compiler = Compiler::default();
    assert!(!compiler.compile(&mut world).is_empty());
    begin(&mut world);
    assert_eq!(world.take_changes(), Default::default());
    assert!(compiler.compile(&mut world).is_empty());
}

#[test]
fn endpoints_come_and_go_without_touching_anything_else() {
    let mut world = world(true, Controllers::All);
    begin(&mut world);
    let route = r#"{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": "r", "namespace": "a"},
        "spec": {"parentRefs": [{"name": "g"}], "rules": [{"backendRefs": [{"name": "s", "port": 80}]}]}}"#;
    world.insert(Object::from_value(serde_json::from_str(route).unwrap()).unwrap());
    let mut compiler = Compiler::default();
    compiler.compile(&mut world);
    let slice = r#"{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": "e", "namespace": "a", "labels": {"kubernetes.io/service-name": "s"}},
        "addressType": "IPv4", "ports": [{"name": "one", "port": 8080}], "endpoints": [{"addresses": ["10.0.0.1"]}]}"#;
    let slice = Object::from_value(serde_json::from_str(slice).unwrap()).unwrap();
    let id = crate::backend::endpoints_id(&ObjectKey::new("a", "s"), 80);
    let only = Delta {
        plans: [(DataPlane::Merged, PlanDelta { endpoints: [id.clone()].into(), ..PlanDelta::default() })].into(),
        ..Delta::default()
    };
    world.insert(slice.clone());
    assert_eq!(compiler.compile(&mut world), only);
    assert_eq!(compiler.outcome().plans[&DataPlane::Merged].endpoints[&id].ready.len(), 1);
    world.remove(&slice.object_ref());
    assert_eq!(compiler.compile(&mut world), only);
    assert!(compiler.outcome().plans[&DataPlane::Merged].endpoints[&id].ready.is_empty());
}
