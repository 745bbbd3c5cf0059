//! What is known of the cluster: the World, and how far the watches that fill it are.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use gatewright_core::world::{Bundle, Kind, ObjectRef, Settings, World};

use crate::{
    interest,
    status::Desk,
    vitals::Vitals,
    watch::{Change, Failure, PER_NAMESPACE, Seen, Subject, Unread},
};

/// How long a namespace's Secrets and ConfigMaps are waited for before they count as absent.
const NAMESPACE_WAIT: Duration = Duration::from_secs(5);

/// The World, and how it came about.
pub(crate) struct Picture {
    pub(crate) world: World,
    desk: Arc<Desk>,
    vitals: Arc<Vitals>,
    /// `None` before the API server has said it.
    served: Option<BTreeSet<Kind>>,
    /// The subjects that are watched for the sake of those who refer to them, with when they were first wanted.
    wanted: BTreeMap<Subject, Instant>,
    /// Those that were listed, or cannot be.
    settled: BTreeSet<Subject>,
    /// Subjects whose watch fails, and why.
    failing: BTreeMap<Subject, Failure>,
    unread: BTreeSet<ObjectRef>,
    /// Whether the World was acted upon.
    is_in_use: bool,
}

impl Picture {
    pub(crate) fn new(settings: Settings, desk: Arc<Desk>, vitals: Arc<Vitals>) -> Self {
        Self {
            world: World::new(settings),
            desk,
            vitals,
            served: None,
            wanted: BTreeMap::new(),
            settled: BTreeSet::new(),
            failing: BTreeMap::new(),
            unread: BTreeSet::new(),
            is_in_use: false,
        }
    }

    /// Notes that the World is acted upon.
    pub(crate) fn used(&mut self) {
        self.is_in_use = true;
    }

