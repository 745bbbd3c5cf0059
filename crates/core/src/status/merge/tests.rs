use proptest::prelude::*;

use super::*;
use crate::{
    api::{
        meta::ConditionStatus::{self, False, True, Unknown},
        shared::ParentReference,
    },
    status::reason::{Reason, RouteRejection},
};

const THEN: Time = Time(1_000);
const NOW: Time = Time(2_000);

fn condition(r#type: &str, status: ConditionStatus, generation: i64, time: Time) -> Condition {
    Condition {
        r#type: r#type.to_owned(),
        status,
        observed_generation: generation,
        last_transition_time: time,
        reason: RouteRejection::Pending.as_str().to_owned(),
        message: String::new(),
    }
}

fn types(conditions: &[Condition]) -> Vec<&str> {
    conditions.iter().map(|condition| condition.r#type.as_str()).collect()
}

#[test]
fn defaults_of_the_crd_are_replaced() {
    let existing = [condition("Accepted", Unknown, 0, Time(0)), condition("Programmed", Unknown, 0, Time(0))];
    let computed = [condition("Accepted", True, 1, Time(0)), condition("Programmed", False, 1, Time(0))];
    let merged = conditions(&existing, &computed, NOW);
    assert_eq!(merged, [condition("Accepted", True, 1, NOW), condition("Programmed", False, 1, NOW)]);
}

#[test]
fn time_changes_with_the_status_alone() {
    let existing = [condition("Accepted", True, 1, THEN), condition("Programmed", True, 1, THEN)];
    let computed = [condition("Accepted", True, 2, Time(0)), condition("Programmed", False, 2, Time(0))];
    let merged = conditions(&existing, &computed, NOW);
    assert_eq!(merged, [condition("Accepted", True, 2, THEN), condition("Programmed", False, 2, NOW)]);
}

#[test]
fn foreign_conditions_stay_equal_in_every_field_and_in_their_place() {
    let foreign = condition("example.com/Stale", False, 1, THEN);
    let existing = [condition("Programmed", True, 1, THEN), foreign.clone(), condition("Accepted", True, 1, THEN)];
    let computed = [condition("Accepted", True, 9, Time(0)), condition("Programmed", True, 9, Time(0))];
    let merged = conditions(&existing, &computed, NOW);
    assert_eq!(types(&merged), ["Programmed", "example.com/Stale", "Accepted"]);
    assert_eq!(merged[1], foreign);
}

#[test]
fn ours_that_no_longer_hold_are_removed() {
    let existing = [condition("Accepted", True, 1, THEN), condition("OverlappingTLSConfig", True, 1, THEN)];
    let merged = conditions(&existing, &[condition("Accepted", True, 1, Time(0))], NOW);
    assert_eq!(types(&merged), ["Accepted"]);
}

#[test]
fn a_condition_of_a_newer_generation_is_left_alone() {
    let newer = condition("Accepted", False, 5, THEN);
    let merged = conditions(std::slice::from_ref(&newer), &[condition("Accepted", True, 4, Time(0))], NOW);
    assert_eq!(merged, [newer]);
}

#[test]
fn at_the_bound_our_least_telling_conditions_give_way() {
    let existing: Vec<_> = (0..6).map(|i| condition(&format!("example.com/{i}"), True, 1, THEN)).collect();
    let computed =
        ["Accepted", "Programmed", "ResolvedRefs", "Conflicted"].map(|r#type| condition(r#type, True, 1, Time(0)));
    let merged = conditions(&existing, &computed, NOW);
    assert_eq!(merged[..6], existing);
    assert_eq!(types(&merged[6..]), ["Accepted", "Programmed"]);
}

fn parent(name: &str, controller_name: &str, conditions: Vec<Condition>) -> RouteParentStatus {
    RouteParentStatus {
        parent_ref: ParentReference {
            group: crate::api::GATEWAY_GROUP.to_owned(),
            kind: "Gateway".to_owned(),
            namespace: None,
            name: name.to_owned(),
            section_name: None,
            port: None,
        },
        controller_name: controller_name.to_owned(),
        conditions,
    }
}

#[test]
fn entries_of_other_controllers_stay_and_ours_follow_the_parent_refs() {
    let accepted = |generation, time| vec![condition("Accepted", True, generation, time)];
    let foreign = parent("gw", "example.com/other", accepted(1, THEN));
    let existing = Status::Route(RouteStatus {
        parents: vec![
            foreign.clone(),
            parent("kept", "ours", accepted(1, THEN)),
            parent("gone", "ours", accepted(1, THEN)),
        ],
    });
    let computed = Status::Route(RouteStatus {
        parents: vec![parent("gw", "ours", accepted(2, Time(0))), parent("kept", "ours", accepted(2, Time(0)))],
    });
    let merged = merge(&existing, &computed, &|name| name == "ours", NOW);
    let expected = vec![foreign, parent("kept", "ours", accepted(2, THEN)), parent("gw", "ours", accepted(2, NOW))];
    assert_eq!(merged, Status::Route(RouteStatus { parents: expected }));
}

#[test]
fn listeners_are_those_of_the_manifest_with_the_foreign_conditions_of_theirs() {
    let listener = |name: &str, conditions| ListenerStatus {
        name: name.to_owned(),
        supported_kinds: Vec::new(),
        attached_routes: 0,
        conditions,
    };
    let foreign = condition("example.com/Stale", True, 1, THEN);
    let existing = [listener("old", vec![]), listener("http", vec![foreign.clone()])];
    let merged = listeners(&existing, &[listener("http", vec![condition("Accepted", True, 2, Time(0))])], NOW);
    assert_eq!(merged, [listener("http", vec![foreign, condition("Accepted", True, 2, NOW)])]);
}

fn any_conditions() -> impl Strategy<Value = Vec<Condition>> {
    let types = prop::sample::subsequence(
        vec!["Accepted", "Programmed", "ResolvedRefs", "Conflicted", "OverlappingTLSConfig", "x/A", "x/B", "x/C"],
        0..=8,
    );
    (types, any::<bool>(), 0i64..3).prop_map(|(types, status, generation)| {
        let status = if status { True } else { False };
        types.into_iter().map(|r#type| condition(r#type, status, generation, THEN)).collect()
    })
}

proptest! {
    /// Writing the same again changes nothing, so that an unchanged world causes no write.
    #[test]
    fn merging_twice_is_merging_once(existing in any_conditions(), computed in any_conditions()) {
        let computed: Vec<_> = computed.into_iter().filter(|condition| OWN.contains(&condition.r#type.as_str())).collect();
        let once = conditions(&existing, &computed, NOW);
        prop_assert_eq!(conditions(&once, &computed, Time(3_000)), once.clone());
        prop_assert!(once.len() <= CONDITIONS_MAX);
        let foreign = |list: &[Condition]| -> Vec<Condition> {
            list.iter().filter(|condition| condition.r#type.starts_with("x/")).cloned().collect()
        };
        prop_assert_eq!(foreign(&once), foreign(&existing));
    }
}
