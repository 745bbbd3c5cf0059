//! Which address satisfies which wish.
//!
//! Each wish is judged by itself: one that cannot be satisfied is left open and said, never given something else.

use std::{collections::BTreeMap, net::IpAddr};

use super::Reach;
use crate::{
    api::gateway::{CLUSTER, Gateway, GatewaySpecAddress, GatewayStatusAddress, HOSTNAME, IP_ADDRESS},
    status::{
        Judgement, Problem,
        reason::{AddressesUnassigned, GatewayNotProgrammed},
    },
    world::{Bundle, DataPlaneState},
};

/// Addresses that the API allows in a status.
const ADDRESSES_MAX: usize = 16;

/// What a Gateway gets of the addresses that its data plane has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    pub addresses: Vec<GatewayStatusAddress>,
    pub programmed: Judgement<GatewayNotProgrammed>,
    /// GEP-5093; `None` while there is nothing to be had yet.
    pub assigned: Option<Judgement<AddressesUnassigned>>,
}

/// Gives a Gateway its addresses, out of those that its data plane has: exactly those that it asks for, or all if it asks
/// for none. The API that `bundle` brings decides whether each says its routability.
pub fn assign(gateway: &Gateway, state: Option<&DataPlaneState>, bundle: &Bundle) -> Assignment {
    let nothing = DataPlaneState::default();
    let had = Had { state: state.unwrap_or(&nothing), says_routability: !bundle.standard };
    match gateway.spec.addresses.as_slice() {
        [] => by_default(&had),
        asked => as_asked(asked, &had),
    }
}

fn by_default(had: &Had<'_>) -> Assignment {
    let all = had.state.addresses.iter().take(ADDRESSES_MAX);
    let addresses: Vec<_> = all.map(|value| had.status(value, "")).collect();
    let (programmed, assigned) = match addresses.is_empty() {
        true => {
            let reason = GatewayNotProgrammed::AddressNotAssigned;
            (Err(Problem::new(reason, "the data plane has no address yet")), None)
        }
        false => (Ok(()), Some(Ok(()))),
    };
    Assignment { addresses, programmed, assigned }
}

fn as_asked(asked: &[GatewaySpecAddress], had: &Had<'_>) -> Assignment {
    // Whom the fewest addresses satisfy comes first, so that nobody takes an address which another needs.
    let mut order: Vec<usize> = (0..asked.len()).collect();
    order.sort_by_key(|index| (asked[*index].value.is_empty(), Reach::of(&asked[*index])));
    let mut given: BTreeMap<usize, GatewayStatusAddress> = BTreeMap::new();
    let mut problems: BTreeMap<usize, Unsatisfied> = BTreeMap::new();
    for index in order {
        match had.satisfy(&asked[index], given.values()) {
            Ok(address) => drop(given.insert(index, address)),
            Err(problem) => drop(problems.insert(index, problem)),
        }
    }
    let message = |(index, problem): (&usize, &Unsatisfied)| format!("spec.addresses[{index}]: {}", problem.why);
    let message = problems.iter().map(message).collect::<Vec<_>>().join("; ");
    let refused = problems.values().any(|problem| problem.reason == GatewayNotProgrammed::AddressNotUsable);
    let programmed = not_programmed(asked, given.is_empty(), refused).filter(|_| !problems.is_empty());
    let unassigned = match given.is_empty() {
        true => AddressesUnassigned::NotAssigned,
        false => AddressesUnassigned::PartiallyAssigned,
    };
    let assigned = match problems.is_empty() {
        true => Ok(()),
        false => Err(Problem::new(unassigned, message.as_str())),
    };
    Assignment {
        addresses: given.into_values().collect(),
        programmed: programmed.map_or(Ok(()), |reason| Err(Problem::new(reason, message))),
        assigned: had.has_any().then_some(assigned),
    }
}

/// Why a Gateway that does not get all it asks for is not programmed: it gets nothing (`none`), or an address that it
/// names is `refused`. GEP-5093 has it programmed otherwise.
fn not_programmed(asked: &[GatewaySpecAddress], none: bool, refused: bool) -> Option<GatewayNotProgrammed> {
    // A load balancer is asked for one of the addresses that are named: whether it would give another is not known.
    let named = asked.iter().filter(|asked| Reach::of(asked) == Reach::Default && !asked.value.is_empty());
    match (none, refused) {
        (true, true) if named.count() > 1 => Some(GatewayNotProgrammed::AddressNotUsable),
        (true, _) => Some(GatewayNotProgrammed::AddressNotAssigned),
        (false, true) => Some(GatewayNotProgrammed::AddressNotUsable),
        (false, false) => None,
    }
}

