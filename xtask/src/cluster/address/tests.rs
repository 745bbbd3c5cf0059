use super::*;

/// A Service of type LoadBalancer, created at a second of the day.
fn service(name: &str, second: u8, asked: Option<&str>, present: Option<&str>) -> (Key, Service) {
    let service: Service = serde_json::from_value(json!({
        "metadata": {"namespace": "ns", "name": name, "creationTimestamp": format!("2026-01-01T00:00:{second:02}Z")},
        "spec": {"type": "LoadBalancer", "loadBalancerIP": asked},
        "status": {"loadBalancer": {"ingress": present.map(|ip| json!([{"ip": ip}]))}},
    }))
    .unwrap();
    (key(&service), service)
}

fn changed<const N: usize>(services: [(Key, Service); N]) -> Vec<(String, Option<String>)> {
    let changes = changes(&services.into_iter().collect());
    changes.into_iter().map(|(key, address)| (key.1, address.map(|address| address.to_string()))).collect()
}

fn now(name: &str, address: &str) -> (String, Option<String>) {
    (name.into(), Some(address.into()))
}

#[test]
fn each_gets_an_address_of_its_own_and_keeps_it() {
    let services =
        [service("a", 0, None, None), service("b", 1, None, Some("198.51.100.1")), service("c", 2, None, None)];
    assert_eq!(changed(services), [now("a", "198.51.100.2"), now("c", "198.51.100.3")]);
    assert_eq!(changed([service("a", 0, None, Some("198.51.100.7"))]), []);
}

#[test]
fn an_address_that_is_asked_for_goes_to_the_oldest_who_asks() {
    let asked = Some("198.51.100.1");
    let services = [service("a", 2, asked, None), service("b", 1, asked, None), service("c", 0, None, asked)];
    assert_eq!(changed(services), [now("b", "198.51.100.1"), now("c", "198.51.100.2")]);
}

#[test]
fn an_address_outside_of_the_pool_is_never_given() {
    for address in ["203.0.113.1", "198.51.100.0", "198.51.100.255", "2001:db8::1", "words"] {
        assert_eq!(changed([service("a", 0, Some(address), None)]), []);
        assert_eq!(changed([service("a", 0, Some(address), Some("198.51.100.1"))]), [("a".into(), None)]);
    }
}

#[test]
fn services_of_other_types_and_classes_have_none() {
    let (key, mut other) = service("a", 0, None, Some("198.51.100.1"));
    let Some(spec) = &mut other.spec else { panic!("it has a spec") };
    spec.type_ = Some("ClusterIP".into());
    assert_eq!(changed([(key, other)]), [("a".into(), None)]);
    let (key, mut other) = service("a", 0, None, None);
    let Some(spec) = &mut other.spec else { panic!("it has a spec") };
    spec.load_balancer_class = Some("example.com/other".into());
    assert_eq!(changed([(key, other)]), []);
}
