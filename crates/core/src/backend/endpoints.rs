//! The endpoints of a Service's port, from its EndpointSlices.

use std::net::{IpAddr, SocketAddr};

use super::service::{FoundPort, find_port};
use crate::{
    api::{
        endpoint_slice::{AddressType, EndpointSlice, SliceEndpoint},
        service::TransportProtocol,
    },
    plan::{Endpoint, Endpoints},
    world::{ObjectKey, World},
};

/// Collects the endpoints of a Service's port that take traffic now: the ready ones of all slices and families, or, when
/// none is ready, those still serving while they terminate (KEP-1669). A port that the Service does not have has none.
pub(crate) fn of(world: &World, service: &ObjectKey, port: u16) -> Endpoints {
    let Some(found) = world.services.get(service) else { return Endpoints::default() };
    let headless = found.spec.is_headless();
    let Ok(port) = find_port(found, service, Some(port), &TransportProtocol::Tcp) else { return Endpoints::default() };
    let chosen = |wanted: fn(&SliceEndpoint) -> bool| -> Vec<Endpoint> {
        let mut endpoints = Vec::new();
        for slice in world.slices_of(service) {
            let Some(number) = slice_port(slice, &port, headless) else { continue };
            let wanted = slice.endpoints.iter().filter(|endpoint| wanted(endpoint));
            let addresses = wanted.filter_map(|endpoint| address(&slice.address_type, endpoint));
            endpoints.extend(addresses.map(|ip| Endpoint { address: SocketAddr::new(ip, number) }));
        }
        endpoints.sort_unstable();
        endpoints.dedup();
        endpoints
    };
    let mut ready = chosen(|endpoint| endpoint.conditions.is_ready());
    if ready.is_empty() {
        ready = chosen(|endpoint| endpoint.conditions.is_serving() && endpoint.conditions.is_terminating());
    }
    Endpoints { ready }
}

/// Slices name their ports as the Service does and have targetPort's names resolved. A headless Service's slice may
/// have no ports: then targetPort itself says where.
pub(super) fn slice_port(slice: &EndpointSlice, port: &FoundPort<'_>, headless: bool) -> Option<u16> {
    let named = slice.ports.iter().find(|found| found.name == port.name && found.protocol == TransportProtocol::Tcp);
    match named {
        Some(found) => found.port.or(port.target),
        None if headless && slice.ports.is_empty() => port.target,
        None => None,
    }
}

/// All addresses of an endpoint are the same one; the API has consumers use the first.
pub(super) fn address(r#type: &AddressType, endpoint: &SliceEndpoint) -> Option<IpAddr> {
    let ip: IpAddr = endpoint.addresses.first()?.parse().ok()?;
    match r#type {
        AddressType::IPv4 => ip.is_ipv4().then_some(ip),
        AddressType::IPv6 => ip.is_ipv6().then_some(ip),
        AddressType::Fqdn | AddressType::Unknown(_) => None,
    }
}
