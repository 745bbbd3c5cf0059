//! One Plan while it is brought up to date. What stays as it was is not written, so that a Plan without changes is not
//! even copied.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gatewright_shared_map::SharedSet;

use super::PlanDelta;
use crate::{
    gateway::Gateways,
    plan::{Backend, BackendId, Endpoints, EndpointsId, ListenerId, Plan, Port, Route, RouteId, assemble},
};

/// A Plan, and what was changed in it.
pub(super) struct Edit<'p> {
    pub(super) plan: &'p mut Arc<Plan>,
    pub(super) delta: PlanDelta,
}

impl Edit<'_> {
    pub(super) fn route(&mut self, id: &RouteId, now: Option<&Arc<Route>>) {
        if self.plan.routes.get(id) != now {
            let routes = &mut Arc::make_mut(self.plan).routes;
            match now {
                Some(now) => routes.insert(id.clone(), Arc::clone(now)),
                None => routes.remove(id),
            };
            self.delta.routes.insert(id.clone());
        }
    }

    pub(super) fn backend(&mut self, id: &BackendId, now: Option<&Arc<Backend>>) {
        if self.plan.backends.get(id) != now {
            put(&mut Arc::make_mut(self.plan).backends, id, now.cloned());
            self.delta.backends.insert(id.clone());
        }
    }

    pub(super) fn endpoints(&mut self, id: &EndpointsId, now: Option<Endpoints>) {
        if self.plan.endpoints.get(id).map(|before| &**before) != now.as_ref() {
            put(&mut Arc::make_mut(self.plan).endpoints, id, now.map(Arc::new));
            self.delta.endpoints.insert(id.clone());
        }
    }

    pub(super) fn ports(&mut self, now: BTreeMap<u16, Port>) {
        let numbers: BTreeSet<u16> = self.plan.ports.keys().chain(now.keys()).copied().collect();
        let differs = |number: &u16| self.plan.ports.get(number) != now.get(number);
        let differing: BTreeSet<u16> = numbers.into_iter().filter(differs).collect();
        if !differing.is_empty() {
            Arc::make_mut(self.plan).ports = now;
            self.delta.ports = differing;
        }
    }

    /// Attaches other routes to some of the listeners.
    pub(super) fn listeners(
        &mut self,
        touched: &BTreeSet<ListenerId>,
        attached: impl Fn(&ListenerId) -> SharedSet<RouteId>,
    ) {
        let is_touched = |port: &Port| port.listeners.iter().any(|listener| touched.contains(&listener.id));
        if touched.is_empty() || !self.plan.ports.values().any(is_touched) {
            return;
        }
        for (number, port) in &mut Arc::make_mut(self.plan).ports {
            for listener in port.listeners.iter_mut().filter(|listener| touched.contains(&listener.id)) {
                let now = attached(&listener.id);
                if listener.routes != now {
                    listener.routes = now;
                    self.delta.ports.insert(*number);
                }
            }
        }
    }

    pub(super) fn certificates(&mut self, gateways: &Gateways) {
        let mut now = assemble::certificates(&self.plan.ports, &self.plan.backends, gateways);
        let ids = self.plan.certificates.keys().chain(now.keys());
        let differs = |id: &&_| self.plan.certificates.get(*id) != now.get(*id);
        self.delta.certificates = ids.filter(differs).cloned().collect();
        // The others stay where they are: an equal one may have been read again.
        for id in &self.delta.certificates {
            put(&mut Arc::make_mut(self.plan).certificates, id, now.remove(id));
        }
    }
}

fn put<K: Clone + Ord, V>(map: &mut BTreeMap<K, V>, id: &K, now: Option<V>) {
    match now {
        Some(now) => map.insert(id.clone(), now),
        None => map.remove(id),
    };
}
