//! The addresses that a Gateway asks for, and those that it gets.

use crate::{
    api::gateway::{Gateway, GatewaySpecAddress, GatewayStatusAddress, HOSTNAME, IP_ADDRESS},
    status::{
        Judgement, Problem,
        reason::{AddressesUnassigned, GatewayNotProgrammed, GatewayRejection},
    },
};

/// Addresses that the API allows in a status.
const ADDRESSES_MAX: usize = 16;

/// What a Gateway gets of the addresses that its data plane has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    pub addresses: Vec<GatewayStatusAddress>,
    pub programmed: Judgement<GatewayNotProgrammed>,
    /// GEP-5093; `None` when the Gateway asks for none.
    pub assigned: Option<Judgement<AddressesUnassigned>>,
}

/// Checks that the types asked for are ones that can be had at all.
pub(super) fn supported(gateway: &Gateway) -> Judgement<GatewayRejection> {
    let unsupported = gateway.spec.addresses.iter().position(|address| address.r#type != IP_ADDRESS);
    match unsupported {
        None => Ok(()),
        Some(index) => Err(Problem::new(
            GatewayRejection::UnsupportedAddress,
            format!(
                "spec.addresses[{index}].type {:?} is not supported; {IP_ADDRESS:?} is",
                gateway.spec.addresses[index].r#type
            ),
        )),
    }
}

/// Gives a Gateway its addresses, out of those (`available`) at which its data plane is reached: exactly those that it
/// asks for, or all if it asks for none.
pub fn assign(gateway: &Gateway, available: &[String]) -> Assignment {
    let asked = &gateway.spec.addresses;
    if asked.is_empty() {
        let addresses: Vec<_> = available.iter().take(ADDRESSES_MAX).map(|value| status(value)).collect();
        let programmed = match addresses.is_empty() {
            true => Err(Problem::new(GatewayNotProgrammed::AddressNotAssigned, "the data plane has no address yet")),
            false => Ok(()),
        };
        return Assignment { addresses, programmed, assigned: None };
    }
    let mut addresses: Vec<GatewayStatusAddress> = Vec::new();
    let mut problems: Vec<Problem<GatewayNotProgrammed>> = Vec::new();
    for (index, address) in asked.iter().enumerate() {
        match satisfy(address, available, &addresses) {
            Ok(address) => addresses.push(address),
            Err((reason, why)) => problems.push(Problem::new(reason, format!("spec.addresses[{index}]: {why}"))),
        }
    }
    let message = problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ");
    let Some(first) = problems.first() else {
        return Assignment { addresses, programmed: Ok(()), assigned: Some(Ok(())) };
    };
    let unassigned = match addresses.is_empty() {
        true => AddressesUnassigned::NotAssigned,
        false => AddressesUnassigned::PartiallyAssigned,
    };
    Assignment {
        addresses,
        programmed: Err(Problem::new(first.reason, message.as_str())),
        assigned: Some(Err(Problem::new(unassigned, message))),
    }
}

fn satisfy(
    asked: &GatewaySpecAddress,
    available: &[String],
    taken: &[GatewayStatusAddress],
) -> Result<GatewayStatusAddress, (GatewayNotProgrammed, String)> {
    if !asked.routability.is_empty() {
        // GEP-5093: a requirement, never substituted.
        let why = format!("routability {:?} is not offered", asked.routability);
        return Err((GatewayNotProgrammed::AddressNotAssigned, why));
    }
    if asked.value.is_empty() {
        // One of the type that was asked for, which is always an IP address here.
        let mut addresses = available.iter().filter(|value| value.parse::<std::net::IpAddr>().is_ok());
        let free = addresses.find(|value| taken.iter().all(|taken| taken.value != **value));
        return free
            .map(|value| status(value))
            .ok_or((GatewayNotProgrammed::AddressNotAssigned, "the data plane has no further address".to_owned()));
    }
    let wanted = asked.value.parse::<std::net::IpAddr>().ok();
    let usable = wanted.is_some() && available.iter().any(|value| value.parse().ok() == wanted);
    match usable {
        true => Ok(status(&asked.value)),
        false => {
            let why = format!("{:?} is no address of the data plane; it has: {}", asked.value, available.join(", "));
            Err((GatewayNotProgrammed::AddressNotUsable, why))
        }
    }
}

/// Some load balancers have a name instead of an address.
fn status(value: &str) -> GatewayStatusAddress {
    let r#type = if value.parse::<std::net::IpAddr>().is_ok() { IP_ADDRESS } else { HOSTNAME };
    GatewayStatusAddress { r#type: r#type.to_owned(), value: value.to_owned(), routability: None }
}
