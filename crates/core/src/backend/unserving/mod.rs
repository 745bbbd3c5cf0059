//! Why a Service in use has no endpoints, and which EndpointSlices can never serve.
//!
//! Without a cluster people write EndpointSlices themselves, and one wrong word in them is a 503 for every request. In a
//! cluster its controllers write them, and what is missing comes and goes: nothing is said of them there.

#[cfg(test)]
mod tests;

use super::{
    endpoints::{address, slice_port},
    endpoints_id,
    service::{FoundPort, find_port},
};
use crate::{
    api::{
        endpoint_slice::{AddressType, EndpointPort, EndpointSlice, SERVICE_NAME_LABEL},
        service::{Service, TransportProtocol},
    },
    plan::Plan,
    verdict::Verdict,
    world::{Kind, ObjectKey, ObjectRef, World},
};

/// Reports the Services in a Plan that no endpoint serves, the EndpointSlices that can serve none of their ports, and
/// those that belong to no Service.
pub fn find(world: &World, plan: &Plan) -> Vec<Verdict> {
    let mut findings = Vec::new();
    for (key, service) in &world.services {
        let ports: Vec<FoundPort<'_>> = used_ports(key, service, plan).collect();
        if !ports.is_empty() {
            find_of_service(world, plan, key, service, &ports, &mut findings);
        }
    }
    for (key, slice) in &world.endpoint_slices {
        if let Some((field, message)) = stray(world, key, slice) {
            findings.push(Verdict::warning(&slice_ref(key), field, message));
        }
    }
    findings
}

fn used_ports<'a>(key: &'a ObjectKey, service: &'a Service, plan: &'a Plan) -> impl Iterator<Item = FoundPort<'a>> {
    let used = service.spec.ports.iter().filter(|port| plan.endpoints.contains_key(&endpoints_id(key, port.port)));
    used.filter_map(|port| find_port(service, key, Some(port.port), &TransportProtocol::Tcp).ok())
}

fn find_of_service(
    world: &World,
    plan: &Plan,
    key: &ObjectKey,
    service: &Service,
    ports: &[FoundPort<'_>],
    findings: &mut Vec<Verdict>,
) {
    let object = ObjectRef { kind: Kind::Service, key: key.clone() };
    if world.slices_of(key).next().is_none() {
        let label = format!("{SERVICE_NAME_LABEL}: {}", key.name);
        let message = format!("it has no endpoints, so requests get 503: no EndpointSlice has the label `{label}`");
        findings.push(Verdict::warning(&object, "", message));
        return;
    }
    let all: Vec<FoundPort<'_>> = service
        .spec
        .ports
        .iter()
        .filter_map(|port| find_port(service, key, Some(port.port), &TransportProtocol::Tcp).ok())
        .collect();
    let headless = service.spec.is_headless();
    let mut serving: Vec<&EndpointSlice> = Vec::new();
    for slice in world.slices_of(key) {
        let unserving = unserving(slice, key, &all, headless);
        if unserving.is_none() {
            serving.push(slice);
        }
        let why = unserving.or_else(|| unnumbered(slice, &all));
        let slice = slice_ref(&ObjectKey::new(&key.namespace, &slice.metadata.name));
        findings.extend(why.map(|(field, message)| Verdict::warning(&slice, field, message)));
    }
    let has_endpoint = |port: &FoundPort<'_>| {
        plan.endpoints.get(&endpoints_id(key, port.number)).is_some_and(|endpoints| !endpoints.ready.is_empty())
    };
    for port in ports.iter().filter(|port| !has_endpoint(port)) {
        let message = if serving.iter().any(|slice| slice_port(slice, port, headless).is_some()) {
            "no endpoint of its EndpointSlices is ready"
        } else if !serving.is_empty() {
            "no EndpointSlice of it has a TCP port of that name"
        } else {
            // Its slices have been told why.
            continue;
        };
        let message =
            format!("port {}{} has no endpoints, so requests get 503: {message}", port.number, called(port.name));
        findings.push(Verdict::warning(&object, "", message));
    }
}

