//! The index against a map of the standard library, through growth and shrinkage.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::index::{Edit, Index};

const SCOPES: u32 = 2;
const TEXTS: u32 = 1_000;

fn text(number: u32) -> String {
    // Some are longer than what a node holds itself.
    format!("/{number}{}", "/x".repeat(number as usize % 20))
}

/// Edits of a stretch of all texts: most come, or most go.
fn edits() -> impl Strategy<Value = Vec<(u32, u32, Option<u32>)>> {
    (0..TEXTS, 1..TEXTS, any::<bool>(), any::<u32>()).prop_map(|(start, len, come, value)| {
        let numbers = start..(start + len).min(TEXTS);
        numbers.map(|number| (number % SCOPES, number, (come != (number % 7 == 0)).then_some(value))).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn an_edited_index_has_what_a_map_has(steps in prop::collection::vec(edits(), 1..6)) {
        let mut index: Index<u32> = Index::new(Vec::new());
        let mut map: BTreeMap<(u32, String), u32> = BTreeMap::new();
        for step in steps {
            let edit = |(scope, number, value): &(u32, u32, Option<u32>)| {
                Edit { scope: *scope, text: text(*number).into(), value: *value }
            };
            index = index.changed(step.iter().map(edit).collect());
            for (scope, number, value) in step {
                match value {
                    Some(value) => _ = map.insert((scope, text(number)), value),
                    None => _ = map.remove(&(scope, text(number))),
                }
            }
            for scope in 0..SCOPES {
                for number in 0..TEXTS {
                    let text = text(number);
                    prop_assert_eq!(index.get(scope, text.as_bytes()), map.get(&(scope, text.clone())), "{} {}", scope, text);
                }
            }
            prop_assert_eq!(index.nodes().count(), map.len());
            prop_assert_eq!(index.is_empty(), map.is_empty());
        }
    }
}

#[test]
fn one_edit_leaves_nearly_all_as_it_was() {
    let all = (0..10 * TEXTS).map(|number| Edit { scope: 0, text: text(number).into(), value: Some(number) });
    let before = Index::new(Vec::new()).changed(all.collect());
    let after = before.changed(vec![Edit { scope: 0, text: text(1).into(), value: None }]);
    let kept = |number: &u32| {
        let text = text(*number);
        let pair = [&before, &after].map(|index| index.get(0, text.as_bytes()));
        matches!(pair, [Some(before), Some(after)] if std::ptr::eq(before, after))
    };
    assert!((0..10 * TEXTS).filter(kept).count() >= 10 * TEXTS as usize - 128);
}
