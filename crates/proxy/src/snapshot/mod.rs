//! A Plan made ready to execute: ids become references, text becomes tables. Built off the workers, then never changed.
//!
//! What a request reads of its route lies together, and apart from what hardly any request needs: among thousands of
//! routes every cache line is a miss.

mod build;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;
use gatewright_core::filter::Filter;
use gatewright_core::filter::cors::Cors;
use gatewright_core::plan::{
    BackendId, BackendProtocol, Hostname, ListenerFilter, Match, PortProtocol, Preflight, Refusal, Request, Retry,
    Route, RouteTable, Rule, Strictness, Timeouts, WeightedBackend, Weights,
};

pub(crate) use build::Builder;

use crate::observe::Series;
use crate::tls;

/// What all workers execute, from one publish to the next. What did not change is shared with the one before.
pub(crate) struct Snapshot {
    ports: Vec<PortSnapshot>,
    backends: BackendsSnapshot,
    /// How many counters the rules need; [`RuleSnapshot::slot`] is below it.
    pub(crate) slots: usize,
}

/// All backends. A change of endpoints is a change of this alone.
#[derive(Clone, Default)]
struct BackendsSnapshot {
    /// By [`Destination::Backend`]'s number; `None` where the Plan has none.
    by_number: Arc<[Option<Arc<BackendSnapshot>>]>,
    /// Filters look theirs up by id; rules know their numbers.
    numbers: Arc<HashMap<BackendId, u32, RandomState>>,
    endpoint_keys: Arc<HashSet<u64, RandomState>>,
}

pub(crate) struct PortSnapshot {
    pub(crate) number: u16,
    pub(crate) protocol: PortProtocol,
    pub(crate) strictness: Strictness,
    pub(crate) tls: Option<Arc<tls::Acceptor>>,
    exact: HashMap<Arc<str>, u32, RandomState>,
    /// Most specific first, without the exact ones that `exact` finds.
    patterns: Vec<u32>,
    listeners: Vec<Arc<ListenerSnapshot>>,
}

pub(crate) struct ListenerSnapshot {
    pub(crate) hostname: Hostname,
    pub(crate) series: Series,
    /// Of every request, before a rule is looked for.
    pub(crate) filters: Box<[ListenerFilter]>,
    table: Arc<RouteTable<RouteSnapshot>>,
}

/// A route, ready to execute. It depends on nothing but the route and the numbers of backends and counters.
pub(crate) struct RouteSnapshot {
    pub(crate) route: Arc<Route>,
    pub(crate) series: Series,
    rules: Box<[RuleSnapshot]>,
}

impl AsRef<Route> for RouteSnapshot {
    fn as_ref(&self) -> &Route {
        &self.route
    }
}

/// What every request reads of its rule, on one cache line. What few rules have is read from the Plan's, and whether it
/// has it is known here.
pub(crate) struct RuleSnapshot {
    timeouts: Timeouts,
    shares: Shares,
    /// Where a worker counts the rule's choices: first of its backend, then of each mirror in turn.
    pub(crate) slot: u32,
    /// Its requests are calls of gRPC, by the route's kind: whatever a client says that it sends.
    is_of_grpc: bool,
    has_filters: bool,
    has_retry: bool,
    has_name: bool,
}

/// Where a rule's requests go.
enum Shares {
    One(Destination),
    Several(Box<Several>),
}

struct Several {
    /// In the order of the Plan's backends, as are `destinations`.
    weights: Weights,
    destinations: Box<[Destination]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// [`Snapshot::backend`] knows it by its number.
    Backend(u32),
    Refused(Refusal),
}

pub(crate) struct BackendSnapshot {
    pub(crate) id: BackendId,
    pub(crate) protocol: BackendProtocol,
    pub(crate) tls: Option<Arc<tls::Connector>>,
    pub(crate) endpoints: Box<[EndpointSnapshot]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EndpointSnapshot {
    pub(crate) address: SocketAddr,
    /// The same number means the same address, spoken to in the same way: its connections may be shared.
    pub(crate) key: u64,
}

/// A rule that matched, and what it was found by.
pub(crate) struct Found<'s> {
    pub(crate) route: &'s RouteSnapshot,
    pub(crate) rule: &'s RuleSnapshot,
    pub(crate) index: u16,
    matched: u16,
    /// The request is a preflight for one that this rule does not serve: it is allowed nothing.
    pub(crate) refuses_preflight: bool,
}

