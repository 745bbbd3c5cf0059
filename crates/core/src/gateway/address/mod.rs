//! The addresses that a Gateway asks for, from where each is to be reached (GEP-5093), and those that it gets.

mod assign;

pub use assign::{Assignment, assign};

use super::Note;
use crate::{
    api::{
        gateway::{CLUSTER, Gateway, GatewaySpecAddress, IP_ADDRESS},
        parameters::{Parameters, ServiceType},
    },
    status::{Judgement, Problem, reason::GatewayRejection},
};

/// A routability that promises nothing (GEP-5093): whoever reports any has to report it where it is asked for.
const SENTINEL: &str = "testing.x-k8s.io/sentinel";

/// From where an address that is asked for is to be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// From the cluster: a ClusterIP.
    Cluster,
    /// From wherever the data plane is.
    Default,
    /// Nobody can say.
    Unknown,
}

impl Reach {
    pub(crate) fn of(asked: &GatewaySpecAddress) -> Self {
        match asked.routability.as_str() {
            "" | SENTINEL => Self::Default,
            CLUSTER => Self::Cluster,
            _ => Self::Unknown,
        }
    }
}

/// Whether a Gateway asks for nothing that is reached from outside its cluster, so that nothing may be made that is.
pub(crate) fn is_confined(gateway: &Gateway) -> bool {
    let asked = &gateway.spec.addresses;
    !asked.is_empty() && asked.iter().all(|asked| Reach::of(asked) != Reach::Default)
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

/// Where a Gateway's addresses come from.
#[derive(Clone, Copy)]
pub(super) enum Place<'p> {
    /// From the machine.
    Standalone,
    /// From the Service of a data plane that Gateways share.
    Shared,
    /// From its own Service, which has these parameters if they are good.
    Own(Option<&'p Parameters>),
}

/// Says what comes of a wish to be reached from the cluster alone where it meets something else.
pub(super) fn note(gateway: &Gateway, place: Place<'_>) -> Option<Note> {
    if !is_confined(gateway) {
        return None;
    }
    let message = match place {
        Place::Standalone => {
            "no routability but the default is offered outside a cluster: the listeners are reached at \
            the machine's addresses all the same"
                .to_owned()
        }
        Place::Shared => "the Gateways of this class share one data plane: while another is reached from outside the \
            cluster, so are this one's listeners"
            .to_owned(),
        Place::Own(parameters) => {
            let r#type = parameters?.provider.kubernetes.envoy_service.r#type?;
            if r#type == ServiceType::ClusterIP {
                return None;
            }
            format!("ask for nothing outside the cluster: envoyService.type {} is not in force", r#type.as_str())
        }
    };
    Some(Note::new("spec.addresses", message))
}
