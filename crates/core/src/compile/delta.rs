//! What became different from one compilation to the next.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    plan::{BackendId, CertificateId, EndpointsId, RouteId},
    world::{DataPlane, ObjectRef},
};

/// Names what differs between two outcomes, and nothing else. What a name stands for now is in the newer outcome; what
/// is not there is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    pub statuses: BTreeSet<ObjectRef>,
    /// The objects of which something else is found now, or nothing anymore.
    pub findings: BTreeSet<ObjectRef>,
    pub plans: BTreeMap<DataPlane, PlanDelta>,
    pub infrastructure: BTreeSet<DataPlane>,
}

/// What differs in a Plan. All of a new one; empty for one that is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanDelta {
    pub ports: BTreeSet<u16>,
    pub routes: BTreeSet<RouteId>,
    pub backends: BTreeSet<BackendId>,
    pub endpoints: BTreeSet<EndpointsId>,
    pub certificates: BTreeSet<CertificateId>,
}

impl Delta {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
