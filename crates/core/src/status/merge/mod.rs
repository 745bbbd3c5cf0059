//! Our status into one that others write to as well.
//!
//! What is not ours stays as it is, in its place; what is ours and says the same keeps its time; what we know less of
//! than somebody else already wrote, we leave alone.

use super::Status;
use crate::api::{
    gateway::{GatewayStatus, ListenerStatus},
    gateway_class::GatewayClassStatus,
    listener_set::ListenerSetStatus,
    meta::{Condition, Time},
    shared::{PolicyAncestorStatus, PolicyStatus, RouteParentStatus, RouteStatus},
};

/// Conditions that the API allows in one list, foreign ones included.
const CONDITIONS_MAX: usize = 8;

/// The condition types that we write, the most telling first.
const OWN: &[&str] = &[
    "Accepted",
    "Programmed",
    "ResolvedRefs",
    "Conflicted",
    "SupportedVersion",
    "PartiallyInvalid",
    "OverlappingTLSConfig",
    "InsecureFrontendValidationMode",
    "AddressesAssigned",
];

/// Whether conditions of this type are ours to write.
pub fn owns(r#type: &str) -> bool {
    OWN.contains(&r#type)
}

/// Puts our `computed` status into the `existing` one of the same object, at the time `now`. Route parents and policy
/// ancestors are ours when `is_ours` says so of their controllerName.
pub fn merge(existing: &Status, computed: &Status, is_ours: &dyn Fn(&str) -> bool, now: Time) -> Status {
    match (existing, computed) {
        (Status::GatewayClass(old), Status::GatewayClass(new)) => Status::GatewayClass(GatewayClassStatus {
            conditions: conditions(&old.conditions, &new.conditions, now),
            supported_features: new.supported_features.clone(),
        }),
        (Status::Gateway(old), Status::Gateway(new)) => Status::Gateway(GatewayStatus {
            conditions: conditions(&old.conditions, &new.conditions, now),
            listeners: listeners(&old.listeners, &new.listeners, now),
            ..new.clone()
        }),
        (Status::ListenerSet(old), Status::ListenerSet(new)) => Status::ListenerSet(ListenerSetStatus {
            conditions: conditions(&old.conditions, &new.conditions, now),
            listeners: listeners(&old.listeners, &new.listeners, now),
        }),
        (Status::Route(old), Status::Route(new)) => {
            Status::Route(RouteStatus { parents: entries(&old.parents, &new.parents, is_ours, now) })
        }
        (Status::Policy(old), Status::Policy(new)) => {
            Status::Policy(PolicyStatus { ancestors: entries(&old.ancestors, &new.ancestors, is_ours, now) })
        }
        // The status of another kind says nothing about this one.
        (_, new) => merge(&empty_like(new), new, is_ours, now),
    }
}

fn empty_like(status: &Status) -> Status {
    match status {
        Status::GatewayClass(_) => Status::GatewayClass(GatewayClassStatus::default()),
        Status::Gateway(_) => Status::Gateway(GatewayStatus::default()),
        Status::ListenerSet(_) => Status::ListenerSet(ListenerSetStatus::default()),
        Status::Route(_) => Status::Route(RouteStatus::default()),
        Status::Policy(_) => Status::Policy(PolicyStatus::default()),
    }
}

fn conditions(existing: &[Condition], computed: &[Condition], now: Time) -> Vec<Condition> {
    let find = |list: &[Condition], r#type: &str| list.iter().find(|condition| condition.r#type == r#type).cloned();
    let is_own = |condition: &&Condition| OWN.contains(&condition.r#type.as_str());
    // In place: what is foreign as it was, what is ours renewed, what we no longer say left out.
    let mut merged: Vec<Condition> = existing
        .iter()
        .filter_map(|old| match is_own(&old) {
            false => Some(old.clone()),
            true => find(computed, &old.r#type).map(|new| renew(old, new, now)),
        })
        .collect();
    for new in computed {
        if find(&merged, &new.r#type).is_none() {
            merged.push(Condition { last_transition_time: now, ..new.clone() });
        }
    }
    // Beyond the API's bound the whole status would be refused: our least telling conditions give way.
    for r#type in OWN.iter().rev() {
        if merged.len() > CONDITIONS_MAX {
            merged.retain(|condition| condition.r#type != *r#type);
        }
    }
    merged
}

fn renew(old: &Condition, new: Condition, now: Time) -> Condition {
    if old.observed_generation > new.observed_generation {
        return old.clone();
    }
    let last_transition_time = if old.status == new.status { old.last_transition_time } else { now };
    Condition { last_transition_time, ..new }
}

fn listeners(existing: &[ListenerStatus], computed: &[ListenerStatus], now: Time) -> Vec<ListenerStatus> {
    let merge = |new: &ListenerStatus| {
        let old = existing.iter().find(|old| old.name == new.name).map_or(&[][..], |old| &old.conditions);
        ListenerStatus { conditions: conditions(old, &new.conditions, now), ..new.clone() }
    };
    computed.iter().map(merge).collect()
}

/// An entry of a list that several controllers share.
trait Entry: Clone {
    fn controller_name(&self) -> &str;
    /// Whether both speak for the same parent or ancestor.
    fn is_for_same(&self, other: &Self) -> bool;
    fn conditions(&mut self) -> &mut Vec<Condition>;
}

impl Entry for RouteParentStatus {
    fn controller_name(&self) -> &str {
        &self.controller_name
    }

    fn is_for_same(&self, other: &Self) -> bool {
        self.parent_ref == other.parent_ref && self.controller_name == other.controller_name
    }

    fn conditions(&mut self) -> &mut Vec<Condition> {
        &mut self.conditions
    }
}

impl Entry for PolicyAncestorStatus {
    fn controller_name(&self) -> &str {
        &self.controller_name
    }

    fn is_for_same(&self, other: &Self) -> bool {
        self.ancestor_ref == other.ancestor_ref && self.controller_name == other.controller_name
    }

    fn conditions(&mut self) -> &mut Vec<Condition> {
        &mut self.conditions
    }
}

fn entries<E: Entry>(existing: &[E], computed: &[E], is_ours: &dyn Fn(&str) -> bool, now: Time) -> Vec<E> {
    let renewed = |old: Option<&E>, new: &E| {
        let old = old.cloned().map(|mut old| std::mem::take(old.conditions())).unwrap_or_default();
        let mut entry = new.clone();
        let merged = conditions(&old, entry.conditions(), now);
        *entry.conditions() = merged;
        entry
    };
    let mut merged: Vec<E> = existing
        .iter()
        .filter_map(|old| match is_ours(old.controller_name()) {
            false => Some(old.clone()),
            true => computed.iter().find(|new| new.is_for_same(old)).map(|new| renewed(Some(old), new)),
        })
        .collect();
    for new in computed {
        if !merged.iter().any(|entry| entry.is_for_same(new)) {
            merged.push(renewed(None, new));
        }
    }
    merged
}

#[cfg(test)]
mod tests;
