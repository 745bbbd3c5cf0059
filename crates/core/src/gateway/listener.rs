//! One listener on its own account: protocol, kinds, namespaces, certificates.

use std::collections::BTreeSet;

use super::{
    AllowedNamespaces, Judge, ListenerVerdict, Note, ResolvedListener,
    filter::{self, Filters},
    frontend::Frontend,
    namespaces,
};
use crate::{
    api::{
        gateway::{Listener, Protocol, RouteNamespaces, TlsMode},
        meta::InvalidSelector,
    },
    plan::{CertificateId, GatewayId, Hostname, ListenerId},
    reference::RefError,
    status::{
        Judgement, Problem,
        reason::{ListenerRejection, ListenerUnresolved},
    },
    world::{Kind, ObjectKey, ObjectRef},
};

/// What a Gateway's listeners have in common, those of its ListenerSets too.
#[derive(Clone, Copy)]
pub(super) struct Shared<'a> {
    pub(super) gateway: &'a ObjectKey,
    pub(super) controller_name: &'a str,
    pub(super) frontend: &'a Frontend,
    /// Shown to backends.
    pub(super) client_certificate: Option<&'a CertificateId>,
}

/// Resolves the listeners that `owner` declares: the Gateway itself or a ListenerSet that extends it.
pub(super) fn resolve(
    judge: &mut Judge<'_>,
    owner: &ObjectRef,
    shared: Shared<'_>,
    declared: &[Listener],
) -> Vec<ResolvedListener> {
    let one = |(index, listener): (usize, &Listener)| {
        let field = format!("spec.listeners[{index}]");
        let mut problems = Vec::new();
        let mut accepted = supported(listener);
        let allowed_kinds = allowed_kinds(judge, owner, listener, &field, &mut problems);
        let mut certificates = Vec::new();
        let mut client_validation = None;
        if accepted.is_ok() && listener.protocol == Protocol::Https {
            certificates = load_certificates(judge, owner, listener, &field, &mut problems);
            if let Some(validation) = shared.frontend.on(listener.port) {
                problems.extend(validation.problems.iter().map(|problem| problem_of(owner, problem)));
                match &validation.client {
                    Ok(asked) => client_validation = Some(asked.clone()),
                    Err(problem) => accepted = Err(problem.clone()),
                }
            }
        }
        let mut filters = Filters::default();
        if accepted.is_ok() {
            match filter::resolve(judge, owner, shared, listener, &field, &mut problems) {
                Ok(resolved) => filters = resolved,
                Err(problem) => accepted = Err(problem),
            }
        }
        if let Err(problem) = &accepted {
            judge.find(owner, field.as_str(), problem.message.as_str(), None);
        }
        let allowed_namespaces = allowed_namespaces(judge, owner, listener, &field).unwrap_or_else(|problem| {
            if accepted.is_ok() {
                accepted = Err(problem);
            }
            AllowedNamespaces::Invalid
        });
        let needs_certificate = listener.protocol == Protocol::Https;
        let verdict = ListenerVerdict {
            accepted,
            resolved_refs: summary(problems),
            has_certificate: !needs_certificate || certificates.iter().any(|id| judge.certificates.is_good(id)),
            notes: notes(listener, &field),
            ..ListenerVerdict::default()
        };
        judge.find_notes(owner, &verdict.notes);
        ResolvedListener {
            id: ListenerId::new(format!("{}/{}/{}", owner.kind.name().to_ascii_lowercase(), owner.key, listener.name)),
            gateway: GatewayId::new(shared.gateway.to_string()),
            owner: owner.clone(),
            name: listener.name.clone(),
            port: listener.port,
            protocol: listener.protocol.clone(),
            hostname: Hostname::parse(listener.hostname.as_deref()),
            allowed_kinds,
            allowed_namespaces,
            // Decided once the listener has been compared with the others.
            served: false,
            certificates,
            client_validation,
            filters: filters.requests,
            destinations: filters.destinations,
            verdict,
        }
    };
    declared.iter().enumerate().map(one).collect()
}

/// The kinds of route that can be served under a protocol.
fn fitting_kinds(protocol: &Protocol) -> &'static [Kind] {
    match protocol {
        Protocol::Http | Protocol::Https => &[Kind::HttpRoute, Kind::GrpcRoute],
        Protocol::Tls | Protocol::Tcp | Protocol::Udp | Protocol::Other(_) => &[],
    }
}

fn supported(listener: &Listener) -> Judgement<ListenerRejection> {
    let reject = |reason, message: String| Err(Problem::new(reason, message));
    match &listener.protocol {
        Protocol::Http => {}
        Protocol::Https => {
            let tls = listener.tls.as_ref();
            if tls.is_some_and(|tls| tls.mode == TlsMode::Passthrough) {
                let message = "tls.mode \"Passthrough\" is not possible under HTTPS; \"Terminate\" is".to_owned();
                return reject(ListenerRejection::UnsupportedValue, message);
            }
            if tls.is_none_or(|tls| tls.certificate_refs.is_empty()) {
                let message = "HTTPS needs a certificate: tls.certificateRefs is empty".to_owned();
                return reject(ListenerRejection::UnsupportedValue, message);
            }
        }
        protocol @ (Protocol::Tls | Protocol::Tcp | Protocol::Udp) => {
            let message = format!("protocol {protocol} is not served by this version; HTTP and HTTPS are");
            return reject(ListenerRejection::UnsupportedProtocol, message);
        }
        Protocol::Other(name) => {
            let message = format!("protocol {name:?} is not known; HTTP and HTTPS are");
            return reject(ListenerRejection::UnsupportedProtocol, message);
        }
    }
    Ok(())
}