/// Why an address that is asked for is not to be had.
struct Unsatisfied {
    reason: GatewayNotProgrammed,
    why: String,
}

/// What a data plane has.
struct Had<'a> {
    state: &'a DataPlaneState,
    says_routability: bool,
}

impl Had<'_> {
    fn has_any(&self) -> bool {
        !self.state.addresses.is_empty() || !self.state.cluster_addresses.is_empty()
    }

    /// Finds an address of the type, value and routability asked for that is not `taken`. The type is always an IP address
    /// here; another routability is never substituted.
    fn satisfy<'t>(
        &self,
        asked: &GatewaySpecAddress,
        taken: impl Iterator<Item = &'t GatewayStatusAddress>,
    ) -> Result<GatewayStatusAddress, Unsatisfied> {
        let (pool, called) = self.pool(asked);
        let taken: Vec<_> = taken.filter_map(|taken| taken.value.parse::<IpAddr>().ok()).collect();
        let wanted = asked.value.parse::<IpAddr>().ok();
        let free = pool.iter().find(|value| {
            let value = value.parse::<IpAddr>().ok();
            value.is_some_and(|value| !taken.contains(&value)) && (asked.value.is_empty() || value == wanted)
        });
        let (reason, why) = match (free, Reach::of(asked), asked.value.as_str()) {
            (Some(value), _, "") => return Ok(self.status(value, &asked.routability)),
            // As it is written where it is asked for.
            (Some(_), _, value) => return Ok(self.status(value, &asked.routability)),
            (None, Reach::Unknown, _) => (
                GatewayNotProgrammed::AddressNotAssigned,
                format!("routability {:?} is not offered", asked.routability),
            ),
            (None, Reach::Cluster | Reach::Default, "") => {
                (GatewayNotProgrammed::AddressNotAssigned, format!("the data plane has no further {called}"))
            }
            (None, reach @ (Reach::Cluster | Reach::Default), value) => {
                let reason = match reach == Reach::Default {
                    true => GatewayNotProgrammed::AddressNotUsable,
                    false => GatewayNotProgrammed::AddressNotAssigned,
                };
                let all = if pool.is_empty() { "none".to_owned() } else { pool.join(", ") };
                (reason, format!("{value:?} is no {called} of the data plane, which has {all}"))
            }
        };
        Err(Unsatisfied { reason, why })
    }

    /// What may satisfy a wish, and what people call it.
    fn pool(&self, asked: &GatewaySpecAddress) -> (Vec<&str>, &'static str) {
        let all = self.state.addresses.iter().map(String::as_str);
        let of_cluster = self.state.cluster_addresses.iter().map(String::as_str);
        match Reach::of(asked) {
            Reach::Unknown => (Vec::new(), "address"),
            Reach::Cluster => (of_cluster.collect(), "ClusterIP"),
            // Whoever names no address is to be reached as the data plane is.
            Reach::Default if asked.value.is_empty() => (all.collect(), "address"),
            Reach::Default => {
                let others = of_cluster.filter(|value| self.state.addresses.iter().all(|other| other != value));
                (all.chain(others).collect(), "address")
            }
        }
    }

    /// An address as a status says it; some load balancers have a name instead. A ClusterIP says so, whatever was asked for.
    fn status(&self, value: &str, asked: &str) -> GatewayStatusAddress {
        let address = value.parse::<IpAddr>().ok();
        let is_cluster = || {
            let mut all = self.state.cluster_addresses.iter();
            address.is_some() && all.any(|value| value.parse().ok() == address)
        };
        let routability = match asked {
            "" if is_cluster() => CLUSTER,
            asked => asked,
        };
        GatewayStatusAddress {
            r#type: if address.is_some() { IP_ADDRESS } else { HOSTNAME }.to_owned(),
            value: value.to_owned(),
            routability: self.says_routability.then(|| routability.to_owned()),
        }
    }
}
