//! The served listeners as the proxy has them: by port, the most specific hostname first.

use std::collections::{BTreeMap, BTreeSet};

use gatewright_shared_map::SharedSet;

use super::{Parents, ResolvedListener};
use crate::{
    api::gateway::Protocol,
    backend::Destination,
    plan::{Listener, ListenerId, ListenerTls, Port, PortProtocol, RouteId},
    world::DataPlane,
};

/// Names the data planes that something is to be served on, even if it is nothing yet.
pub fn data_planes(parents: &Parents) -> BTreeSet<DataPlane> {
    parents.values().map(|parent| parent.data_plane.clone()).collect()
}

/// Whether the Plan of its data plane has it.
pub fn is_planned(listener: &ResolvedListener) -> bool {
    listener.served && protocol(listener).is_some()
}

/// Builds the ports of one data plane; `routes` names those attached to a listener.
pub fn ports(
    parents: &Parents,
    data_plane: &DataPlane,
    routes: impl Fn(&ListenerId) -> SharedSet<RouteId>,
) -> BTreeMap<u16, Port> {
    let mut ports: BTreeMap<u16, Port> = BTreeMap::new();
    let parents = parents.values().filter(|parent| parent.data_plane == *data_plane);
    let listeners = parents.flat_map(|parent| parent.listeners.iter().map(|listener| (parent.strictness, listener)));
    for (strictness, listener) in listeners.filter(|(_, listener)| listener.served) {
        let Some(protocol) = protocol(listener) else { continue };
        let port = ports.entry(listener.port).or_insert(Port { protocol, listeners: Vec::new(), strictness });
        port.strictness = port.strictness.and(strictness);
        port.listeners.push(Listener {
            id: listener.id.clone(),
            gateway: listener.gateway.clone(),
            hostname: listener.hostname.clone(),
            tls: (protocol == PortProtocol::Https).then(|| ListenerTls {
                certificates: listener.certificates.clone(),
                client: listener.client_validation.clone(),
            }),
            filters: listener.filters.clone(),
            routes: routes(&listener.id),
        });
    }
    for port in ports.values_mut() {
        port.listeners.sort_by(|a, b| a.hostname.cmp(&b.hostname));
    }
    ports
}

/// Where the filters of the served listeners lead, with the data plane of each.
pub(crate) fn destinations(parents: &Parents) -> impl Iterator<Item = (&DataPlane, &Destination)> {
    parents.values().flat_map(|parent| {
        let listeners = parent.listeners.iter().filter(|listener| is_planned(listener));
        listeners.flat_map(|listener| &listener.destinations).map(|found| (&parent.data_plane, found))
    })
}

/// `None` for protocols that are never served.
fn protocol(listener: &ResolvedListener) -> Option<PortProtocol> {
    match listener.protocol {
        Protocol::Http => Some(PortProtocol::Http),
        Protocol::Https => Some(PortProtocol::Https),
        Protocol::Tls | Protocol::Tcp | Protocol::Udp | Protocol::Other(_) => None,
    }
}