/// Why a slice can serve no port of its Service, and at which field.
fn unserving(
    slice: &EndpointSlice,
    service: &ObjectKey,
    ports: &[FoundPort<'_>],
    headless: bool,
) -> Option<(String, String)> {
    match &slice.address_type {
        AddressType::IPv4 | AddressType::IPv6 => {}
        AddressType::Fqdn => {
            let message = "FQDN is not followed: nobody looks up the names; write the addresses, with IPv4 or IPv6";
            return Some(("addressType".to_owned(), message.to_owned()));
        }
        AddressType::Unknown(text) => {
            return Some(("addressType".to_owned(), format!("`{text}` is unknown; IPv4 and IPv6 are followed")));
        }
    }
    if !ports.iter().any(|port| slice_port(slice, port, headless).is_some()) {
        return Some(unmet(slice, service, ports));
    }
    let none_parses = slice.endpoints.iter().all(|endpoint| address(&slice.address_type, endpoint).is_none());
    (!slice.endpoints.is_empty() && none_parses).then(|| {
        let message =
            format!("none begins with an address of addressType {:?}, so it serves nothing", slice.address_type);
        ("endpoints".to_owned(), message)
    })
}

/// Why no port of a slice is one of its Service's.
fn unmet(slice: &EndpointSlice, service: &ObjectKey, ports: &[FoundPort<'_>]) -> (String, String) {
    let Some(first) = slice.ports.first() else {
        let message = format!("it has no ports, so it serves nothing; Service {service} has {}", names(ports));
        return ("ports".to_owned(), message);
    };
    let of_name = (0..)
        .zip(&slice.ports)
        .find(|(_, found): &(usize, &EndpointPort)| ports.iter().any(|port| port.name == found.name));
    match of_name {
        Some((index, found)) if found.protocol != TransportProtocol::Tcp => {
            let message = format!("{:?} serves no requests; they need TCP", found.protocol).replace("Udp", "UDP");
            (format!("ports[{index}].protocol"), message)
        }
        Some((index, _)) => (format!("ports[{index}].port"), "it has no number, so it serves nothing".to_owned()),
        None => {
            let has = if first.name.is_empty() { "it has no name".to_owned() } else { format!("`{}`", first.name) };
            let message = format!(
                "{has}, and belongs to the port of the same name of Service {service}, which has {}",
                names(ports)
            );
            ("ports[0].name".to_owned(), message)
        }
    }
}

/// The port of a slice that has no number, and gets the Service's own.
fn unnumbered(slice: &EndpointSlice, ports: &[FoundPort<'_>]) -> Option<(String, String)> {
    (0..).zip(&slice.ports).find_map(|(index, found): (usize, &EndpointPort)| {
        let port = ports.iter().find(|port| port.name == found.name && found.port.is_none())?;
        let target = port.target?;
        let message = format!("it has no number; {target}, the targetPort of the Service, is used");
        Some((format!("ports[{index}]"), message))
    })
}

/// Why a slice belongs to no Service, and at which field.
fn stray(world: &World, key: &ObjectKey, slice: &EndpointSlice) -> Option<(&'static str, String)> {
    match slice.metadata.labels.get(SERVICE_NAME_LABEL) {
        None => {
            let message = format!(
                "it belongs to no Service, so it serves nothing: the label `{SERVICE_NAME_LABEL}` says to which"
            );
            Some(("metadata.labels", message))
        }
        Some(name) => {
            let service = ObjectKey::new(&key.namespace, name);
            world.services.get(&service).is_none().then(|| {
                let message = format!(
                    "it serves nothing: its label `{SERVICE_NAME_LABEL}` names Service {service}, which is not there"
                );
                ("metadata.labels", message)
            })
        }
    }
}

fn slice_ref(key: &ObjectKey) -> ObjectRef {
    ObjectRef { kind: Kind::EndpointSlice, key: key.clone() }
}

fn called(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" (`{name}`)") }
}

fn names(ports: &[FoundPort<'_>]) -> String {
    let names: Vec<String> = ports.iter().map(|port| format!("{}{}", port.number, called(port.name))).collect();
    match names.as_slice() {
        [] => "no port".to_owned(),
        [one] => format!("port {one}"),
        several => format!("ports {}", several.join(", ")),
    }
}
