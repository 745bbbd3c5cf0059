//! Which of the workers' counters belong to which rule.

use std::collections::BTreeMap;

use gatewright_core::plan::{Route, Rule};

use super::super::{RouteSnapshot, mirrors};

/// Hands out runs of counters. A run stays with its rule; one that is given back goes to the next rule of its length.
#[derive(Default)]
pub(super) struct Slots {
    used: u32,
    free: BTreeMap<u32, Vec<u32>>,
}

impl Slots {
    /// Returns where the counters of each of `route`'s rules begin. Those that `before` had go on, rule by rule, where as
    /// many are needed.
    pub(super) fn renew(&mut self, before: Option<&RouteSnapshot>, route: &Route) -> Vec<u32> {
        let had: Vec<(u32, u32)> = before.into_iter().flat_map(runs).collect();
        let starts: Vec<u32> = route
            .rules
            .iter()
            .enumerate()
            .map(|(index, rule)| match had.get(index) {
                Some((start, len)) if *len == counters(rule) => *start,
                Some(_) | None => self.take(counters(rule)),
            })
            .collect();
        for (index, (start, len)) in had.into_iter().enumerate() {
            if starts.get(index) != Some(&start) {
                self.give(start, len);
            }
        }
        starts
    }

    /// Takes back the counters of a route that has left.
    pub(super) fn give_all(&mut self, route: &RouteSnapshot) {
        runs(route).for_each(|(start, len)| self.give(start, len));
    }

    /// All counters lie below it.
    pub(super) fn end(&self) -> usize {
        self.used as usize
    }

    fn take(&mut self, len: u32) -> u32 {
        self.free.get_mut(&len).and_then(Vec::pop).unwrap_or_else(|| {
            let start = self.used;
            self.used += len;
            start
        })
    }

    fn give(&mut self, start: u32, len: u32) {
        self.free.entry(len).or_default().push(start);
    }
}

/// Returns where the counters of each rule begin, and how many they are.
fn runs(route: &RouteSnapshot) -> impl Iterator<Item = (u32, u32)> {
    route.rules.iter().zip(&route.route.rules).map(|(rule, plan)| (rule.slot, counters(plan)))
}

/// One for the rule's backends, and one for each mirror.
fn counters(rule: &Rule) -> u32 {
    1 + mirrors(&rule.filters) + rule.backends.iter().map(|share| mirrors(&share.filters)).sum::<u32>()
}
