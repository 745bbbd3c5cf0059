use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::{Difference, SharedMap, SharedSet, chunks::CHUNK_MAX};

/// A key goes when there is no value.
type Edits = Vec<(u16, Option<u8>)>;

fn edits(max: usize) -> impl Strategy<Value = Edits> {
    proptest::collection::vec((0..600_u16, proptest::option::weighted(0.7, any::<u8>())), 0..max)
}

fn make(map: &mut SharedMap<u16, u8>, standard: &mut BTreeMap<u16, u8>, edits: Edits) {
    for (key, value) in edits {
        match value {
            Some(value) => assert_eq!(map.insert(key, value), standard.insert(key, value)),
            None => assert_eq!(map.remove(&key), standard.remove(&key)),
        }
    }
}

proptest! {
    #[test]
    fn holds_what_a_standard_map_holds(start in edits(400), then in edits(1200)) {
        let mut standard = BTreeMap::new();
        make(&mut SharedMap::default(), &mut standard, start);
        let mut map: SharedMap<u16, u8> = standard.clone().into_iter().collect();
        make(&mut map, &mut standard, then);
        prop_assert_eq!(map.len(), standard.len());
        prop_assert!(map.iter().eq(standard.iter()));
        prop_assert!(map.iter().rev().eq(standard.iter().rev()));
        for key in 0..600 {
            prop_assert_eq!(map.get(&key), standard.get(&key));
        }
    }

    #[test]
    fn a_copy_stays_as_it_was_and_differences_are_found(start in edits(1200), then in edits(60)) {
        let (mut map, mut standard) = (SharedMap::default(), BTreeMap::new());
        make(&mut map, &mut standard, start);
        let (before, standard_before) = (map.clone(), standard.clone());
        make(&mut map, &mut standard, then);
        prop_assert!(before.iter().eq(standard_before.iter()));

        let found: Vec<_> = map.differences(&before).filter(|found| found.before != found.now).collect();
        let keys: BTreeSet<&u16> = standard.keys().chain(standard_before.keys()).collect();
        let wanted: Vec<_> = keys
            .into_iter()
            .map(|key| Difference { key, before: standard_before.get(key), now: standard.get(key) })
            .filter(|wanted| wanted.before != wanted.now)
            .collect();
        prop_assert_eq!(&found, &wanted);
        prop_assert_eq!(map == before, wanted.is_empty());
    }

    #[test]
    fn is_equal_however_it_was_made(start in edits(1200)) {
        let (mut map, mut standard) = (SharedMap::default(), BTreeMap::new());
        make(&mut map, &mut standard, start);
        prop_assert_eq!(map, standard.into_iter().collect());
    }

    #[test]
    fn a_set_tells_what_came_and_went(start in edits(600), then in edits(60)) {
        let of = |edits: &Edits, set: &mut SharedSet<u16>, standard: &mut BTreeSet<u16>| {
            for (key, value) in edits {
                match value {
                    Some(_) => assert_eq!(set.insert(*key), standard.insert(*key)),
                    None => assert_eq!(set.remove(key), standard.remove(key)),
                }
            }
        };
        let (mut set, mut standard) = (SharedSet::default(), BTreeSet::new());
        of(&start, &mut set, &mut standard);
        let (before, standard_before) = (set.clone(), standard.clone());
        of(&then, &mut set, &mut standard);
        prop_assert!(set.added_since(&before).eq(standard.difference(&standard_before)));
        prop_assert!(set.removed_since(&before).eq(standard_before.difference(&standard)));
    }
}

/// This is what it is for: it cannot be seen in what it holds.
#[test]
fn one_change_among_thousands_is_found_among_a_few() {
    let before: SharedMap<u32, u32> = (0..10_000).map(|key| (key * 2, key)).collect();
    let mut now = before.clone();
    now.insert(10_001, 1);
    now.remove(&4_000);
    now.insert(0, 7);
    assert!(now.differences(&before).count() <= 5 * CHUNK_MAX);
    assert_eq!(now.differences(&before).filter(|found| found.before != found.now).count(), 3);
}

#[test]
fn many_removals_leave_no_crumbs() {
    let mut map: SharedMap<u32, u32> = (0..10_000).map(|key| (key, key)).collect();
    for key in (0..10_000).filter(|key| key % 100 != 0) {
        map.remove(&key);
    }
    assert_eq!(map.len(), 100);
    let chunks = map.chunks.as_slice().len();
    assert!(chunks <= 100 / 8, "{chunks} chunks");
}

#[test]
fn reads_what_it_writes() {
    let map: SharedMap<String, u32> = (0..100_u32).map(|key| (key.to_string(), key * key)).collect();
    let json = serde_json::to_string(&map).unwrap();
    assert_eq!(serde_json::from_str::<SharedMap<String, u32>>(&json).unwrap(), map);
    assert_eq!(json, serde_json::to_string(&map.iter().collect::<BTreeMap<_, _>>()).unwrap());
    let set: SharedSet<u32> = (0..100).collect();
    let json = serde_json::to_string(&set).unwrap();
    assert_eq!(serde_json::from_str::<SharedSet<u32>>(&json).unwrap(), set);
    assert_eq!(json, serde_json::to_string(&set.iter().collect::<Vec<_>>()).unwrap());
}
