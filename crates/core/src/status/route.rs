//! Status of the route kinds.

use super::{
    Judgement, condition, judged,
    reason::{Reason, RouteRejection, RouteUnresolved},
};
use crate::api::{
    meta::ConditionStatus,
    shared::{ParentReference, RouteParentStatus, RouteStatus},
};

/// What one parent makes of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteParentVerdict {
    /// As the route declares it.
    pub parent_ref: ParentReference,
    /// Of the parent's GatewayClass.
    pub controller_name: String,
    pub accepted: Judgement<RouteRejection>,
    pub resolved_refs: Judgement<RouteUnresolved>,
    /// Present when a part of an accepted route is left out; begins with "Dropped Rule" or "Fall Back".
    pub partially_invalid: Option<String>,
}

/// Builds the status of a route of `generation`: one entry per verdict, in its order.
pub fn route(generation: i64, verdicts: &[RouteParentVerdict]) -> RouteStatus {
    RouteStatus { parents: verdicts.iter().map(|verdict| parent(generation, verdict)).collect() }
}

fn parent(generation: i64, verdict: &RouteParentVerdict) -> RouteParentStatus {
    let mut conditions = vec![
        judged("Accepted", &verdict.accepted, "Accepted", generation),
        judged("ResolvedRefs", &verdict.resolved_refs, "ResolvedRefs", generation),
    ];
    if let Some(message) = &verdict.partially_invalid {
        let reason = RouteRejection::UnsupportedValue.as_str();
        conditions.push(condition("PartiallyInvalid", ConditionStatus::True, reason, message, generation));
    }
    RouteParentStatus {
        parent_ref: verdict.parent_ref.clone(),
        controller_name: verdict.controller_name.clone(),
        conditions,
    }
}
