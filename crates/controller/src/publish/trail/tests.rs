use gatewright_xds::Confirmation;

use super::*;

/// Three versions.
fn abc() -> [Version; 3] {
    ["a", "b", "c"].map(|body| Version::of(body.as_bytes()))
}

fn standing(versions: &[Option<Version>]) -> Standing {
    let proxy = |version: &Option<Version>| Confirmation {
        proxy: "p".into(),
        version: *version,
        rejected: std::collections::BTreeMap::new(),
    };
    Standing { proxies: versions.iter().map(proxy).collect(), ..Standing::default() }
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A trail at `a`, which its one proxy has.
fn followed(now: Instant) -> Trail {
    let [a, ..] = abc();
    let mut trail = Trail::new(a);
    assert!(!trail.observe(&standing(&[]), now));
    assert!(!trail.observe(&standing(&[None]), now), "who never followed is given no time");
    assert!(trail.observe(&standing(&[Some(a)]), now));
    trail
}

#[test]
fn who_is_always_a_moment_behind_follows() {
    let [a, ..] = abc();
    let start = Instant::now();
    let mut trail = followed(start);
    let mut before = a;
    for round in 1..1_000 {
        let now = start + ms(10) * round;
        let next = Version::of(&round.to_le_bytes());
        trail.publish(next, now);
        assert!(trail.observe(&standing(&[Some(before), Some(next)]), now + ms(5)));
        before = next;
    }
    assert!(trail.past.len() <= 201, "{}", trail.past.len());
}

#[test]
fn who_keeps_an_old_version_stops_to_follow_and_comes_back_by_a_recent_one() {
    let [a, b, c] = abc();
    let start = Instant::now();
    let mut trail = followed(start);
    trail.publish(b, start);
    assert!(trail.observe(&standing(&[Some(a), Some(b)]), start + ms(999)));
    assert_eq!(trail.patience_ends(), Some(start + PATIENCE));
    assert!(!trail.observe(&standing(&[Some(a), Some(b)]), start + ms(1_000)));
    assert_eq!(trail.patience_ends(), None);
    assert!(!trail.is_behind(start), "it is not waited for");
    trail.publish(c, start + ms(60_000));
    // By now it is forgotten that there ever was an `a`.
    assert!(!trail.observe(&standing(&[Some(a), Some(c)]), start + ms(60_001)));
    assert!(trail.observe(&standing(&[Some(b), Some(c)]), start + ms(60_002)));
}

#[test]
fn a_proxy_that_comes_or_goes_is_given_time_where_the_others_followed() {
    let [a, _, c] = abc();
    let start = Instant::now();
    for new in [&[][..], &[Some(a), None], &[Some(c), Some(a)]] {
        let mut trail = followed(start);
        let later = start + ms(5_000);
        assert!(trail.observe(&standing(new), later));
        assert!(trail.is_behind(start), "what it has is not known");
        assert!(trail.observe(&standing(new), later + ms(999)));
        assert_eq!(trail.patience_ends(), Some(later + PATIENCE));
        assert!(!trail.observe(&standing(new), later + ms(1_000)));
        assert!(trail.observe(&standing(&[Some(a)]), later + ms(1_001)));
    }
}

#[test]
fn who_is_behind_depends_on_the_moment_asked_for() {
    let [a, b, c] = abc();
    let start = Instant::now();
    let mut trail = followed(start);
    trail.publish(b, start + ms(10));
    trail.publish(c, start + ms(20));
    let is_behind = |trail: &Trail| [9, 10, 19, 20].map(|at| trail.is_behind(start + ms(at)));
    assert_eq!(is_behind(&trail), [false, true, true, true], "before it is observed");
    trail.observe(&standing(&[Some(a)]), start + ms(21));
    assert_eq!(is_behind(&trail), [false, true, true, true]);
    trail.observe(&standing(&[Some(b), Some(c)]), start + ms(22));
    assert_eq!(is_behind(&trail), [false, false, false, true]);
    trail.observe(&standing(&[Some(c)]), start + ms(23));
    assert_eq!(is_behind(&trail), [false; 4]);
}

#[test]
fn a_version_that_comes_back_is_had_by_who_never_gave_it_up() {
    let [a, b, c] = abc();
    let start = Instant::now();
    let mut trail = followed(start);
    trail.publish(b, start + ms(10));
    trail.publish(a, start + ms(20));
    trail.observe(&standing(&[Some(a)]), start + ms(21));
    assert!(!trail.is_behind(start + ms(20)));
    trail.publish(c, start + ms(30));
    trail.observe(&standing(&[Some(a)]), start + ms(31));
    assert!(!trail.is_behind(start + ms(29)) && trail.is_behind(start + ms(30)));
}

#[test]
fn what_a_proxy_says_counts_as_long_as_it_may_be_behind() {
    let [a, b, c] = abc();
    let start = Instant::now();
    let mut trail = followed(start);
    trail.publish(b, start);
    assert!(trail.is_recent(b, start + ms(9_000)));
    assert!(trail.is_recent(a, start + ms(999)) && !trail.is_recent(a, start + ms(1_000)));
    assert!(!trail.is_recent(c, start));
}
