use std::sync::Arc;

use super::*;
use crate::budget::Pool;
use crate::limits::Limits;

fn budget(bytes: usize) -> Budget {
    Budget::join(Arc::new(Pool::new(&Limits { buffered_bytes_max: bytes, ..Limits::default() })))
}

#[test]
fn keeps_what_fits_and_nothing_else() {
    let (mut replay, budget) = (Replay::new(5), budget(1000));
    assert_eq!(replay.bytes(), Some(&b""[..]));
    replay.record(b"abc", &budget);
    replay.record(b"de", &budget);
    assert_eq!(replay.bytes(), Some(&b"abcde"[..]));
    replay.record(b"f", &budget);
    assert_eq!(replay.bytes(), None);
    replay.record(b"", &budget);
    assert_eq!(replay.bytes(), None, "what is lost stays lost");
}

#[test]
fn without_room_only_an_unbegun_body_can_be_sent_again() {
    let mut replay = Replay::new(0);
    assert!(replay.bytes().is_some());
    replay.record(b"a", &budget(1000));
    assert!(replay.bytes().is_none());
}

#[test]
fn bytes_that_the_process_has_not_to_spare_are_not_kept() {
    let budget = budget(5);
    let mut first = Replay::new(100);
    first.record(b"abc", &budget);
    let mut second = Replay::new(100);
    second.record(b"de", &budget);
    second.record(b"f", &budget);
    assert_eq!((first.bytes(), second.bytes()), (Some(&b"abc"[..]), None));
    let mut third = Replay::new(100);
    third.record(b"gh", &budget);
    assert_eq!(third.bytes(), Some(&b"gh"[..]), "what the second had kept is given back");
}
