//! The endpoints of a Service's port, from its EndpointSlices.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

use super::service::FoundPort;
use crate::{
    api::{
        endpoint_slice::{AddressType, EndpointSlice, SERVICE_NAME_LABEL, SliceEndpoint},
        service::TransportProtocol,
    },
    plan::{Endpoint, Endpoints},
    world::{ObjectKey, Objects},
};

/// EndpointSlices by the Service that they name.
pub(super) struct SliceIndex<'w>(BTreeMap<(&'w str, &'w str), Vec<&'w EndpointSlice>>);

impl<'w> SliceIndex<'w> {
    pub(super) fn new(slices: &'w Objects<EndpointSlice>) -> Self {
        let mut index: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (key, slice) in slices {
            if let Some(service) = slice.metadata.labels.get(SERVICE_NAME_LABEL) {
                index.entry((key.namespace.as_str(), service.as_str())).or_default().push(slice);
            }
        }
        Self(index)
    }

    /// Collects the endpoints that take traffic now: the ready ones of all slices and families, or, when none is ready,
    /// those still serving while they terminate (KEP-1669).
    pub(super) fn endpoints(&self, service: &ObjectKey, port: &FoundPort<'_>, headless: bool) -> Endpoints {
        let slices = self.0.get(&(service.namespace.as_str(), service.name.as_str())).map_or(&[][..], Vec::as_slice);
        let chosen = |wanted: fn(&SliceEndpoint) -> bool| -> BTreeSet<Endpoint> {
            let of_slice = |slice: &&'w EndpointSlice| {
                let number = slice_port(slice, port, headless);
                let wanted = slice.endpoints.iter().filter(move |endpoint| wanted(endpoint));
                let addresses = wanted.filter_map(|endpoint| address(&slice.address_type, endpoint));
                number.map(|number| addresses.map(move |ip| Endpoint { address: SocketAddr::new(ip, number) }))
            };
            slices.iter().filter_map(of_slice).flatten().collect()
        };
        let mut endpoints = chosen(|endpoint| endpoint.conditions.is_ready());
        if endpoints.is_empty() {
            endpoints = chosen(|endpoint| endpoint.conditions.is_serving() && endpoint.conditions.is_terminating());
        }
        Endpoints { ready: endpoints.into_iter().collect() }
    }
}

/// Slices name their ports as the Service does and have targetPort's names resolved. A headless Service's slice may
/// have no ports: then targetPort itself says where.
fn slice_port(slice: &EndpointSlice, port: &FoundPort<'_>, headless: bool) -> Option<u16> {
    let named = slice.ports.iter().find(|found| found.name == port.name && found.protocol == TransportProtocol::Tcp);
    match named {
        Some(found) => found.port.or(port.target),
        None if headless && slice.ports.is_empty() => port.target,
        None => None,
    }
}

/// All addresses of an endpoint are the same one; the API has consumers use the first.
fn address(r#type: &AddressType, endpoint: &SliceEndpoint) -> Option<IpAddr> {
    let ip: IpAddr = endpoint.addresses.first()?.parse().ok()?;
    match r#type {
        AddressType::IPv4 => ip.is_ipv4().then_some(ip),
        AddressType::IPv6 => ip.is_ipv6().then_some(ip),
        AddressType::Fqdn | AddressType::Unknown(_) => None,
    }
}
