//! One Plan per data plane, from listeners and translated routes.
//!
//! Everything is decided already; this only picks what a data plane needs and keys it.

use std::{collections::BTreeMap, sync::Arc};

use gatewright_shared_map::SharedSet;

use super::{Backend, BackendId, Certificate, CertificateId, ListenerId, Plan, Port, RouteId};
use crate::{
    backend::{Destination, endpoints},
    gateway::{self, Gateways},
    route::Routed,
    world::{DataPlane, World},
};

/// Assembles the Plan of every data plane that a Gateway asks for.
pub(crate) fn assemble<'r>(
    world: &World,
    gateways: &Gateways,
    routes: impl Iterator<Item = &'r Routed> + Clone,
) -> BTreeMap<DataPlane, Arc<Plan>> {
    let mut by_listener: BTreeMap<ListenerId, Vec<RouteId>> = BTreeMap::new();
    for planned in routes.clone().flat_map(|routed| &routed.planned) {
        for listener in &planned.listeners {
            by_listener.entry(listener.clone()).or_default().push(planned.id.clone());
        }
    }
    let attached = |id: &ListenerId| by_listener.get(id).cloned().into_iter().flatten().collect::<SharedSet<RouteId>>();
    let empty = |plane: DataPlane| {
        let ports = gateway::ports(&gateways.parents, &plane, attached);
        (plane, Plan { ports, ..Plan::default() })
    };
    let mut plans: BTreeMap<DataPlane, Plan> = gateway::data_planes(&gateways.parents).into_iter().map(empty).collect();
    for planned in routes.flat_map(|routed| &routed.planned) {
        for (plane, route) in &planned.routes {
            let Some(plan) = plans.get_mut(plane) else { continue };
            plan.routes.insert(planned.id.clone(), Arc::clone(route));
            for found in &planned.destinations {
                add(world, plan, found);
            }
        }
    }
    for (plane, found) in gateway::destinations(&gateways.parents) {
        let Some(plan) = plans.get_mut(plane) else { continue };
        add(world, plan, found);
    }
    for plan in plans.values_mut() {
        plan.certificates = certificates(&plan.ports, &plan.backends, gateways);
    }
    plans.into_iter().map(|(plane, plan)| (plane, Arc::new(plan))).collect()
}

fn add(world: &World, plan: &mut Plan, found: &Destination) {
    plan.backends.entry(found.id.clone()).or_insert_with(|| Arc::clone(&found.backend));
    let endpoints = || Arc::new(endpoints::of(world, &found.service, found.port));
    plan.endpoints.entry(found.backend.endpoints.clone()).or_insert_with(endpoints);
}

/// Those of listeners, and those that backends are shown.
pub(crate) fn certificates(
    ports: &BTreeMap<u16, Port>,
    backends: &BTreeMap<BackendId, Arc<Backend>>,
    gateways: &Gateways,
) -> BTreeMap<CertificateId, Certificate> {
    let listeners = ports.values().flat_map(|port| &port.listeners).filter_map(|listener| listener.tls.as_ref());
    let shown = backends.values().filter_map(|backend| backend.tls.as_ref()?.client_certificate.as_ref());
    let wanted = listeners.flat_map(|tls| &tls.certificates).chain(shown);
    let found = |id: &CertificateId| Some((id.clone(), gateways.certificates.get(id)?.clone()));
    wanted.filter_map(found).collect()
}
