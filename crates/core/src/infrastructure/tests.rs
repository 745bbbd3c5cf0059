use super::*;

fn gateway(namespace: &str, name: &str) -> DataPlane {
    DataPlane::Gateway(ObjectKey::new(namespace, name))
}

#[test]
fn a_gateways_objects_are_named_after_it_and_its_class() {
    assert_eq!(name::of(&gateway("a", "edge"), "gatewright"), "edge-gatewright");
}

#[test]
fn no_two_gateways_of_a_namespace_have_objects_of_one_name() {
    let pairs = [("a-b", "c"), ("a", "b-c"), ("a.b", "c"), ("a", "b.c"), ("1", "c"), ("gw-1", "c")];
    let names: BTreeSet<String> = pairs.iter().map(|(name, class)| name::of(&gateway("x", name), class)).collect();
    assert_eq!(names.len(), pairs.len(), "{names:?}");
}

#[test]
fn the_longest_names_fit_a_service_and_a_label() {
    let long = format!("{}.b", "a.".repeat(125) + "c");
    for name in [long.as_str(), "9", "9.example", &"a".repeat(63)] {
        let of_gateway = name::of(&gateway("x", name), "gatewright");
        let of_class = name::of(&DataPlane::Class(name.to_owned()), name);
        for object in [of_gateway, of_class] {
            assert!(object.len() <= 63 && object.starts_with(|first: char| first.is_ascii_lowercase()), "{object}");
            assert!(object.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-'), "{object}");
            assert!(!object.ends_with('-'), "{object}");
        }
        let label = label_value(name);
        assert!(label.len() <= 63 && label.ends_with(|last: char| last.is_ascii_alphanumeric()), "{label}");
    }
}

#[test]
fn names_stay_as_they_are_from_release_to_release() {
    assert_eq!(name::of(&gateway("x", "a"), "b-c"), "a-b-c-bc4331d2a5");
    assert_eq!(name::of(&DataPlane::Class("shared".into()), "shared"), "shared-5a417f3a26");
}

#[test]
fn ports_below_1024_are_bound_above_unless_asked_otherwise() {
    let port = |port| ServicePort { port, transport: Transport::Tcp };
    let mut parameters = Parameters::default();
    assert_eq!([80, 443, 1024, 8080].map(|it| port(it).bound(&parameters)), [10_080, 10_443, 1024, 8080]);
    parameters.provider.kubernetes.use_listener_port_as_container_port = true;
    assert_eq!(port(80).bound(&parameters), 80);
}

#[test]
fn an_account_that_two_data_planes_claim_is_neithers() {
    let of = |account: &str| Infrastructure {
        name: "x".into(),
        service_account: account.into(),
        namespace: Some("a".into()),
        class: "c".into(),
        owner: ObjectRef::new(Kind::Gateway, "a", "x"),
        owner_uid: None,
        gateways: BTreeSet::new(),
        ports: BTreeSet::new(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        addresses: Vec::new(),
        cluster_addresses: Vec::new(),
        confined: false,
        parameters: None,
    };
    let planes = [(gateway("a", "1"), of("same")), (gateway("a", "2"), of("same")), (gateway("a", "3"), of("own"))];
    let identities = identities(&planes.into(), "gatewright-system");
    assert_eq!(identities, [(ObjectKey::new("a", "own"), gateway("a", "3"))].into());
}
