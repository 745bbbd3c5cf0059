use super::*;

fn pool(limits: &Limits) -> (Arc<Pool>, Budget) {
    let pool = Arc::new(Pool::new(limits));
    (pool.clone(), Budget::join(pool))
}

#[test]
fn resources_lie_at_their_index() {
    for (index, (resource, _)) in Resource::ALL.iter().enumerate() {
        assert_eq!(*resource as usize, index);
    }
}

#[test]
fn what_is_given_back_can_be_taken_again_and_what_is_refused_is_counted() {
    let (pool, budget) = pool(&Limits { mirrors_max: 2, ..Limits::default() });
    let mirrors = || {
        let State { used, refused, .. } = pool.state(Resource::Mirrors);
        (used, refused)
    };
    let held = [budget.mirror(), budget.mirror()];
    assert!(held.iter().all(Option::is_some));
    assert!(budget.mirror().is_none());
    assert_eq!(mirrors(), (2, 1));
    drop(held);
    assert!(budget.mirror().is_some());
    assert_eq!(mirrors(), (0, 1));
}

#[test]
fn bytes_grow_up_to_the_bound_of_the_process() {
    let (pool, budget) = pool(&Limits { buffered_bytes_max: 100, ..Limits::default() });
    let other = Budget::join(pool.clone());
    let mut permit = budget.bytes(40).unwrap();
    assert!(permit.grow(30));
    assert!(other.bytes(31).is_none(), "workers share it");
    assert!(!permit.grow(31));
    let rest = other.bytes(30).unwrap();
    assert_eq!(pool.state(Resource::BufferedBytes), State { used: 100, max: 100, refused: 2 });
    assert!(other.bytes(usize::MAX).is_none(), "no sum overflows");
    drop((permit, rest));
    assert_eq!(pool.state(Resource::BufferedBytes).used, 0);
}

/// 20 % of the requests that are live in all workers, and 10 where that is less.
#[test]
fn retries_are_a_share_of_live_requests() {
    let (pool, here) = pool(&Limits::default());
    let there = Budget::join(pool.clone());
    for (requests, allowed) in [(0, 10), (1, 10), (50, 10), (54, 10), (55, 11), (100, 20), (1000, 200)] {
        let live: Vec<_> = (0..requests).map(|nth| if nth % 2 == 0 { &here } else { &there }.begin_request()).collect();
        let permits: Vec<_> = std::iter::from_fn(|| here.retry()).collect();
        assert_eq!(permits.len(), allowed, "of {requests}");
        assert!(there.retry().is_none());
        drop(live);
        assert_eq!(pool.state(Resource::Retries).max, 10, "none is live any longer");
    }
    assert_eq!(pool.state(Resource::Retries).used, 0);
}

#[test]
fn a_request_that_panics_is_live_no_longer() {
    let (pool, budget) = pool(&Limits::default());
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _live = budget.begin_request();
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(ended.is_err());
    assert_eq!(pool.live(), 0);
}