/// How long a rule's requests may take, and how often they are tried.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'s> {
    pub(crate) timeouts: Timeouts,
    pub(crate) retry: Option<&'s Retry>,
    /// The rule is a GRPCRoute's: streams of messages, which may rest.
    pub(crate) is_of_grpc: bool,
}

impl Snapshot {
    pub(crate) fn port(&self, number: u16) -> Option<&PortSnapshot> {
        self.ports().find(|port| port.number == number)
    }

    pub(crate) fn ports(&self) -> impl Iterator<Item = &PortSnapshot> {
        self.ports.iter()
    }

    /// Returns the backend of a [`Destination`] of this Snapshot; `None` when the Plan names one that it does not have.
    pub(crate) fn backend(&self, number: u32) -> Option<&Arc<BackendSnapshot>> {
        self.backends.by_number.get(number as usize)?.as_ref()
    }

    pub(crate) fn backend_by_id(&self, id: &BackendId) -> Option<&Arc<BackendSnapshot>> {
        self.backend(*self.backends.numbers.get(id)?)
    }

    /// Whether some backend has the endpoint of that key.
    pub(crate) fn has_endpoint(&self, key: u64) -> bool {
        self.backends.endpoint_keys.contains(&key)
    }
}

impl PortSnapshot {
    /// Returns the listener with the most specific hostname that `host` (lower-case, no port) matches.
    pub(crate) fn select(&self, host: &str) -> Option<&ListenerSnapshot> {
        let listener = |number: &u32| &*self.listeners[*number as usize];
        if !self.exact.is_empty()
            && let Some(number) = self.exact.get(host)
        {
            return Some(listener(number));
        }
        self.patterns.iter().map(listener).find(|listener| listener.hostname.matches(host))
    }
}

impl ListenerSnapshot {
    /// Returns the rule that serves `request`, or, of a CORS preflight, the request that it announces.
    pub(crate) fn find(&self, request: &impl Request) -> Option<Found<'_>> {
        let (hit, refuses_preflight) = if Cors::is_preflight(request) {
            match self.table.find_preflight(request)? {
                Preflight::Taken(hit) => (hit, false),
                Preflight::Refused(hit) => (hit, true),
            }
        } else {
            (self.table.find(request)?, false)
        };
        let rule = &hit.route.rules[usize::from(hit.rule)];
        Some(Found { route: hit.route, rule, index: hit.rule, matched: hit.matched, refuses_preflight })
    }
}

impl<'s> Found<'s> {
    /// Returns the rule as the Plan has it, which a plain request need not touch.
    fn plan(&self) -> &'s Rule {
        &self.route.route.rules[usize::from(self.index)]
    }

    pub(crate) fn matched(&self) -> &'s Match {
        &self.plan().matches[usize::from(self.matched)]
    }

    pub(crate) fn name(&self) -> Option<&'s str> {
        if self.rule.has_name { self.plan().name.as_deref() } else { None }
    }

    pub(crate) fn terms(&self) -> Terms<'s> {
        let retry = if self.rule.has_retry { self.plan().retry.as_deref() } else { None };
        Terms { timeouts: self.rule.timeouts, retry, is_of_grpc: self.rule.is_of_grpc }
    }

    /// Returns the filters of the rule as a whole.
    pub(crate) fn filters(&self) -> &'s [Filter] {
        if self.rule.has_filters { &self.plan().filters } else { &[] }
    }

    /// Returns the filters of one of the rule's backends, and how many mirrors stand before them: each mirror has a
    /// counter of its own.
    pub(crate) fn share_filters(&self, share: usize) -> (&'s [Filter], u32) {
        if !self.rule.has_filters {
            return (&[], 0);
        }
        let plan = self.plan();
        let before = plan.backends[..share].iter().map(|WeightedBackend { filters, .. }| mirrors(filters)).sum::<u32>();
        (&plan.backends[share].filters, mirrors(&plan.filters) + before)
    }
}

impl RuleSnapshot {
    /// Returns which of the rule's backends takes a request, and what that is; `count` returns how many requests came
    /// before it. `None` where nothing has any weight.
    pub(crate) fn choose(&self, count: impl FnOnce() -> u32) -> Option<(usize, Destination)> {
        match &self.shares {
            Shares::One(destination) => Some((0, *destination)),
            Shares::Several(several) => {
                let share = several.weights.choose(count())?;
                Some((share, several.destinations[share]))
            }
        }
    }
}

fn mirrors(filters: &[Filter]) -> u32 {
    filters.iter().filter(|filter| matches!(filter, Filter::Mirror(_))).count() as u32
}
