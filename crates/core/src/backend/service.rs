//! The port of a Service that a backendRef means.

use super::Unusable;
use crate::{
    api::service::{IntOrString, Service, ServiceType, TransportProtocol},
    status::reason::RouteUnresolved,
    world::ObjectKey,
};

/// A port of a Service, as far as its endpoints and protocol depend on it.
pub(super) struct FoundPort<'s> {
    /// Empty when the Service gives it none.
    pub(super) name: &'s str,
    pub(super) number: u16,
    /// The endpoints' port when it is given as a number.
    pub(super) target: Option<u16>,
    pub(super) app_protocol: Option<&'s str>,
}

/// Finds the port of a backendRef in its Service.
///
/// # Errors
/// The Service is of a type that is not followed, or has no such port.
pub(super) fn find_port<'s>(
    service: &'s Service,
    key: &ObjectKey,
    port: Option<u16>,
    transport: &TransportProtocol,
) -> Result<FoundPort<'s>, Unusable> {
    let unusable = |message| Unusable::new(RouteUnresolved::BackendNotFound, message);
    if service.spec.r#type == ServiceType::ExternalName {
        return Err(unusable(format!(
            "Service {key} is of type ExternalName, which could lead anywhere (CVE-2021-25740) and is not followed; \
             refer to a Service with endpoints"
        )));
    }
    let ports = || service.spec.ports.iter().filter(|found| found.protocol == *transport);
    let Some(number) = port else {
        return Err(unusable(format!(
            "Service {key} needs a `port`; it has {}",
            listed(ports().map(|port| port.port))
        )));
    };
    match ports().find(|found| found.port == number) {
        Some(found) => Ok(FoundPort {
            name: &found.name,
            number,
            target: target(found.target_port.as_ref(), number),
            app_protocol: found.app_protocol.as_deref(),
        }),
        // A headless Service may leave its ports out: then they are the endpoints' own.
        None if service.spec.is_headless() && service.spec.ports.is_empty() => {
            Ok(FoundPort { name: "", number, target: Some(number), app_protocol: None })
        }
        None => {
            let has = listed(ports().map(|port| port.port));
            Err(unusable(format!("Service {key} has no port {number}; it has {has}")))
        }
    }
}

/// An absent targetPort, and Kubernetes' 0, are the port itself.
fn target(target: Option<&IntOrString>, port: u16) -> Option<u16> {
    match target {
        None | Some(IntOrString::Int(0)) => Some(port),
        Some(IntOrString::Int(number)) => u16::try_from(*number).ok(),
        Some(IntOrString::String(_)) => None,
    }
}

fn listed(ports: impl Iterator<Item = u16>) -> String {
    let ports: Vec<String> = ports.map(|port| port.to_string()).collect();
    if ports.is_empty() { "none".to_owned() } else { ports.join(", ") }
}
