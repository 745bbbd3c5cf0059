//! Ports and their listeners, each listener kept while nothing in it changes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;
use gatewright_core::plan::{Differing, Hostname, Listener, ListenerId, Plan, Port, PortProtocol, RouteId, RouteTable};

use super::super::{ListenerSnapshot, PortSnapshot, RouteSnapshot};
use super::route::{Change, Changes, Routes};
use crate::observe::Observer;
use crate::tls;

/// The listeners of the Plan in force.
#[derive(Default)]
pub(super) struct Listeners {
    by_id: HashMap<ListenerId, Known, RandomState>,
}

/// A listener with the routes it was made of.
struct Known {
    routes: Vec<RouteId>,
    snapshot: Arc<ListenerSnapshot>,
}

/// What listeners are made of.
pub(super) struct Parts<'a> {
    pub(super) routes: &'a Routes,
    pub(super) changes: &'a Changes,
    pub(super) observer: &'a Observer,
}

type Table = RouteTable<RouteSnapshot>;

/// Tables made for one Plan: listeners of one hostname, on different ports, often serve the same routes.
type Tables<'a> = HashMap<&'a Hostname, Vec<(&'a [RouteId], Arc<Table>)>, RandomState>;

impl Listeners {
    /// Takes over the listeners of `plan` and returns its ports.
    ///
    /// # Errors
    /// When the machine has no randomness for TLS.
    pub(super) fn follow(
        &mut self,
        plan: &Plan,
        parts: &Parts<'_>,
        material: &mut tls::Material,
    ) -> Result<Vec<PortSnapshot>, rustls::Error> {
        let mut tables = Tables::default();
        let mut ports = Vec::with_capacity(plan.ports.len());
        let mut known = HashMap::default();
        for (number, port) in &plan.ports {
            let tls = match port.protocol {
                PortProtocol::Http => None,
                PortProtocol::Https => Some(Arc::new(material.acceptor(port)?)),
            };
            let mut listeners = Vec::with_capacity(port.listeners.len());
            for listener in &port.listeners {
                let now = self.listener(listener, parts, &mut tables);
                listeners.push(now.snapshot.clone());
                known.insert(listener.id.clone(), now);
            }
            ports.push(port_snapshot(*number, port, tls, listeners));
        }
        self.by_id = known;
        Ok(ports)
    }

    /// Makes a listener ready, or returns it as it was.
    fn listener<'a>(&mut self, listener: &'a Listener, parts: &Parts<'_>, tables: &mut Tables<'a>) -> Known {
        let before = self.by_id.remove(&listener.id).filter(|before| before.snapshot.hostname == listener.hostname);
        let step = before.as_ref().map(|before| Step::between(&before.routes, &listener.routes, parts));
        let before = match (before, &step) {
            (Some(before), Some(step)) if step.is_empty() && *before.snapshot.filters == listener.filters => {
                return before;
            }
            (before, _) => before,
        };
        let made = tables.entry(&listener.hostname).or_default();
        let table = match made.iter().find(|(routes, _)| *routes == &listener.routes[..]) {
            Some((_, table)) => table.clone(),
            None => {
                let table = Arc::new(match (before, step) {
                    (Some(before), Some(step)) => before.snapshot.table.updated(&step.removed, step.added),
                    (None, _) | (_, None) => {
                        let routes = listener.routes.iter().filter_map(|id| parts.routes.get(id).cloned());
                        Table::build(&listener.hostname, routes)
                    }
                });
                made.push((&listener.routes, table.clone()));
                table
            }
        };
        let series = parts.observer.listener(&listener.id);
        let snapshot = Arc::new(ListenerSnapshot {
            hostname: listener.hostname.clone(),
            series,
            filters: listener.filters.clone().into(),
            table,
        });
        Known { routes: listener.routes.clone(), snapshot }
    }
}

/// What brings a listener's table from one Plan to the next.
#[derive(Default)]
struct Step {
    removed: Vec<Arc<RouteSnapshot>>,
    added: Vec<Arc<RouteSnapshot>>,
}

impl Step {
    fn between(before: &[RouteId], now: &[RouteId], parts: &Parts<'_>) -> Self {
        let mut step = Self::default();
        let Differing { before: had, now: has, common } = Differing::of(before, now);
        for Change { before, now } in common.into_iter().flatten().filter_map(|id| parts.changes.get(id)) {
            step.removed.extend(before.clone());
            step.added.extend(now.clone());
        }
        let had: HashSet<&RouteId, RandomState> = had.iter().collect();
        let has: HashSet<&RouteId, RandomState> = has.iter().collect();
        for id in had.union(&has) {
            let unchanged = || parts.routes.get(id).cloned();
            let (before, now) = match parts.changes.get(*id) {
                Some(Change { before, now }) => (before.clone(), now.clone()),
                None if had.contains(id) && has.contains(id) => continue,
                None => (unchanged(), unchanged()),
            };
            step.removed.extend(before.filter(|_| had.contains(id)));
            step.added.extend(now.filter(|_| has.contains(id)));
        }
        step
    }

    fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty()
    }
}

fn port_snapshot(
    number: u16,
    port: &Port,
    tls: Option<Arc<tls::Acceptor>>,
    listeners: Vec<Arc<ListenerSnapshot>>,
) -> PortSnapshot {
    let mut exact = HashMap::default();
    let mut patterns = Vec::new();
    for (index, listener) in (0..).zip(&listeners) {
        match &listener.hostname {
            Hostname::Exact(name) => _ = exact.insert(name.clone(), index),
            Hostname::Wildcard(_) | Hostname::Any => patterns.push(index),
        }
    }
    PortSnapshot { number, protocol: port.protocol, tls, exact, patterns, listeners }
}
