//! A Gateway on its own account: class, parameters, addresses, its certificate towards backends.

use super::{
    Judge, Note, Parent,
    address::{self, Place},
    class::ClassVerdict,
    frontend,
    listener::{self, Shared},
    namespaces, parameters,
};
use crate::{
    api::{
        gateway::{Gateway, ListenerNamespaces},
        meta::InvalidSelector,
        parameters::{EVERYWHERE, Parameters, merge},
        shared::SecretObjectReference,
    },
    plan::{CertificateId, Strictness},
    reference::RefError,
    status::{
        Judgement, Problem,
        reason::{GatewayRejection, GatewayUnresolved},
    },
    world::{Controllers, DataPlane, Kind, ObjectKey, ObjectRef},
};

/// What status says of a Gateway, apart from its listeners.
#[derive(Clone, Debug)]
pub struct GatewayVerdict {
    pub controller_name: String,
    pub data_plane: DataPlane,
    /// On the Gateway's own account: whether its listeners are good is theirs to say.
    pub accepted: Judgement<GatewayRejection>,
    pub resolved_refs: Judgement<GatewayUnresolved>,
    /// Those of its class with its own laid over them. `None` when nothing is to be provisioned from them: they are wrong,
    /// the Gateway is not accepted, or nothing ever is (standalone).
    pub parameters: Option<Parameters>,
    /// What its parameters say of requests that servers read differently, standalone too.
    pub strictness: Strictness,
    /// Shown to backends that a BackendTLSPolicy is for.
    pub client_certificate: Option<CertificateId>,
    /// Clients are let in whose certificate is bad or missing.
    pub insecure_fallback: bool,
    pub notes: Vec<Note>,
}

impl GatewayVerdict {
    /// Whether its listeners are served, so far as that is up to it. Parameters shape what runs a Gateway, not what it
    /// serves: wrong ones make nothing anew, and take no traffic away.
    pub fn serves(&self) -> bool {
        match &self.accepted {
            Ok(()) => true,
            Err(problem) => problem.reason == GatewayRejection::InvalidParameters,
        }
    }
}

/// Standalone, a Gateway without a class is an oversight; in a cluster, it is another controller's.
pub(super) fn report_missing_class(judge: &mut Judge<'_>, key: &ObjectKey, gateway: &Gateway) {
    if judge.world.settings.controllers == Controllers::All {
        let object = ObjectRef { kind: Kind::Gateway, key: key.clone() };
        let message =
            format!("GatewayClass {:?} does not exist: nobody serves this Gateway", gateway.spec.gateway_class_name);
        judge.find(&object, "spec.gatewayClassName", message, None);
    }
}

pub(super) fn judge(judge: &mut Judge<'_>, key: &ObjectKey, gateway: &Gateway, class: &ClassVerdict) -> GatewayVerdict {
    let object = ObjectRef { kind: Kind::Gateway, key: key.clone() };
    let mut notes = notes(judge, gateway, class);
    let parameters = class_accepted(gateway, class)
        .and_then(|()| parameters(judge, key, gateway, class, &mut notes))
        .and_then(|parameters| address::supported(gateway).map(|()| parameters));
    notes.extend(address::note(gateway, place(judge, class, parameters.as_ref().ok())));
    let accepted = parameters.as_ref().map(|_| ()).map_err(Clone::clone);
    if let Err(problem) = &accepted {
        judge.find(&object, "", problem.message.as_str(), None);
    }
    judge.find_notes(&object, &notes);
    notes.extend(invalid_allowed_listeners(judge, &object, gateway));
    let reference = gateway.spec.tls.backend.as_ref().and_then(|backend| backend.client_certificate_ref.as_ref());
    let (client_certificate, resolved_refs) = match reference {
        None => (None, Ok(())),
        Some(reference) => client_certificate(judge, &object, reference),
    };
    GatewayVerdict {
        controller_name: class.controller_name.clone(),
        data_plane: match (judge.world.settings.merge_gateways, class.merges) {
            (true, _) => DataPlane::Merged,
            (false, true) => DataPlane::Class(gateway.spec.gateway_class_name.clone()),
            (false, false) => DataPlane::Gateway(key.clone()),
        },
        accepted,
        resolved_refs,
        strictness: parameters.as_ref().map(Parameters::strictness).unwrap_or_default(),
        parameters: parameters.ok().filter(|_| !judge.world.settings.merge_gateways),
        client_certificate,
        insecure_fallback: frontend::is_insecure(gateway),
        notes,
    }
}

/// Says of `allowedListeners` that it lets no ListenerSet in because its selector is invalid. The Gateway's own listeners
/// are served all the same.
fn invalid_allowed_listeners(judge: &mut Judge<'_>, object: &ObjectRef, gateway: &Gateway) -> Vec<Note> {
    let ListenerNamespaces { from, selector } = &gateway.spec.allowed_listeners.namespaces;
    let wrong = namespaces::resolve(*from, selector.as_ref(), &object.key.namespace).err().unwrap_or_default();
    let note = |InvalidSelector { field, message }| {
        Note::new(format!("spec.allowedListeners.namespaces.{field}"), format!("{message}; no ListenerSet is allowed"))
    };
    let notes: Vec<Note> = wrong.into_iter().map(note).collect();
    for note in &notes {
        judge.find(object, note.field.as_str(), note.message.as_str(), None);
    }
    notes
}

