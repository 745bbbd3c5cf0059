use std::net::Ipv4Addr;

use tokio::time::advance;

use super::*;

fn address(number: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, number).into()
}

fn fill(places: &Places, address: IpAddr, count: usize) -> Vec<Place> {
    (0..count).map(|_| places.enter(address).expect("there is room")).collect()
}

/// Waits for a future that is ready already.
async fn waited(place: &Place) -> Option<Waited> {
    tokio::time::timeout(Duration::ZERO, place.waited()).await.ok()
}

#[tokio::test(start_paused = true)]
async fn an_address_fills_its_own_places_alone_and_gets_them_back() {
    let places = Places::default();
    let mut held = fill(&places, address(1), WAITING_PER_ADDRESS_MAX);
    assert!(places.enter(address(1)).is_none());
    assert!(places.enter(address(2)).is_some());
    held.pop();
    assert!(places.enter(address(1)).is_some());
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_long_goes_first_for_a_newcomer() {
    let places = Places::default();
    let held = fill(&places, address(1), WAITING_PER_ADDRESS_MAX);
    advance(SAFE_FOR * 2).await;
    let _new = places.enter(address(1)).expect("the oldest makes room");
    assert_eq!(waited(&held[0]).await, Some(Waited::Over));
    assert_eq!(waited(&held[1]).await, None);
    assert!(held[0].claim().admit().is_err());
}

#[tokio::test(start_paused = true)]
async fn when_all_places_are_taken_the_address_with_the_most_gives_one() {
    let places = Places::default();
    let _one = fill(&places, address(0), 1);
    let mut held = Vec::new();
    let rest = WAITING_MAX - 1;
    for number in 0..rest.div_ceil(WAITING_PER_ADDRESS_MAX) {
        let count = WAITING_PER_ADDRESS_MAX.min(rest - held.len());
        held.extend(fill(&places, address(u8::try_from(number + 1).unwrap()), count));
    }
    assert!(places.enter(address(200)).is_none());
    advance(SAFE_FOR * 2).await;
    let new = places.enter(address(200)).expect("one makes room");
    assert_eq!(waited(&held[0]).await, Some(Waited::Over));
    assert!(new.claim().admit().is_ok());
    assert!(places.lock().waiting.values().any(|waiting| waiting.address == address(0)));
}

#[tokio::test(start_paused = true)]
async fn who_is_admitted_leaves_its_place_to_others_and_has_no_deadline() {
    let places = Places::default();
    let held = fill(&places, address(1), WAITING_PER_ADDRESS_MAX);
    for place in &held {
        place.claim().admit().unwrap();
        place.claim().admit().unwrap();
    }
    let late = places.enter(address(1)).expect("all others were admitted");
    advance(DEADLINE).await;
    assert_eq!(waited(&held[0]).await, Some(Waited::Admitted));
    assert_eq!(waited(&late).await, Some(Waited::Over));
    assert_eq!(places.lock().admitted.len(), WAITING_PER_ADDRESS_MAX);
    drop((held, late));
    let table = places.lock();
    assert_eq!((table.waiting.len(), table.admitted.len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn accepted_connections_are_bounded_of_one_address_and_of_all() {
    let places = Places::default();
    let admit = |address| {
        let place = places.enter(address).expect("there is room");
        let admitted = place.claim().admit();
        (place, admitted)
    };
    let mut held = Vec::new();
    for number in 0..u8::try_from(ADMITTED_MAX / ADMITTED_PER_ADDRESS_MAX).unwrap() {
        for _ in 0..ADMITTED_PER_ADDRESS_MAX {
            let (place, admitted) = admit(address(number));
            admitted.unwrap();
            held.push(place);
        }
        assert!(admit(address(number)).1.is_err());
    }
    assert!(admit(address(100)).1.is_err());
    held.pop();
    assert!(admit(address(100)).1.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_connection_shows_few_tokens_until_one_is_accepted() {
    let place = Places::default().enter(address(1)).unwrap();
    for _ in 0..TOKENS_MAX {
        place.claim().may_show().unwrap();
    }
    assert!(place.claim().may_show().is_err());
    place.claim().admit().unwrap();
    place.claim().may_show().unwrap();
}

#[test]
fn a_host_of_ipv6_is_one_address_in_all_of_its_own() {
    let of = |text: &str| network(text.parse().unwrap());
    assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:0:0:2"));
    assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
    assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
}
