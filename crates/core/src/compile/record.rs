//! Writing results into an Outcome, and what differs into a Delta.

use std::{collections::BTreeMap, ops::Range};

use super::{Delta, Outcome};
use crate::{
    status::Status,
    verdict::Verdict,
    world::{Kind, ObjectKey, ObjectRef},
};

/// Gives one object its status, or takes it away.
pub(super) fn status(outcome: &mut Outcome, object: ObjectRef, status: Option<Status>, delta: &mut Delta) {
    if outcome.statuses.get(&object) == status.as_ref() {
        return;
    }
    match status {
        Some(status) => outcome.statuses.insert(object.clone(), status),
        None => outcome.statuses.remove(&object),
    };
    delta.statuses.insert(object);
}

/// Gives these objects their statuses and leaves all others alone.
pub(super) fn each_status(outcome: &mut Outcome, statuses: BTreeMap<ObjectRef, Status>, delta: &mut Delta) {
    for (object, found) in statuses {
        status(outcome, object, Some(found), delta);
    }
}

/// Gives the objects of these kinds their statuses: those, and no others.
pub(super) fn statuses(
    outcome: &mut Outcome,
    kinds: &[Kind],
    statuses: BTreeMap<ObjectRef, Status>,
    delta: &mut Delta,
) {
    let of_kind = |kind: &Kind| {
        let (kind, first) = (*kind, ObjectRef { kind: *kind, key: ObjectKey::new("", "") });
        outcome.statuses.range(first..).map(|(object, _)| object).take_while(move |object| object.kind == kind)
    };
    let gone: Vec<_> =
        kinds.iter().flat_map(of_kind).filter(|object| !statuses.contains_key(object)).cloned().collect();
    for object in gone {
        status(outcome, object, None, delta);
    }
    each_status(outcome, statuses, delta);
}

/// Says what is found of one object now.
pub(super) fn findings_of(outcome: &mut Outcome, object: &ObjectRef, findings: Vec<Verdict>, delta: &mut Delta) {
    let start = outcome.findings.partition_point(|found| found.object < *object);
    let end = start + outcome.findings[start..].partition_point(|found| found.object == *object);
    replace(outcome, start..end, findings, delta);
}

/// Says what is found of the objects of these kinds now: of those, and of no others.
pub(super) fn findings(outcome: &mut Outcome, kinds: &[Kind], findings: Vec<Verdict>, delta: &mut Delta) {
    let mut findings = super::in_order(findings);
    for kind in kinds {
        let of_kind = findings.extract_if(.., |found| found.object.kind == *kind).collect();
        let start = outcome.findings.partition_point(|found| found.object.kind < *kind);
        let end = start + outcome.findings[start..].partition_point(|found| found.object.kind == *kind);
        replace(outcome, start..end, of_kind, delta);
    }
    debug_assert!(findings.is_empty(), "found of a kind that is judged elsewhere: {findings:?}");
}

fn replace(outcome: &mut Outcome, range: Range<usize>, findings: Vec<Verdict>, delta: &mut Delta) {
    let findings = super::in_order(findings);
    let before = &outcome.findings[range.clone()];
    if before == findings {
        return;
    }
    for object in before.iter().chain(&findings).map(|found| &found.object) {
        let of = |all: &[Verdict]| all.iter().filter(|found| found.object == *object).cloned().collect::<Vec<_>>();
        if !delta.findings.contains(object) && of(before) != of(&findings) {
            delta.findings.insert(object.clone());
        }
    }
    outcome.findings.splice(range, findings);
}
