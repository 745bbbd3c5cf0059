//! Status of GatewayClasses, Gateways and ListenerSets.

use std::collections::BTreeMap;

use super::{
    Judgement, Problem, condition, judged,
    listener::Standing,
    noted,
    reason::{
        GatewayNotProgrammed, GatewayRejection, GatewayUnresolved, ListenerSetNotProgrammed, ListenerSetRejection,
        Reason,
    },
};
use crate::{
    api::{
        gateway::{Gateway, GatewayStatus, ListenerStatus},
        gateway_class::GatewayClassStatus,
        listener_set::ListenerSetStatus,
        meta::{Condition, ConditionStatus},
        shared::SupportedFeature,
    },
    gateway::{ClassVerdict, GatewayVerdict, ListenerSetVerdict, Parent, ResolvedListener, assign},
    plan::ListenerId,
    world::{Bundle, DataPlaneState},
};

/// Nothing is claimed before the data plane enforces it.
const NOT_CONFIRMED: &str = "the data plane does not enforce this yet";

/// Routes that a listener accepted, by listener.
pub type AttachedRoutes = BTreeMap<ListenerId, u32>;

pub(super) fn class(generation: i64, verdict: &ClassVerdict) -> GatewayClassStatus {
    let mut accepted = judged("Accepted", &verdict.accepted, "Accepted", generation);
    if verdict.accepted.is_ok() {
        accepted.message = noted(&verdict.notes);
    }
    let version = match &verdict.unsupported_version {
        None => condition("SupportedVersion", ConditionStatus::True, "SupportedVersion", "", generation),
        Some(version) => {
            let message = format!("the CRDs are of bundle version {version}, which this program does not know");
            condition("SupportedVersion", ConditionStatus::False, "UnsupportedVersion", message, generation)
        }
    };
    GatewayClassStatus {
        conditions: vec![accepted, version],
        supported_features: verdict.features.iter().map(|name| SupportedFeature { name: (*name).to_owned() }).collect(),
    }
}

