//! Routes, each kept while it stays the same.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use foldhash::fast::RandomState;
use gatewright_core::plan::{Plan, Route, RouteId, RouteKind, Rule, Target, WeightedBackend, Weights};
use gatewright_shared_map::{Difference, SharedMap};

use super::super::{Destination, RouteSnapshot, RuleSnapshot, Several, Shares};
use super::{backend::Backends, slots::Slots};
use crate::observe::Observer;

/// The routes of the Plan in force.
#[derive(Default)]
pub(super) struct Routes {
    /// What `by_id` was made of.
    followed: SharedMap<RouteId, Arc<Route>>,
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
        let Self { followed, by_id, slots } = self;
        let differences = plan.routes.differences(followed).filter(|found| found.before != found.now);
        let (gone, come): (Vec<_>, Vec<_>) = differences.partition(|found| found.now.is_none());
        // Those that leave make room for those that come.
        for Difference { key: id, .. } in gone {
            let before = by_id.remove(id);
            before.iter().for_each(|before| slots.give_all(before));
            changes.insert(id.clone(), Change { before, now: None });
        }
        for Difference { key: id, now, .. } in come {
            let Some(route) = now else { continue };
            let now = Arc::new(make(route, by_id.get(id).map(AsRef::as_ref), slots, backends, observer));
            let before = by_id.insert(id.clone(), now.clone());
            changes.insert(id.clone(), Change { before, now: Some(now) });
        }
        *followed = plan.routes.clone();
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
    let made = |(rule, slot)| rule_snapshot(rule, route.kind, slot, backends);
    let rules = route.rules.iter().zip(starts).map(made).collect();
    RouteSnapshot { route: route.clone(), series: observer.route(&route.id), rules }
}

fn rule_snapshot(rule: &Rule, kind: RouteKind, slot: u32, backends: &mut Backends) -> RuleSnapshot {
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
        is_of_grpc: kind == RouteKind::Grpc,
        has_filters: !rule.filters.is_empty() || rule.backends.iter().any(|share| !share.filters.is_empty()),
        has_retry: rule.retry.is_some(),
        has_name: rule.name.is_some(),
    }
}