    /// Draws one change.
    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::Served { kinds, bundle } => self.serve(kinds, bundle),
            Change::Listed { subject, objects, unread } => self.list(subject, objects, &unread),
            Change::Applied(seen) => self.see(*seen),
            Change::Unread(unread) => self.cannot_read(&unread),
            Change::Deleted(object) => {
                self.unread.remove(&object);
                self.desk.lost(&object);
                self.world.remove(&object);
            }
            Change::Failing { subject, failure } => self.fail(subject, failure),
            Change::Well { subject } => self.well(&subject),
        }
    }

    fn serve(&mut self, kinds: BTreeSet<Kind>, bundle: Bundle) {
        let before = self.served.take().unwrap_or_default();
        for kind in kinds.difference(&before) {
            tracing::info!(kind = kind.name(), "watching a kind");
        }
        for kind in before.difference(&kinds) {
            tracing::warn!(kind = kind.name(), "the API server no longer serves a kind; its objects are gone");
            self.list(Subject { kind: *kind, namespace: None }, Vec::new(), &[]);
            self.settled.retain(|subject| subject.kind != *kind);
            self.failing.retain(|subject, _| subject.kind != *kind);
        }
        self.tell_failing();
        self.world.observed.bundle = bundle;
        self.world.observed.unserved = Kind::ALL.iter().copied().filter(|kind| !kinds.contains(kind)).collect();
        self.served = Some(kinds);
    }

    fn list(&mut self, subject: Subject, objects: Vec<Seen>, unread: &[Unread]) {
        let listed: BTreeSet<ObjectRef> = objects.iter().map(|seen| seen.object.object_ref()).collect();
        let gone: Vec<ObjectRef> = self
            .world
            .keys(subject.kind)
            .map(|key| ObjectRef { kind: subject.kind, key: key.clone() })
            .filter(|object| subject.covers(object) && !listed.contains(object))
            .collect();
        self.desk.keep(&subject, &listed);
        self.unread.retain(|object| !subject.covers(object));
        for object in gone {
            self.world.remove(&object);
        }
        objects.into_iter().for_each(|seen| self.see(seen));
        unread.iter().for_each(|unread| self.cannot_read(unread));
        self.well(&subject);
        self.settled.insert(subject);
    }

    fn see(&mut self, seen: Seen) {
        let object = seen.object.object_ref();
        self.unread.remove(&object);
        self.desk.saw(&object, seen.stored);
        self.world.insert(seen.object);
    }

    /// What cannot be read is as if it were not there, and affects nobody else.
    fn cannot_read(&mut self, unread: &Unread) {
        if self.unread.insert(unread.object.clone()) {
            tracing::warn!(object = %unread.object, why = %unread.why, "an object cannot be read");
        }
        self.world.remove(&unread.object);
    }

    fn fail(&mut self, subject: Subject, failure: Failure) {
        match (&failure, self.failing.get(&subject)) {
            (Failure::Forbidden(why), before) => {
                if !matches!(before, Some(Failure::Forbidden(_))) {
                    tracing::error!(%subject, %why, "RBAC forbids a watch; everything else goes on");
                }
                // Nothing will come of waiting; but a controller that begins must not take what it may not see for gone:
                // whoever it replaces served it, and goes on.
                if self.is_in_use || !is_essential(subject.kind) {
                    self.settled.insert(subject.clone());
                }
            }
            (Failure::Unavailable(why), None) => {
                tracing::warn!(%subject, %why, "a watch fails; what was known stays, trying again");
            }
            // That nobody answers now does not mean that it is allowed.
            (Failure::Unavailable(_), Some(Failure::Forbidden(_))) => return,
            (Failure::Unavailable(_), Some(Failure::Unavailable(_))) => {}
        }
        self.failing.insert(subject, failure);
        self.tell_failing();
    }

    fn well(&mut self, subject: &Subject) {
        if self.failing.remove(subject).is_some() {
            tracing::info!(%subject, "a watch is well again");
            self.tell_failing();
        }
    }

    /// Shows what cannot be read now: in the metrics, and to those who refer to it.
    fn tell_failing(&mut self) {
        self.vitals.failing(self.failing.iter());
        let forbidden = self.failing.iter().filter(|(_, failure)| matches!(failure, Failure::Forbidden(_)));
        self.world.observed.forbidden =
            forbidden.map(|(subject, _)| (subject.kind, subject.namespace.clone())).collect();
    }

    /// Looks up which Secrets and ConfigMaps are of interest, and says whether that changed.
    pub(crate) fn find_wanted(&mut self) -> Option<BTreeSet<Subject>> {
        let wanted = interest::subjects(&self.world);
        if self.wanted.len() == wanted.len() && wanted.iter().all(|subject| self.wanted.contains_key(subject)) {
            return None;
        }
        let unwanted: Vec<Subject> = self.wanted.keys().filter(|it| !wanted.contains(it)).cloned().collect();
        for subject in unwanted {
            self.wanted.remove(&subject);
            self.list(subject.clone(), Vec::new(), &[]);
            self.settled.remove(&subject);
            self.failing.remove(&subject);
        }
        self.tell_failing();
        for subject in &wanted {
            self.wanted.entry(subject.clone()).or_insert_with(Instant::now);
        }
        Some(wanted)
    }

    /// Whether the World is whole enough to act upon. With less, what merely is not known yet would count as deleted.
    pub(crate) fn readiness(&self) -> Readiness {
        let Some(served) = &self.served else { return Readiness::Waiting };
        let whole = served.iter().filter(|kind| !PER_NAMESPACE.contains(kind));
        let is_whole = whole.clone().all(|kind| self.settled.contains(&Subject { kind: *kind, namespace: None }));
        if !is_whole {
            return Readiness::Waiting;
        }
        let missing = self.wanted.iter().filter(|(subject, _)| !self.settled.contains(subject));
        match missing.map(|(_, since)| *since + NAMESPACE_WAIT).max() {
            Some(until) if until > Instant::now() => Readiness::Until(until),
            Some(_) | None => Readiness::Ready,
        }
    }
}

/// Whether a World without objects of a kind, though there are some, would end traffic or leave it unprotected.
fn is_essential(kind: Kind) -> bool {
    match kind {
        Kind::GatewayClass
        | Kind::Gateway
        | Kind::ListenerSet
        | Kind::HttpRoute
        | Kind::GrpcRoute
        | Kind::BackendTlsPolicy
        | Kind::ReferenceGrant
        | Kind::Service
        | Kind::EndpointSlice
        | Kind::Namespace => true,
        // Not served yet; wrong parameters take nothing away; and which Secrets may be read is for people to say.
        Kind::TlsRoute
        | Kind::TcpRoute
        | Kind::UdpRoute
        | Kind::XBackend
        | Kind::XBackendTrafficPolicy
        | Kind::XTelemetryPolicy
        | Kind::XMesh
        | Kind::GatewayParameters
        | Kind::EnvoyProxy
        | Kind::Secret
        | Kind::ConfigMap
        | Kind::ClusterTrustBundle => false,
    }
}

/// Whether the World may be acted upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    Ready,
    /// Ready then, whatever is missing.
    Until(Instant),
    Waiting,
}

#[cfg(test)]
mod tests;