/// `attached_sets` counts the accepted ListenerSets.
pub(super) fn gateway(
    gateway: &Gateway,
    verdict: &GatewayVerdict,
    parent: &Parent,
    (state, bundle): (Option<&DataPlaneState>, &Bundle),
    routes: &AttachedRoutes,
    attached_sets: u32,
) -> GatewayStatus {
    let generation = gateway.metadata.generation;
    let listeners: Vec<Standing<'_>> = parent.listeners.iter().map(|listener| Standing::new(listener, state)).collect();
    let assignment = assign(gateway, state, bundle);
    let accepted = accepted(verdict, &listeners);
    let programmed = programmed(&accepted, state, assignment.programmed);
    let is_served = verdict.serves() && parent.listeners.iter().any(ResolvedListener::works);
    let mut conditions = vec![
        accepted_condition(&accepted, verdict, &listeners, generation),
        programmed_condition(&programmed, state, generation),
        judged("ResolvedRefs", &resolved_refs(verdict, &listeners), "ResolvedRefs", generation),
    ];
    if verdict.insecure_fallback {
        let message = "spec.tls.frontend lets clients in whose certificate is bad or missing";
        let r#type = "InsecureFrontendValidationMode";
        conditions.push(condition(r#type, ConditionStatus::True, "ConfigurationChanged", message, generation));
    }
    if let (Some(assigned), true) = (&assignment.assigned, accepted.is_ok()) {
        conditions.push(judged("AddressesAssigned", assigned, "AddressesAssigned", generation));
    }
    GatewayStatus {
        // While it is served all the same, whoever follows its addresses must not lose them.
        addresses: if accepted.is_ok() || is_served { assignment.addresses } else { Vec::new() },
        conditions,
        listeners: statuses(parent, &listeners, generation, routes),
        attached_listener_sets: Some(attached_sets),
    }
}

pub(super) fn listener_set(
    generation: i64,
    verdict: &ListenerSetVerdict,
    parent: &Parent,
    state: Option<&DataPlaneState>,
    routes: &AttachedRoutes,
    parent_programmed: bool,
) -> ListenerSetStatus {
    let listeners: Vec<Standing<'_>> = parent.listeners.iter().map(|listener| Standing::new(listener, state)).collect();
    let accepted = set_accepted(verdict, &listeners);
    let programmed = set_programmed(&accepted, state, parent_programmed);
    let invalid = invalid(&listeners, Standing::is_valid);
    let mut accepted = judged("Accepted", &accepted, "Accepted", generation);
    if accepted.status == ConditionStatus::True && !invalid.is_empty() {
        ListenerSetRejection::ListenersNotValid.as_str().clone_into(&mut accepted.reason);
        accepted.message = not_valid(&invalid);
    }
    let conditions = vec![accepted, judged("Programmed", &programmed, "Programmed", generation)];
    ListenerSetStatus { conditions, listeners: statuses(parent, &listeners, generation, routes) }
}

/// Whether a ListenerSet counts as attached to its Gateway.
pub(super) fn is_set_accepted(verdict: &ListenerSetVerdict, parent: &Parent, state: Option<&DataPlaneState>) -> bool {
    let listeners: Vec<Standing<'_>> = parent.listeners.iter().map(|listener| Standing::new(listener, state)).collect();
    set_accepted(verdict, &listeners).is_ok()
}

fn set_accepted(verdict: &ListenerSetVerdict, listeners: &[Standing<'_>]) -> Judgement<ListenerSetRejection> {
    verdict.allowed.clone()?;
    match listeners.iter().any(Standing::is_valid) {
        true => Ok(()),
        false => {
            let message = not_valid(&invalid(listeners, Standing::is_valid));
            Err(Problem::new(ListenerSetRejection::ListenersNotValid, message))
        }
    }
}

fn set_programmed(
    accepted: &Judgement<ListenerSetRejection>,
    state: Option<&DataPlaneState>,
    parent_programmed: bool,
) -> Judgement<ListenerSetNotProgrammed> {
    if let Err(problem) = accepted {
        let reason = match problem.reason {
            ListenerSetRejection::NotAllowed => ListenerSetNotProgrammed::NotAllowed,
            ListenerSetRejection::ParentNotAccepted => ListenerSetNotProgrammed::ParentNotProgrammed,
            ListenerSetRejection::ListenersNotValid => ListenerSetNotProgrammed::ListenersNotValid,
        };
        return Err(Problem::new(reason, problem.message.as_str()));
    }
    if !state.is_some_and(|state| state.confirmed) {
        return Err(Problem::new(ListenerSetNotProgrammed::Pending, NOT_CONFIRMED));
    }
    match parent_programmed {
        true => Ok(()),
        false => Err(Problem::new(ListenerSetNotProgrammed::ParentNotProgrammed, "the Gateway is not programmed")),
    }
}

fn accepted(verdict: &GatewayVerdict, listeners: &[Standing<'_>]) -> Judgement<GatewayRejection> {
    verdict.accepted.clone()?;
    match listeners.iter().any(Standing::is_accepted) {
        true => Ok(()),
        false => {
            let message = not_valid(&invalid(listeners, Standing::is_accepted));
            Err(Problem::new(GatewayRejection::ListenersNotValid, message))
        }
    }
}

/// True with `ListenersNotValid` while some listener, but not every one, is rejected.
fn accepted_condition(
    accepted: &Judgement<GatewayRejection>,
    verdict: &GatewayVerdict,
    listeners: &[Standing<'_>],
    generation: i64,
) -> Condition {
    if accepted.is_err() {
        return judged("Accepted", accepted, "Accepted", generation);
    }
    let invalid = invalid(listeners, Standing::is_accepted);
    let reason = if invalid.is_empty() { "Accepted" } else { GatewayRejection::ListenersNotValid.as_str() };
    let mut messages = Vec::new();
    messages.extend((!invalid.is_empty()).then(|| not_valid(&invalid)));
    messages.extend((!verdict.notes.is_empty()).then(|| noted(&verdict.notes)));
    condition("Accepted", ConditionStatus::True, reason, messages.join("; "), generation)
}

fn programmed(
    accepted: &Judgement<GatewayRejection>,
    state: Option<&DataPlaneState>,
    addresses: Judgement<GatewayNotProgrammed>,
) -> Judgement<GatewayNotProgrammed> {
    if let Err(problem) = accepted {
        return Err(Problem::new(GatewayNotProgrammed::Invalid, problem.message.as_str()));
    }
    if !state.is_some_and(|state| state.confirmed) {
        let problems = problems(state);
        return match problems.is_empty() {
            true => Err(Problem::new(GatewayNotProgrammed::Pending, NOT_CONFIRMED)),
            false => Err(Problem::new(GatewayNotProgrammed::NoResources, problems)),
        };
    }
    addresses
}

/// A data plane that serves says what it does not.
fn programmed_condition(
    programmed: &Judgement<GatewayNotProgrammed>,
    state: Option<&DataPlaneState>,
    generation: i64,
) -> Condition {
    match programmed {
        Ok(()) => condition("Programmed", ConditionStatus::True, "Programmed", problems(state), generation),
        Err(_) => judged("Programmed", programmed, "Programmed", generation),
    }
}

fn problems(state: Option<&DataPlaneState>) -> String {
    state.map(|state| state.problems.join("; ")).unwrap_or_default()
}

fn resolved_refs(verdict: &GatewayVerdict, listeners: &[Standing<'_>]) -> Judgement<GatewayUnresolved> {
    verdict.resolved_refs.clone()?;
    let unresolved = invalid(listeners, Standing::is_resolved);
    match unresolved.is_empty() {
        true => Ok(()),
        false => {
            let message = format!("listeners whose references are not resolved: {}", unresolved.join(", "));
            Err(Problem::new(GatewayUnresolved::ListenersNotResolved, message))
        }
    }
}

fn invalid<'a, 'l>(listeners: &'a [Standing<'l>], good: fn(&Standing<'l>) -> bool) -> Vec<&'a str> {
    listeners.iter().filter(|listener| !good(listener)).map(Standing::name).collect()
}

fn not_valid(listeners: &[&str]) -> String {
    if listeners.is_empty() { String::new() } else { format!("listeners that are not valid: {}", listeners.join(", ")) }
}

fn statuses(
    parent: &Parent,
    listeners: &[Standing<'_>],
    generation: i64,
    routes: &AttachedRoutes,
) -> Vec<ListenerStatus> {
    let attached = |id: &ListenerId| routes.get(id).copied().unwrap_or_default();
    let pairs = listeners.iter().zip(&parent.listeners);
    pairs.map(|(standing, listener)| standing.status(generation, attached(&listener.id))).collect()
}
