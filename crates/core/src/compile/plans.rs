//! Which routes, backends and endpoints every Plan holds, by counting who leads to them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gatewright_shared_map::SharedSet;

use super::{Delta, edit::Edit, routes::release};
use crate::{
    backend::{Destination, endpoints, endpoints_id},
    gateway::{self, Gateways, Parents},
    plan::{Backend, BackendId, EndpointsId, ListenerId, Plan, Route, RouteId},
    reference::Read,
    route::Planned,
    world::{DataPlane, Kind, ObjectKey, World},
};

/// What Plans are assembled from, and what of it changed since they were.
#[derive(Debug, Default)]
pub(super) struct Plans {
    by_listener: BTreeMap<ListenerId, SharedSet<RouteId>>,
    /// How many forms of routes lead to a backend.
    backends: BTreeMap<DataPlane, BTreeMap<BackendId, usize>>,
    /// The same of the endpoints behind a Service's port, by the Service.
    endpoints: BTreeMap<ObjectKey, BTreeMap<(u16, DataPlane), usize>>,
    touched: Touched,
}

#[derive(Debug, Default)]
struct Touched {
    listeners: BTreeSet<ListenerId>,
    planes: BTreeMap<DataPlane, Entries>,
    /// Services whose endpoints may be others.
    endpoints: BTreeSet<ObjectKey>,
}

/// Entries of one Plan that may have come, gone or changed.
#[derive(Debug, Default)]
struct Entries {
    /// As they are now.
    routes: BTreeMap<RouteId, Option<Arc<Route>>>,
    backends: BTreeMap<BackendId, Arc<Backend>>,
    endpoints: BTreeMap<EndpointsId, (ObjectKey, u16)>,
}

impl Plans {
    /// Notes that endpoints changed: those of the Services, and those of every Service that is stale.
    pub(super) fn endpoints_changed(&mut self, stale: &BTreeSet<Read>, services: BTreeSet<ObjectKey>) {
        let stale = stale.iter().filter_map(|read| match read {
            Read::Object(object) if object.kind == Kind::Service => Some(object.key.clone()),
            Read::Object(_) | Read::Grants(_) | Read::EveryGateway => None,
        });
        self.touched.endpoints.extend(services.into_iter().chain(stale));
    }

    /// Puts the forms of a route in the place of those it had. What stays as it was keeps its pointers.
    pub(super) fn replace(&mut self, before: &[Planned], after: &mut [Planned]) {
        for planned in after.iter_mut() {
            if let Some(old) = before.iter().find(|old| old.id == planned.id) {
                keep(old, planned);
            }
        }
        for planned in before {
            let now = after.iter().find(|now| now.id == planned.id);
            self.unlist(planned, now);
        }
        for planned in after {
            let old = before.iter().find(|old| old.id == planned.id);
            self.list(old, planned);
        }
    }

