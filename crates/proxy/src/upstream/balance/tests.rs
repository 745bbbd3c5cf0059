use gatewright_core::plan::{BackendId, BackendProtocol};

use super::*;
use crate::snapshot::EndpointSnapshot;

fn backend(count: u16) -> BackendSnapshot {
    let endpoint = |port: u16| EndpointSnapshot { address: ([127, 0, 0, 1], port).into(), key: port.into() };
    BackendSnapshot {
        id: BackendId::new("b"),
        protocol: BackendProtocol::Http1,
        tls: None,
        endpoints: (1..=count).map(endpoint).collect(),
    }
}

fn all(backend: &BackendSnapshot, endpoints: &Endpoints) -> Vec<Rc<Endpoint>> {
    backend.endpoints.iter().map(|endpoint| endpoints.get(endpoint)).collect()
}

fn port(chosen: Option<Rc<Endpoint>>) -> Option<u16> {
    chosen.map(|endpoint| endpoint.address.port())
}

#[tokio::test]
async fn without_endpoints_there_is_no_choice() {
    assert!(choose(&backend(0), &Endpoints::default(), &[]).is_none());
}

#[tokio::test]
async fn all_endpoints_get_their_share() {
    let (backend, endpoints) = (backend(4), Endpoints::default());
    let mut counts = [0; 4];
    for _ in 0..4000 {
        counts[usize::from(port(choose(&backend, &endpoints, &[])).unwrap()) - 1] += 1;
    }
    // Each has 1000 expected, with a deviation of 27.
    assert!(counts.iter().all(|count| (800..1200).contains(count)), "{counts:?}");
}

#[tokio::test]
async fn the_busier_of_two_is_spared() {
    let (backend, endpoints) = (backend(2), Endpoints::default());
    all(&backend, &endpoints)[0].load.set(5);
    let busy = (0..4000).filter(|_| port(choose(&backend, &endpoints, &[])) == Some(1)).count();
    // Only when it is drawn twice: one in four.
    assert!((800..1200).contains(&busy), "{busy}");
}

#[tokio::test]
async fn what_has_been_tried_or_ejected_is_left_out() {
    let (backend, endpoints) = (backend(3), Endpoints::default());
    let known = all(&backend, &endpoints);
    known[1].failed();
    for _ in 0..100 {
        assert_eq!(port(choose(&backend, &endpoints, &known[..1])), Some(3));
    }
    assert_eq!(port(choose(&backend, &endpoints, &[known[0].clone(), known[2].clone()])), Some(2), "better than none");
    assert!(choose(&backend, &endpoints, &known).is_none(), "all have been tried");
}

#[tokio::test(start_paused = true)]
async fn of_ejected_ones_that_is_used_whose_time_ends_first() {
    let (backend, endpoints) = (backend(3), Endpoints::default());
    for endpoint in all(&backend, &endpoints).iter().rev() {
        endpoint.failed();
        tokio::time::advance(std::time::Duration::from_millis(10)).await;
    }
    for _ in 0..100 {
        assert_eq!(port(choose(&backend, &endpoints, &[])), Some(3));
    }
}

#[tokio::test]
async fn the_only_endpoint_is_used_even_ejected_but_not_twice() {
    let (backend, endpoints) = (backend(1), Endpoints::default());
    let only = all(&backend, &endpoints).remove(0);
    only.failed();
    assert_eq!(port(choose(&backend, &endpoints, &[])), Some(1));
    assert!(choose(&backend, &endpoints, &[only]).is_none());
}
