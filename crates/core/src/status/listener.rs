//! Status of a listener, of a Gateway or of a ListenerSet.

use super::{Problem, condition, judged, noted, reason::ListenerNotProgrammed};
use crate::{
    api::{
        gateway::ListenerStatus,
        meta::{Condition, ConditionStatus},
        shared::RouteGroupKind,
    },
    gateway::{Overlap, ResolvedListener},
    status::{
        Judgement,
        reason::{Conflict, ListenerRejection},
    },
    world::{DataPlaneState, Kind},
};

/// How a listener stands, observations included.
pub(super) struct Standing<'a> {
    listener: &'a ResolvedListener,
    accepted: Judgement<ListenerRejection>,
    programmed: Judgement<ListenerNotProgrammed>,
}

impl<'a> Standing<'a> {
    /// `state` is `None` when the data plane has not been heard of.
    pub(super) fn new(listener: &'a ResolvedListener, state: Option<&DataPlaneState>) -> Self {
        let failed = state.and_then(|state| state.ports_failed.get(&listener.port)).filter(|_| listener.served);
        let accepted = match failed {
            Some(why) => {
                let message = format!("port {} cannot be used: {why}", listener.port);
                Err(Problem::new(ListenerRejection::PortUnavailable, message))
            }
            None => accepted(listener),
        };
        let programmed = programmed(listener, &accepted, state);
        Self { listener, accepted, programmed }
    }

    pub(super) fn is_accepted(&self) -> bool {
        self.accepted.is_ok()
    }

    /// Whether it is accepted and has what it needs to answer.
    pub(super) fn is_valid(&self) -> bool {
        self.is_accepted() && self.listener.works()
    }

    pub(super) fn is_resolved(&self) -> bool {
        self.listener.verdict.resolved_refs.is_ok()
    }

    pub(super) fn name(&self) -> &str {
        &self.listener.name
    }

    pub(super) fn status(&self, generation: i64, attached_routes: u32) -> ListenerStatus {
        let verdict = &self.listener.verdict;
        let mut accepted = judged("Accepted", &self.accepted, "Accepted", generation);
        if self.is_accepted() {
            accepted.message = noted(&verdict.notes);
        }
        let mut conditions = vec![
            accepted,
            judged("Programmed", &self.programmed, "Programmed", generation),
            judged("ResolvedRefs", &verdict.resolved_refs, "ResolvedRefs", generation),
            conflicted(&verdict.conflict, generation),
        ];
        conditions.extend(verdict.overlap.as_ref().map(|overlap| overlapping(overlap, generation)));
        let kind = |kind: &Kind| RouteGroupKind { group: kind.group().to_owned(), kind: kind.name().to_owned() };
        ListenerStatus {
            name: self.listener.name.clone(),
            supported_kinds: self.listener.allowed_kinds.iter().map(kind).collect(),
            attached_routes,
            conditions,
        }
    }
}

fn accepted(listener: &ResolvedListener) -> Judgement<ListenerRejection> {
    match &listener.verdict.conflict {
        Ok(()) => listener.verdict.accepted.clone(),
        // As GEP-1713's tests have it: the conflict's reason on all three conditions.
        Err(problem) => {
            let reason = match problem.reason {
                Conflict::HostnameConflict => ListenerRejection::HostnameConflict,
                Conflict::ProtocolConflict => ListenerRejection::ProtocolConflict,
            };
            Err(Problem::new(reason, problem.message.as_str()))
        }
    }
}

fn programmed(
    listener: &ResolvedListener,
    accepted: &Judgement<ListenerRejection>,
    state: Option<&DataPlaneState>,
) -> Judgement<ListenerNotProgrammed> {
    if let Err(problem) = accepted {
        let reason = match problem.reason {
            ListenerRejection::HostnameConflict => ListenerNotProgrammed::HostnameConflict,
            ListenerRejection::ProtocolConflict => ListenerNotProgrammed::ProtocolConflict,
            ListenerRejection::PortUnavailable
            | ListenerRejection::UnsupportedProtocol
            | ListenerRejection::UnsupportedValue
            | ListenerRejection::InvalidListenerFilter
            | ListenerRejection::NoValidCACertificate => ListenerNotProgrammed::Invalid,
        };
        return Err(Problem::new(reason, problem.message.as_str()));
    }
    if !listener.works() {
        let why = match listener.verdict.has_certificate {
            false => "no certificate is usable",
            true => "the Gateway is not accepted",
        };
        return Err(Problem::new(ListenerNotProgrammed::Invalid, why));
    }
    confirmed(state, listener).map_err(|message| Problem::new(ListenerNotProgrammed::Pending, message))
}

fn confirmed(state: Option<&DataPlaneState>, listener: &ResolvedListener) -> Result<(), String> {
    let Some(state) = state.filter(|state| state.confirmed) else {
        return Err("the data plane does not enforce this yet".to_owned());
    };
    let failed = |id| state.certificates_failed.get(id);
    match listener.certificates.iter().find_map(failed) {
        Some(why) if listener.certificates.iter().all(|id| failed(id).is_some()) => {
            Err(format!("the data plane cannot use the certificate: {why}"))
        }
        Some(_) | None => Ok(()),
    }
}

fn conflicted(conflict: &Judgement<Conflict>, generation: i64) -> Condition {
    // Negative polarity: true is the problem.
    match conflict {
        Ok(()) => condition("Conflicted", ConditionStatus::False, "NoConflicts", "", generation),
        Err(problem) => {
            let reason = super::reason::Reason::as_str(problem.reason);
            condition("Conflicted", ConditionStatus::True, reason, problem.message.as_str(), generation)
        }
    }
}

/// Written only when true, as the API demands.
fn overlapping(overlap: &Overlap, generation: i64) -> Condition {
    let (reason, message) = match overlap {
        Overlap::Hostnames(message) => ("OverlappingHostnames", message),
        Overlap::Certificates(message) => ("OverlappingCertificates", message),
    };
    condition("OverlappingTLSConfig", ConditionStatus::True, reason, message.as_str(), generation)
}
