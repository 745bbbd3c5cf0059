//! Status of the policy kinds, and of XBackend.

use super::{
    Judgement, judged,
    reason::{PolicyRejection, PolicyUnresolved},
};
use crate::api::shared::{ParentReference, PolicyAncestorStatus, PolicyStatus};

/// What a policy does for one Gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyAncestorVerdict {
    pub ancestor_ref: ParentReference,
    /// Of the Gateway's class.
    pub controller_name: String,
    pub accepted: Judgement<PolicyRejection>,
    /// `None` on kinds that have no such condition.
    pub resolved_refs: Option<Judgement<PolicyUnresolved>>,
}

/// Ancestors that the API allows in one status.
const ANCESTORS_MAX: usize = 16;

/// Builds the status of a policy of `generation`: one entry per verdict, in its order, as many as the API takes.
pub fn policy(generation: i64, verdicts: &[PolicyAncestorVerdict]) -> PolicyStatus {
    let ancestors = verdicts.iter().take(ANCESTORS_MAX).map(|verdict| ancestor(generation, verdict)).collect();
    PolicyStatus { ancestors }
}

fn ancestor(generation: i64, verdict: &PolicyAncestorVerdict) -> PolicyAncestorStatus {
    let accepted = judged("Accepted", &verdict.accepted, "Accepted", generation);
    let resolved_refs =
        verdict.resolved_refs.as_ref().map(|refs| judged("ResolvedRefs", refs, "ResolvedRefs", generation));
    PolicyAncestorStatus {
        ancestor_ref: verdict.ancestor_ref.clone(),
        controller_name: verdict.controller_name.clone(),
        conditions: std::iter::once(accepted).chain(resolved_refs).collect(),
    }
}