    /// Puts what the filters of listeners lead to in the place of what they led to.
    pub(super) fn replace_filters(&mut self, before: &Parents, after: &Parents) {
        let by_id = |parents| {
            let each = gateway::destinations(parents).map(|(plane, found)| ((plane, &found.id), found));
            each.collect::<BTreeMap<_, _>>()
        };
        let (before, after) = (by_id(before), by_id(after));
        for ((plane, _), found) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
            self.enter(plane, found);
        }
        for ((plane, _), found) in before.iter().filter(|(key, _)| !after.contains_key(*key)) {
            self.leave(plane, found);
        }
    }

    /// Takes back what is not so anymore.
    fn unlist(&mut self, before: &Planned, after: Option<&Planned>) {
        for listener in &before.listeners {
            if after.is_none_or(|after| !after.listeners.contains(listener))
                && let Some(routes) = self.by_listener.get_mut(listener)
            {
                routes.remove(&before.id);
                if routes.is_empty() {
                    self.by_listener.remove(listener);
                }
                self.touched.listeners.insert(listener.clone());
            }
        }
        for plane in before.routes.keys() {
            let after = after.filter(|after| after.routes.contains_key(plane));
            if after.is_none() {
                self.touched.planes.entry(plane.clone()).or_default().routes.insert(before.id.clone(), None);
            }
            for found in &before.destinations {
                if after.is_none_or(|after| !after.destinations.iter().any(|now| now.id == found.id)) {
                    self.leave(plane, found);
                }
            }
        }
    }

    /// Adds what was not so before.
    fn list(&mut self, before: Option<&Planned>, after: &Planned) {
        for listener in &after.listeners {
            if before.is_none_or(|before| !before.listeners.contains(listener)) {
                self.by_listener.entry(listener.clone()).or_default().insert(after.id.clone());
                self.touched.listeners.insert(listener.clone());
            }
        }
        for (plane, route) in &after.routes {
            let before = before.and_then(|before| Some((before, before.routes.get(plane)?)));
            if before.is_none_or(|(_, old)| !Arc::ptr_eq(old, route)) {
                let entries = self.touched.planes.entry(plane.clone()).or_default();
                entries.routes.insert(after.id.clone(), Some(Arc::clone(route)));
            }
            for found in &after.destinations {
                if before.is_none_or(|(before, _)| !before.destinations.iter().any(|old| old.id == found.id)) {
                    self.enter(plane, found);
                }
            }
        }
    }

    fn enter(&mut self, plane: &DataPlane, found: &Destination) {
        *self.backends.entry(plane.clone()).or_default().entry(found.id.clone()).or_default() += 1;
        let ports = self.endpoints.entry(found.service.clone()).or_default();
        *ports.entry((found.port, plane.clone())).or_default() += 1;
        self.touch(plane, found);
    }

    fn leave(&mut self, plane: &DataPlane, found: &Destination) {
        if let Some(backends) = self.backends.get_mut(plane)
            && release(backends, &found.id)
            && backends.is_empty()
        {
            self.backends.remove(plane);
        }
        if let Some(ports) = self.endpoints.get_mut(&found.service)
            && release(ports, &(found.port, plane.clone()))
            && ports.is_empty()
        {
            self.endpoints.remove(&found.service);
        }
        self.touch(plane, found);
    }

    fn touch(&mut self, plane: &DataPlane, found: &Destination) {
        let entries = self.touched.planes.entry(plane.clone()).or_default();
        entries.backends.insert(found.id.clone(), Arc::clone(&found.backend));
        entries.endpoints.insert(found.backend.endpoints.clone(), (found.service.clone(), found.port));
    }

    /// Brings the Plans up to date with all that was noted.
    pub(super) fn settle(
        &mut self,
        world: &World,
        gateways: &Gateways,
        gateways_judged: bool,
        plans: &mut BTreeMap<DataPlane, Arc<Plan>>,
        delta: &mut Delta,
    ) {
        let Touched { listeners, mut planes, endpoints } = std::mem::take(&mut self.touched);
        for service in endpoints {
            for (port, plane) in self.endpoints.get(&service).into_iter().flat_map(BTreeMap::keys) {
                let id = endpoints_id(&service, *port);
                planes.entry(plane.clone()).or_default().endpoints.insert(id, (service.clone(), *port));
            }
        }
        if gateways_judged {
            self.sync_planes(gateways, plans, delta);
        }
        let nothing = Entries::default();
        for (plane, plan) in plans.iter_mut() {
            let entries = planes.get(plane).unwrap_or(&nothing);
            let mut edit = Edit { plan, delta: Default::default() };
            self.settle_entries(world, plane, entries, &mut edit);
            match gateways_judged {
                true => edit.ports(gateway::ports(&gateways.parents, plane, |id| self.attached(id))),
                false => edit.listeners(&listeners, |id| self.attached(id)),
            }
            let shows = |found: &Arc<Backend>| found.tls.as_ref().is_some_and(|tls| tls.client_certificate.is_some());
            if gateways_judged || entries.backends.values().any(shows) {
                edit.certificates(gateways);
            }
            if edit.delta != Default::default() {
                *delta.plans.entry(plane.clone()).or_default() = edit.delta;
            }
        }
    }

    /// Makes a Plan, empty for now, for every data plane that there is, and for no other.
    fn sync_planes(&self, gateways: &Gateways, plans: &mut BTreeMap<DataPlane, Arc<Plan>>, delta: &mut Delta) {
        let planes = gateway::data_planes(&gateways.parents);
        let gone: Vec<DataPlane> = plans.keys().filter(|plane| !planes.contains(plane)).cloned().collect();
        for plane in gone {
            plans.remove(&plane);
            delta.plans.entry(plane).or_default();
        }
        for plane in planes {
            plans.entry(plane).or_insert_with_key(|plane| {
                delta.plans.entry(plane.clone()).or_default();
                Arc::default()
            });
        }
    }

    fn settle_entries(&self, world: &World, plane: &DataPlane, entries: &Entries, edit: &mut Edit<'_>) {
        for (id, route) in &entries.routes {
            edit.route(id, route.as_ref());
        }
        let backends = self.backends.get(plane);
        for (id, backend) in &entries.backends {
            let wanted = backends.is_some_and(|backends| backends.contains_key(id));
            edit.backend(id, wanted.then_some(backend));
        }
        for (id, (service, port)) in &entries.endpoints {
            let ports = self.endpoints.get(service);
            let wanted = ports.is_some_and(|ports| ports.contains_key(&(*port, plane.clone())));
            edit.endpoints(id, wanted.then(|| endpoints::of(world, service, *port)));
        }
    }

    fn attached(&self, listener: &ListenerId) -> SharedSet<RouteId> {
        self.by_listener.get(listener).cloned().unwrap_or_default()
    }
}

/// Gives a new form of a route the pointers of the old one where both say the same.
fn keep(old: &Planned, new: &mut Planned) {
    for (plane, route) in &mut new.routes {
        if let Some(old) = old.routes.get(plane).filter(|old| *old == route) {
            *route = Arc::clone(old);
        }
    }
    for found in &mut new.destinations {
        if let Some(old) = old.destinations.iter().find(|old| *old == found) {
            found.clone_from(old);
        }
    }
}
