//! Routes, each kept while it stays the same.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use foldhash::fast::RandomState;
use gatewright_core::plan::{Plan, Route, RouteId, Rule, Target, WeightedBackend, Weights};

use super::super::{Destination, RouteSnapshot, RuleSnapshot, Several, Shares};
use super::{backend::Backends, slots::Slots};
use crate::observe::Observer;

/// The routes of the Plan in force.
#[derive(Default)]
pub(super) struct Routes {
    by_id: BTreeMap<RouteId, Arc<RouteSnapshot>>,
    slots: Slots,
}

/// What a route was before, and what it is now; at least one of the two.
pub(super) struct Change {
    pub(super) before: Option<Arc<RouteSnapshot>>,
    pub(super) now: Option<Arc<RouteSnapshot>>,
}

pub(super) type Changes = HashMap<RouteId, Change, RandomState>;

impl Routes {
    /// Takes over the routes of `plan` and returns what changed.
    pub(super) fn follow(&mut self, plan: &Plan, backends: &mut Backends, observer: &Observer) -> Changes {
        let mut changes = Changes::default();
        // Both are in order: one walk finds what left.
        let mut wanted = plan.routes.keys().peekable();
        let Self { by_id, slots } = self;
        by_id.retain(|id, before| {
            while wanted.next_if(|want| *want < id).is_some() {}
            let kept = wanted.peek() == Some(&id);
            if !kept {
                slots.give_all(before);
                changes.insert(id.clone(), Change { before: Some(before.clone()), now: None });
            }
            kept
        });
        let mut known = by_id.iter_mut().peekable();
        let mut added = Vec::new();
        for (id, route) in &plan.routes {
            let Some((_, have)) = known.next_if(|(known, _)| *known == id) else {
                let now = Arc::new(make(route, None, slots, backends, observer));
                changes.insert(id.clone(), Change { before: None, now: Some(now.clone()) });
                added.push((id.clone(), now));
                continue;
            };
            if Arc::ptr_eq(&have.route, route) || have.route == *route {
                continue;
            }
            let now = Arc::new(make(route, Some(have), slots, backends, observer));
            let before = std::mem::replace(have, now.clone());
            changes.insert(id.clone(), Change { before: Some(before), now: Some(now) });
        }
        by_id.extend(added);
        changes
    }

    pub(super) fn get(&self, id: &RouteId) -> Option<&Arc<RouteSnapshot>> {
        self.by_id.get(id)
    }

    /// How many counters all rules need.
    pub(super) fn slots(&self) -> usize {
        self.slots.end()
    }
}

/// Makes `route` ready. It takes over the counters of `before`.
fn make(
    route: &Arc<Route>,
    before: Option<&RouteSnapshot>,
    slots: &mut Slots,
    backends: &mut Backends,
    observer: &Observer,
) -> RouteSnapshot {
    let starts = slots.renew(before, route);
    let rules = route.rules.iter().zip(starts).map(|(rule, slot)| rule_snapshot(rule, slot, backends)).collect();
    RouteSnapshot { route: route.clone(), series: observer.route(&route.id), rules }
}

fn rule_snapshot(rule: &Rule, slot: u32, backends: &mut Backends) -> RuleSnapshot {
    let mut destination = |share: &WeightedBackend| match &share.target {
        Target::Refused(refusal) => Destination::Refused(*refusal),
        Target::Backend(id) => Destination::Backend(backends.number(id)),
    };
    let shares = match &rule.backends[..] {
        [only] if only.weight > 0 => Shares::One(destination(only)),
        several => Shares::Several(Box::new(Several {
            weights: Weights::new(several.iter().map(|share| share.weight)),
            destinations: several.iter().map(destination).collect(),
        })),
    };
    RuleSnapshot {
        timeouts: rule.timeouts,
        shares,
        slot,
        has_filters: !rule.filters.is_empty() || rule.backends.iter().any(|share| !share.filters.is_empty()),
        has_retry: rule.retry.is_some(),
        has_name: rule.name.is_some(),
    }
}
