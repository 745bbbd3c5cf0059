//! Ports and their listeners, each listener kept while nothing in it changes.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use gatewright_core::plan::{Hostname, Listener, ListenerId, Plan, Port, PortProtocol, RouteId, RouteTable};
use gatewright_shared_map::SharedSet;

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
    routes: SharedSet<RouteId>,
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
type Tables<'a> = HashMap<&'a Hostname, Vec<Made<'a>>, RandomState>;

struct Made<'a> {
    routes: &'a SharedSet<RouteId>,
    /// The table that it was before, and the step from there to here.
    from: Option<(Arc<Table>, Step)>,
    table: Arc<Table>,
}

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
        let from = match before {
            Some(before) => {
                let step = Step::between(&before.routes, &listener.routes, parts);
                if step.is_empty() && *before.snapshot.filters == listener.filters {
                    return before;
                }
                Some((before.snapshot.table.clone(), step))
            }
            None => None,
        };
        let snapshot = Arc::new(ListenerSnapshot {
            hostname: listener.hostname.clone(),
            series: parts.observer.listener(&listener.id),
            filters: listener.filters.clone().into(),
            table: table(listener, from, parts, tables.entry(&listener.hostname).or_default()),
        });
        Known { routes: listener.routes.clone(), snapshot }
    }
}

/// Returns the table of `listener`, which may be among those that are `made` already.
fn table<'a>(
    listener: &'a Listener,
    from: Option<(Arc<Table>, Step)>,
    parts: &Parts<'_>,
    made: &mut Vec<Made<'a>>,
) -> Arc<Table> {
    let is_same_step = |one: &Made<'_>| match (&one.from, &from) {
        (Some((other_table, other_step)), Some((table, step))) => {
            Arc::ptr_eq(other_table, table) && other_step.is_same(step)
        }
        (None, _) | (_, None) => false,
    };
    if let Some(one) = made.iter().find(|one| is_same_step(one) || *one.routes == listener.routes) {
        return one.table.clone();
    }
    let table = Arc::new(match &from {
        Some((before, step)) => before.updated(&step.removed, step.added.iter().cloned()),
        None => {
            let routes = listener.routes.iter().filter_map(|id| parts.routes.get(id).cloned());
            Table::build(&listener.hostname, routes)
        }
    });
    made.push(Made { routes: &listener.routes, from, table: table.clone() });
    table
}

/// What brings a listener's table from one Plan to the next.
#[derive(Default)]
struct Step {
    removed: Vec<Arc<RouteSnapshot>>,
    added: Vec<Arc<RouteSnapshot>>,
}

impl Step {
    fn between(before: &SharedSet<RouteId>, now: &SharedSet<RouteId>, parts: &Parts<'_>) -> Self {
        let mut step = Self::default();
        step.removed.extend(changed(before, parts.changes).into_iter().filter_map(|change| change.before.clone()));
        step.added.extend(changed(now, parts.changes).into_iter().filter_map(|change| change.now.clone()));
        // Of routes that stayed as they are, those that left or came.
        let unchanged = |id: &&RouteId| !parts.changes.contains_key(*id);
        let found = |id| parts.routes.get(id).cloned();
        step.removed.extend(now.removed_since(before).filter(unchanged).filter_map(found));
        step.added.extend(now.added_since(before).filter(unchanged).filter_map(found));
        step
    }

    fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty()
    }

    fn is_same(&self, other: &Self) -> bool {
        let are_same = |one: &[Arc<RouteSnapshot>], another: &[Arc<RouteSnapshot>]| {
            one.len() == another.len() && one.iter().zip(another).all(|(one, another)| Arc::ptr_eq(one, another))
        };
        are_same(&self.removed, &other.removed) && are_same(&self.added, &other.added)
    }
}

/// Returns the changes of those routes that are among `routes`. Whichever are fewer are looked up among the others.
fn changed<'a>(routes: &SharedSet<RouteId>, changes: &'a Changes) -> Vec<&'a Change> {
    if changes.len() < routes.len() {
        return changes.iter().filter(|(id, _)| routes.contains(id)).map(|(_, change)| change).collect();
    }
    routes.iter().filter_map(|id| changes.get(id)).collect()
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
    PortSnapshot { number, protocol: port.protocol, strictness: port.strictness, tls, exact, patterns, listeners }
}
