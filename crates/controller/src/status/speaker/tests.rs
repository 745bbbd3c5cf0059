use std::time::Duration;

use gatewright_core::{
    api::meta::Time,
    world::{Controllers, Kind},
};

use super::*;
use crate::{
    status::{desk::Write, sample::accepted},
    watch::Stored,
};

const NOW: Time = Time(2_000_000_000);

fn class(name: &str) -> ObjectRef {
    ObjectRef::new(Kind::GatewayClass, "", name)
}

/// Statuses of the classes `a` and `b`, of a generation.
fn statuses(generation: i64) -> BTreeMap<ObjectRef, Status> {
    ["a", "b"].map(|name| (class(name), accepted(generation))).into()
}

fn desk() -> Arc<Desk> {
    let desk = Arc::new(Desk::new(Controllers::Named(vec!["gatewright.dev/gateway-controller".into()])));
    desk.open();
    for name in ["a", "b"] {
        see(&desk, &class(name));
    }
    desk
}

fn see(desk: &Desk, object: &ObjectRef) {
    desk.saw(object, Stored { resource_version: "1".into(), uid: "u".into(), ..Stored::default() });
}

/// Returns the generation that each status is of that there is to write.
fn written(desk: &Desk) -> Vec<(String, i64)> {
    let writes = std::iter::from_fn(|| desk.take(NOW));
    let generation = |write: Write| match write {
        Write::Status(status) => status["conditions"][0]["observedGeneration"].as_i64().unwrap(),
        Write::Finalizers(finalizers) => panic!("{finalizers:?}"),
    };
    writes.map(|(object, _, write)| (object.key.name, generation(write))).collect()
}

fn of(generation: i64) -> Vec<(String, i64)> {
    ["a", "b"].map(|name| (name.to_owned(), generation)).into()
}

#[test]
fn what_proxies_do_not_have_yet_is_not_said() {
    let desk = desk();
    let mut speaker = Speaker::new(desk.clone());
    let published = Instant::now();
    speaker.speak(&statuses(1), published, |then| then >= published);
    assert!(!speaker.has_said_all());
    assert_eq!(written(&desk), []);
    speaker.say(|_| false);
    assert!(speaker.has_said_all());
    assert_eq!(written(&desk), of(1));
}

#[test]
fn under_constant_change_each_draft_has_its_turn() {
    let desk = desk();
    let mut speaker = Speaker::new(desk.clone());
    let first = Instant::now();
    speaker.speak(&statuses(1), first, |_| true);
    let second = first + Duration::from_millis(10);
    speaker.heard([class("b")].into());
    // Proxies have the first round's and not the second's: what is said is of the first.
    speaker.speak(&statuses(2), second, |then| then >= second);
    assert_eq!(written(&desk), of(1));
    assert!(!speaker.has_said_all());
    speaker.say(|_| false);
    for name in ["a", "b"] {
        desk.returned(&class(name), "u", None);
    }
    assert_eq!(written(&desk), [("a".to_owned(), 1), ("b".to_owned(), 2)]);
}

#[test]
fn what_is_in_doubt_is_drafted_anew() {
    let desk = desk();
    let mut speaker = Speaker::new(desk.clone());
    speaker.speak(&statuses(1), Instant::now(), |_| true);
    speaker.doubt();
    speaker.say(|_| false);
    assert_eq!(written(&desk), []);
    assert!(!speaker.has_said_all());
    speaker.speak(&statuses(2), Instant::now(), |_| false);
    assert_eq!(written(&desk), of(2));
}

#[test]
fn an_object_that_comes_back_unchanged_gets_its_status_again() {
    let desk = desk();
    let mut speaker = Speaker::new(desk.clone());
    speaker.speak(&statuses(1), Instant::now(), |_| false);
    assert_eq!(written(&desk), of(1));
    desk.lost(&class("a"));
    see(&desk, &class("a"));
    // To the compiler nothing happened.
    speaker.speak(&statuses(1), Instant::now(), |_| false);
    assert_eq!(written(&desk), [("a".to_owned(), 1)]);
}

#[test]
fn a_draft_is_not_said_of_another_object_of_the_same_name() {
    let desk = desk();
    let mut speaker = Speaker::new(desk.clone());
    speaker.speak(&statuses(1), Instant::now(), |_| true);
    desk.lost(&class("a"));
    see(&desk, &class("a"));
    speaker.say(|_| false);
    assert_eq!(written(&desk), [("b".to_owned(), 1)]);
    speaker.speak(&statuses(2), Instant::now(), |_| false);
    assert_eq!(written(&desk), [("a".to_owned(), 2)]);
}