/// The Gateway as a parent of routes, with its own listeners.
pub(super) fn parent(
    judge: &mut Judge<'_>,
    owner: ObjectRef,
    gateway: &Gateway,
    verdict: &GatewayVerdict,
    shared: Shared<'_>,
) -> Parent {
    Parent {
        listeners: listener::resolve(judge, &owner, shared, &gateway.spec.listeners),
        gateway: owner.key.clone(),
        owner,
        controller_name: verdict.controller_name.clone(),
        data_plane: verdict.data_plane.clone(),
        strictness: verdict.strictness,
    }
}

fn class_accepted(gateway: &Gateway, class: &ClassVerdict) -> Judgement<GatewayRejection> {
    match &class.accepted {
        Ok(()) => Ok(()),
        Err(problem) => Err(Problem::new(
            GatewayRejection::InvalidParameters,
            format!("GatewayClass {:?} is not accepted: {}", gateway.spec.gateway_class_name, problem.message),
        )),
    }
}

/// The class's parameters with the Gateway's own laid over them. A data plane that Gateways share is shaped by the class
/// alone.
fn parameters(
    judge: &Judge<'_>,
    key: &ObjectKey,
    gateway: &Gateway,
    class: &ClassVerdict,
    notes: &mut Vec<Note>,
) -> Result<Parameters, Problem<GatewayRejection>> {
    const FIELD: &str = "spec.infrastructure.parametersRef";
    let wrong = |why: String| Problem::new(GatewayRejection::InvalidParameters, format!("{FIELD}: {why}"));
    let infrastructure = gateway.spec.infrastructure.as_ref();
    let reference = infrastructure.and_then(|infrastructure| infrastructure.parameters_ref.as_ref());
    let mut spec = class.parameters.clone();
    if let Some(reference) = reference {
        let found =
            parameters::resolve(judge.world, &reference.group, &reference.kind, &key.namespace, &reference.name)
                .map_err(wrong)?;
        notes.extend(found.note.map(|message| Note::new(FIELD, message)));
        if class.merges {
            notes.push(Note::new(FIELD, SHARED));
        } else {
            if found.spec.contains_key("mergeGateways") {
                notes.push(Note::new(FIELD, "mergeGateways has an effect in a GatewayClass's parameters only"));
            }
            spec = merge(&spec, &found.spec);
        }
    }
    if judge.world.settings.merge_gateways {
        spec.retain(|field, _| EVERYWHERE.contains(&field.as_str()));
    }
    Parameters::read(&spec).map_err(wrong)
}

/// Where a Gateway's addresses come from.
fn place<'p>(judge: &Judge<'_>, class: &ClassVerdict, parameters: Option<&'p Parameters>) -> Place<'p> {
    match (judge.world.settings.merge_gateways, class.merges) {
        (true, _) => Place::Standalone,
        (false, true) => Place::Shared,
        (false, false) => Place::Own(parameters),
    }
}

/// Why what a Gateway says of its infrastructure does not count.
const SHARED: &str =
    "has no effect: the Gateways of this class share one data plane, which the class's parameters shape";

fn notes(judge: &Judge<'_>, gateway: &Gateway, class: &ClassVerdict) -> Vec<Note> {
    let mut notes = Vec::new();
    let infrastructure = gateway.spec.infrastructure.as_ref();
    if infrastructure.is_some_and(|it| !it.labels.is_empty() || !it.annotations.is_empty()) {
        match (judge.world.settings.merge_gateways, class.merges) {
            (true, _) => {
                let message = "labels and annotations have no effect: nothing is provisioned";
                notes.push(Note::new("spec.infrastructure", message));
            }
            (false, true) => notes.push(Note::new("spec.infrastructure", SHARED)),
            (false, false) => {}
        }
    }
    let ListenerNamespaces { from, selector } = &gateway.spec.allowed_listeners.namespaces;
    if namespaces::ignores_selector(*from, selector.as_ref()) {
        notes.push(Note::new("spec.allowedListeners.namespaces.selector", namespaces::IGNORED));
    }
    notes
}

fn client_certificate(
    judge: &mut Judge<'_>,
    gateway: &ObjectRef,
    reference: &SecretObjectReference,
) -> (Option<CertificateId>, Judgement<GatewayUnresolved>) {
    const FIELD: &str = "spec.tls.backend.clientCertificateRef";
    let (id, problem) = judge.certificates.load(judge.world, gateway, reference);
    let Some(problem) = problem else { return (id, Ok(())) };
    let reason = match problem.error {
        Some(RefError::NotPermitted(_)) => GatewayUnresolved::RefNotPermitted,
        Some(RefError::InvalidKind { .. } | RefError::NotFound(_)) | None => {
            GatewayUnresolved::InvalidClientCertificateRef
        }
    };
    judge.find(gateway, FIELD, problem.message.as_str(), problem.mend());
    (id, Err(Problem::new(reason, format!("{FIELD}: {}", problem.message))))
}
