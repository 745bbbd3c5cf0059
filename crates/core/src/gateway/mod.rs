//! From GatewayClasses, Gateways and ListenerSets to the listeners that routes attach to.
//!
//! Decides which listeners there are, what each one takes and whether it is served. Knows nothing of routes, and nothing
//! that was observed: what is served follows from the manifests alone, so that a port that cannot be bound stays in the
//! Plan and is tried again.

mod address;
mod certificate;
mod class;
mod conflict;
mod filter;
mod frontend;
mod listener;
mod listener_set;
mod namespaces;
mod overlap;
mod own;
mod parameters;
mod ports;

use std::collections::{BTreeMap, BTreeSet};

pub use address::{Assignment, assign};
pub(crate) use address::{Reach, is_confined};
pub use class::ClassVerdict;
pub use listener_set::ListenerSetVerdict;
pub use overlap::Overlap;
pub use own::GatewayVerdict;
pub(crate) use ports::destinations;
pub use ports::{data_planes, is_planned, ports};

use crate::{
    api::{
        gateway::Protocol,
        meta::{ObjectMeta, Selector},
    },
    backend::Destination,
    plan::{Certificate, CertificateId, ClientValidation, GatewayId, Hostname, ListenerFilter, ListenerId, Strictness},
    policy::backend_tls::{Ancestor, BackendTlsPolicies},
    reference::Reads,
    status::{
        Judgement,
        reason::{Conflict, ListenerRejection, ListenerUnresolved},
    },
    verdict::{Mend, Verdict},
    world::{DataPlane, Kind, ObjectKey, ObjectRef, Objects, World},
};
pub(crate) use certificate::Certificates;
use frontend::Frontend;
use listener::Shared;
use listener_set::Extended;

/// Something that a route can name as its parent: a Gateway or a ListenerSet that is ours to serve.
#[derive(Clone, Debug, PartialEq)]
pub struct Parent {
    /// The Gateway or ListenerSet.
    pub owner: ObjectRef,
    /// The Gateway itself, or the one that the ListenerSet extends.
    pub gateway: ObjectKey,
    /// Of the Gateway's class; statuses are written in its name.
    pub controller_name: String,
    pub data_plane: DataPlane,
    /// What the Gateway's parameters say.
    pub strictness: Strictness,
    /// In the manifest's order. Those that are not served are here, too: routes attach to them all the same. None on a
    /// ListenerSet that its Gateway does not allow.
    pub listeners: Vec<ResolvedListener>,
}

/// Every parent that routes can attach to. One that is absent is nobody's, or another controller's: no status for it.
pub type Parents = BTreeMap<ObjectRef, Parent>;

/// A listener of a Gateway or ListenerSet, with all that its manifest decides.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedListener {
    pub id: ListenerId,
    pub gateway: GatewayId,
    /// The Gateway or ListenerSet that declares it.
    pub owner: ObjectRef,
    pub name: String,
    pub port: u16,
    pub protocol: Protocol,
    pub hostname: Hostname,
    /// The kinds of route that may attach, among those that fit the protocol.
    pub allowed_kinds: BTreeSet<Kind>,
    pub allowed_namespaces: AllowedNamespaces,
    /// Whether it is in the Plan: its Gateway and itself accepted, no conflict, a certificate if it needs one.
    pub served: bool,
    /// Those of its `certificateRefs` that lead to a Secret, in the manifest's order. Their content may be bad.
    pub certificates: Vec<CertificateId>,
    /// What clients must prove; `None` if nothing, or if it cannot be asked and the listener is not accepted.
    pub client_validation: Option<ClientValidation>,
    /// What every request goes through before a route is looked for.
    pub filters: Vec<ListenerFilter>,
    /// Where the filters lead, each once.
    pub(crate) destinations: Vec<Destination>,
    pub verdict: ListenerVerdict,
}

/// What status says of a listener.
#[derive(Clone, Debug, PartialEq)]
pub struct ListenerVerdict {
    pub accepted: Judgement<ListenerRejection>,
    pub conflict: Judgement<Conflict>,
    pub resolved_refs: Judgement<ListenerUnresolved>,
    /// Whether at least one of the certificates is good; true where none is needed.
    pub has_certificate: bool,
    /// The TLS of another listener overlaps this one's.
    pub overlap: Option<Overlap>,
    pub notes: Vec<Note>,
}

/// A field that has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// From the object's root, such as `spec.defaultScope`.
    pub field: String,
    pub message: String,
}

impl Note {
    fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

impl Default for ListenerVerdict {
    fn default() -> Self {
        Self {
            accepted: Ok(()),
            conflict: Ok(()),
            resolved_refs: Ok(()),
            has_certificate: true,
            overlap: None,
            notes: Vec::new(),
        }
    }
}

impl Parent {
    /// Whether labels of a route's namespace can decide what it attaches to.
    pub fn selects_namespaces(&self) -> bool {
        self.listeners.iter().any(|found| matches!(found.allowed_namespaces, AllowedNamespaces::Selector(_)))
    }
}

impl ResolvedListener {
    /// Whether nothing is wrong with the listener itself or beside the others.
    pub fn is_accepted(&self) -> bool {
        self.verdict.accepted.is_ok() && self.verdict.conflict.is_ok()
    }

