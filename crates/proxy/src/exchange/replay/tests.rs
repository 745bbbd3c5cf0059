use super::*;

#[test]
fn keeps_what_fits_and_nothing_else() {
    let mut replay = Replay::new(5);
    assert_eq!(replay.bytes(), Some(&b""[..]));
    replay.record(b"abc");
    replay.record(b"de");
    assert_eq!(replay.bytes(), Some(&b"abcde"[..]));
    replay.record(b"f");
    assert_eq!(replay.bytes(), None);
    replay.record(b"");
    assert_eq!(replay.bytes(), None, "what is lost stays lost");
}

#[test]
fn without_room_only_an_unbegun_body_can_be_sent_again() {
    let mut replay = Replay::new(0);
    assert!(replay.bytes().is_some());
    replay.record(b"a");
    assert!(replay.bytes().is_none());
}
