//! One Plan per data plane, from listeners and translated routes.
//!
//! Everything is decided already; this only picks what a data plane needs and keys it.

use std::{collections::BTreeMap, sync::Arc};

use super::{CertificateId, Hostname, Plan, Route, RouteId, Target};
use crate::{
    filter::Filter,
    gateway::{self, Gateways},
    route::Routes,
    world::DataPlane,
};

/// Assembles the Plan of every data plane that a Gateway asks for.
pub(crate) fn assemble(gateways: &Gateways, routes: &Routes<'_>) -> BTreeMap<DataPlane, Plan> {
    let data_planes = gateway::data_planes(&gateways.parents);
    data_planes.into_iter().map(|plane| (plane.clone(), one(&plane, gateways, routes))).collect()
}

fn one(data_plane: &DataPlane, gateways: &Gateways, routes: &Routes<'_>) -> Plan {
    let attached = |id: &_| routes.by_listener.get(id).cloned().unwrap_or_default();
    let ports = gateway::ports(&gateways.parents, data_plane, attached);
    // The hostnames of the listeners that lead to a route.
    let mut reached: BTreeMap<RouteId, Vec<Hostname>> = BTreeMap::new();
    for listener in ports.values().flat_map(|port| &port.listeners) {
        for route in &listener.routes {
            reached.entry(route.clone()).or_default().push(listener.hostname.clone());
        }
    }
    let mut plan = Plan { ports, ..Plan::default() };
    for (id, listeners) in reached {
        if let Some(route) = routes.planned.get(&id) {
            let route = narrowed(route, &listeners);
            add_backends(&mut plan, &route, routes);
            plan.routes.insert(id, route);
        }
    }
    add_certificates(&mut plan, gateways);
    plan
}

/// Leaves out the hostnames that no listener serves. Most routes keep all, and are shared as they are.
fn narrowed(route: &Arc<Route>, listeners: &[Hostname]) -> Arc<Route> {
    let meets = |hostname: &Hostname| listeners.iter().any(|listener| listener.intersects(hostname));
    if route.hostnames.iter().all(meets) {
        return Arc::clone(route);
    }
    let hostnames = route.hostnames.iter().filter(|hostname| meets(hostname)).cloned().collect();
    Arc::new(Route { hostnames, ..Route::clone(route) })
}

fn add_backends(plan: &mut Plan, route: &Route, routes: &Routes<'_>) {
    for rule in &route.rules {
        let targets = rule.backends.iter().filter_map(|share| match &share.target {
            Target::Backend(id) => Some(id),
            Target::Refused(_) => None,
        });
        let filters = rule.filters.iter().chain(rule.backends.iter().flat_map(|share| &share.filters));
        let mirrors = filters.filter_map(|filter| match filter {
            Filter::Mirror(mirror) => Some(&mirror.backend),
            Filter::RequestHeader(_)
            | Filter::ResponseHeader(_)
            | Filter::Redirect(_)
            | Filter::Rewrite(_)
            | Filter::Cors(_)
            | Filter::Refuse(_) => None,
        });
        for id in targets.chain(mirrors) {
            if plan.backends.contains_key(id) {
                continue;
            }
            if let Some((backend, endpoints)) = routes.backends.get(id) {
                plan.endpoints.insert(backend.endpoints.clone(), Arc::clone(endpoints));
                plan.backends.insert(id.clone(), Arc::clone(backend));
            }
        }
    }
}

/// Those of listeners, and those that backends are shown.
fn add_certificates(plan: &mut Plan, gateways: &Gateways) {
    let listeners = plan.ports.values().flat_map(|port| &port.listeners).filter_map(|listener| listener.tls.as_ref());
    let shown = plan.backends.values().filter_map(|backend| backend.tls.as_ref()?.client_certificate.as_ref());
    let wanted = listeners.flat_map(|tls| &tls.certificates).chain(shown);
    let found = |id: &CertificateId| Some((id.clone(), gateways.certificates.get(id)?.clone()));
    plan.certificates = wanted.filter_map(found).collect();
}