    /// Whether it can answer a request.
    pub fn works(&self) -> bool {
        self.served && self.verdict.has_certificate
    }
}

/// Which namespaces something is allowed to come from.
#[derive(Clone, Debug, PartialEq)]
pub enum AllowedNamespaces {
    All,
    /// One alone.
    Same(String),
    Selector(Selector),
    None,
    /// Nobody: what should have chosen them is invalid.
    Invalid,
}

impl AllowedNamespaces {
    pub fn allows(&self, world: &World, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::Same(own) => own == namespace,
            Self::Selector(selector) => selector.matches(&world.namespace_labels(namespace)),
            Self::None | Self::Invalid => false,
        }
    }
}

/// What the Gateway half of the compiler hands on.
#[derive(Clone, Debug, Default)]
pub struct Gateways {
    /// Those whose controller is ours.
    pub classes: BTreeMap<ObjectKey, ClassVerdict>,
    /// Those of our classes.
    pub gateways: BTreeMap<ObjectKey, GatewayVerdict>,
    /// Those that extend a Gateway of ours.
    pub listener_sets: BTreeMap<ObjectKey, ListenerSetVerdict>,
    pub parents: Parents,
    /// Every Secret that a Gateway or ListenerSet refers to and may.
    pub certificates: BTreeMap<CertificateId, Certificate>,
    pub findings: Vec<Verdict>,
    /// Who leads, by filters of listeners, to which Service that a policy names.
    pub(crate) uses: BTreeSet<(ObjectKey, Ancestor)>,
    /// What the filters of listeners were made of, apart from what is judged again whenever it changes.
    pub(crate) reads: Reads,
}

/// Resolves every GatewayClass, Gateway and ListenerSet that is ours.
pub(crate) fn resolve(world: &World, tls: &BackendTlsPolicies) -> Gateways {
    resolve_with(world, tls, &mut Certificates::default())
}

/// The same, with `certificates` to be asked for Secrets.
pub(crate) fn resolve_with(world: &World, tls: &BackendTlsPolicies, certificates: &mut Certificates) -> Gateways {
    let (findings, uses, reads) = Default::default();
    let mut judge = Judge { world, tls, certificates, findings, uses, reads };
    let mut resolved = Gateways { classes: class::resolve(&mut judge), ..Gateways::default() };
    let mut sets = listener_set::by_gateway(&mut judge);
    let mut claims: BTreeMap<DataPlane, conflict::Claims> = BTreeMap::new();
    for (key, gateway) in by_age(&world.gateways, |gateway| &gateway.metadata) {
        let Some(class) = resolved.classes.get(&ObjectKey::cluster(&gateway.spec.gateway_class_name)) else {
            own::report_missing_class(&mut judge, key, gateway);
            continue;
        };
        let verdict = own::judge(&mut judge, key, gateway, class);
        let owner = ObjectRef { kind: Kind::Gateway, key: key.clone() };
        let frontend = Frontend::judge(&mut judge, &owner, gateway);
        let shared = Shared {
            gateway: key,
            controller_name: &verdict.controller_name,
            frontend: &frontend,
            client_certificate: verdict.client_certificate.as_ref(),
        };
        let mut parent = own::parent(&mut judge, owner, gateway, &verdict, shared);
        let mut plane = conflict::Plane::new(claims.entry(verdict.data_plane.clone()).or_default());
        plane.admit(&mut parent.listeners, verdict.serves());
        let has_listener = parent.listeners.iter().any(ResolvedListener::is_accepted);
        let parent_accepted = verdict.accepted.is_ok() && has_listener;
        let extended = Extended { gateway, shared, parent: &parent, accepted: parent_accepted };
        for (set_key, set) in sets.remove(key).unwrap_or_default() {
            let (set_verdict, mut set_parent) = listener_set::resolve(&mut judge, set_key, set, &extended);
            plane.admit(&mut set_parent.listeners, verdict.serves() && has_listener);
            resolved.listener_sets.insert(set_key.clone(), set_verdict);
            resolved.parents.insert(set_parent.owner.clone(), set_parent);
        }
        resolved.parents.insert(parent.owner.clone(), parent);
        resolved.gateways.insert(key.clone(), verdict);
    }
    listener_set::report_missing_gateways(&mut judge, &sets);
    overlap::find(&mut resolved.parents, judge.certificates);
    conflict::report(&mut judge, &resolved.parents);
    Gateways {
        certificates: judge.certificates.to_plan(),
        findings: judge.findings,
        uses: judge.uses,
        reads: judge.reads,
        ..resolved
    }
}

/// What is known and found while judging.
struct Judge<'w> {
    world: &'w World,
    tls: &'w BackendTlsPolicies,
    certificates: &'w mut Certificates,
    findings: Vec<Verdict>,
    uses: BTreeSet<(ObjectKey, Ancestor)>,
    reads: Reads,
}

impl Judge<'_> {
    fn find(&mut self, object: &ObjectRef, field: impl Into<String>, message: impl Into<String>, mend: Option<Mend>) {
        self.findings.push(Verdict { mend, ..Verdict::error(object, field, message) });
    }

    fn find_notes(&mut self, object: &ObjectRef, notes: &[Note]) {
        self.findings
            .extend(notes.iter().map(|note| Verdict::warning(object, note.field.as_str(), note.message.as_str())));
    }
}

/// Orders objects as the API breaks ties: the oldest first, then by namespace and name; without a creation time, last.
fn by_age<T>(objects: &Objects<T>, metadata: fn(&T) -> &ObjectMeta) -> Vec<(&ObjectKey, &T)> {
    let mut objects: Vec<_> = objects.iter().collect();
    // The sort is stable, and the map is in the order of namespace and name.
    objects.sort_by_key(|(_, object)| metadata(object).creation_timestamp.map_or(u64::MAX, |time| time.0));
    objects
}