/// Whose routes may attach.
///
/// # Errors
/// The selector is invalid, and the listener with it: never more is let in than what is written can mean.
fn allowed_namespaces(
    judge: &mut Judge<'_>,
    owner: &ObjectRef,
    listener: &Listener,
    field: &str,
) -> Result<AllowedNamespaces, Problem<ListenerRejection>> {
    let RouteNamespaces { from, selector } = &listener.allowed_routes.namespaces;
    namespaces::resolve(*from, selector.as_ref(), &owner.key.namespace).map_err(|wrong| {
        let mut messages = Vec::with_capacity(wrong.len());
        for InvalidSelector { field: part, message } in wrong {
            let path = format!("allowedRoutes.namespaces.{part}");
            judge.find(owner, format!("{field}.{path}"), message.as_str(), None);
            messages.push(format!("{path}: {message}"));
        }
        Problem::new(ListenerRejection::UnsupportedValue, messages.join("; "))
    })
}

fn allowed_kinds(
    judge: &mut Judge<'_>,
    owner: &ObjectRef,
    listener: &Listener,
    field: &str,
    problems: &mut Vec<Problem<ListenerUnresolved>>,
) -> BTreeSet<Kind> {
    let fitting = fitting_kinds(&listener.protocol);
    let asked = &listener.allowed_routes.kinds;
    // Where no kind fits, the protocol is what is wrong.
    if asked.is_empty() || fitting.is_empty() {
        return fitting.iter().copied().collect();
    }
    let mut allowed = BTreeSet::new();
    for (index, kind) in asked.iter().enumerate() {
        if let Some(kind) = Kind::find(&kind.group, &kind.kind).filter(|kind| fitting.contains(kind)) {
            allowed.insert(kind);
            continue;
        }
        let possible: Vec<&str> = fitting.iter().map(|kind| kind.name()).collect();
        let message = format!(
            "{:?} of group {:?} cannot attach to a listener of protocol {}; possible are: {}",
            kind.kind,
            kind.group,
            listener.protocol,
            possible.join(", ")
        );
        let path = format!("allowedRoutes.kinds[{index}]");
        judge.find(owner, format!("{field}.{path}"), message.as_str(), None);
        problems.push(Problem::new(ListenerUnresolved::InvalidRouteKinds, format!("{path}: {message}")));
    }
    allowed
}

fn load_certificates(
    judge: &mut Judge<'_>,
    owner: &ObjectRef,
    listener: &Listener,
    field: &str,
    problems: &mut Vec<Problem<ListenerUnresolved>>,
) -> Vec<CertificateId> {
    let mut ids = Vec::new();
    let references = listener.tls.iter().flat_map(|tls| &tls.certificate_refs);
    for (index, reference) in references.enumerate() {
        let (id, problem) = judge.certificates.load(judge.world, owner, reference);
        ids.extend(id.filter(|id| !ids.contains(id)));
        let Some(problem) = problem else { continue };
        let reason = match problem.error {
            Some(RefError::NotPermitted(_)) => ListenerUnresolved::RefNotPermitted,
            Some(RefError::InvalidKind { .. } | RefError::NotFound(_)) | None => {
                ListenerUnresolved::InvalidCertificateRef
            }
        };
        let path = format!("tls.certificateRefs[{index}]");
        judge.find(owner, format!("{field}.{path}"), problem.message.as_str(), problem.mend());
        problems.push(Problem::new(reason, format!("{path}: {}", problem.message)));
    }
    ids
}

/// What the owner is told of the Gateway's references to CA certificates: a ListenerSet, which may be another tenant's,
/// not which they are (GEP-1713).
fn problem_of(owner: &ObjectRef, problem: &Problem<ListenerUnresolved>) -> Problem<ListenerUnresolved> {
    if owner.kind == Kind::Gateway {
        return problem.clone();
    }
    Problem::new(problem.reason, "spec.tls.frontend of the Gateway refers to a CA certificate that cannot be used")
}

/// One judgement out of all problems: the gravest reason, every message.
fn summary(problems: Vec<Problem<ListenerUnresolved>>) -> Judgement<ListenerUnresolved> {
    let Some(reason) = problems.iter().map(|problem| problem.reason).min() else { return Ok(()) };
    let messages: Vec<String> = problems.into_iter().map(|problem| problem.message).collect();
    Err(Problem::new(reason, messages.join("; ")))
}

fn notes(listener: &Listener, field: &str) -> Vec<Note> {
    let mut notes = Vec::new();
    let options = listener.tls.as_ref().map(|tls| tls.options.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    if !options.is_empty() {
        notes.push(Note::new(format!("{field}.tls.options"), format!("have no effect: {}", options.join(", "))));
    }
    let RouteNamespaces { from, selector } = &listener.allowed_routes.namespaces;
    if namespaces::ignores_selector(*from, selector.as_ref()) {
        notes.push(Note::new(format!("{field}.allowedRoutes.namespaces.selector"), namespaces::IGNORED));
    }
    notes
}
