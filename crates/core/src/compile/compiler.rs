//! The compiler with a memory: the same Outcome as [`super::compile`], at the price of what changed.
//!
//! [`World`] notes what [`World::insert`] and [`World::remove`] change. Each route's result is kept with the list of what
//! it was made of, and made anew when that changed; Gateways are few and judged together. Endpoints are in no route's
//! list, so that their churn touches no route.
//!
//! ```text
//! let mut compiler = Compiler::default();          // one per World
//! world.insert(object);  world.observed = facts;   // any number of changes, then:
//! let delta = compiler.compile(&mut world);        // names what is different now, exactly
//! compiler.outcome().statuses.get(&object);        // None: no status of ours (anymore)
//! ```
//!
//! What a [`Delta`] does not name is not merely equal: it is the same `Arc` as before. A Plan that somebody still holds is
//! copied when it changes (pointers, not content), and one that nobody holds is changed where it is.

use std::collections::{BTreeMap, BTreeSet};

use super::{Delta, Outcome, plans::Plans, record, routes::Routes};
use crate::{
    gateway::{self, Certificates, Gateways, Parent},
    infrastructure,
    plan::CertificateId,
    policy::{backend_tls::BackendTlsPolicies, unenforced},
    reference::Read,
    route::Known,
    status::{self, Status},
    world::{Changes, Kind, ObjectKey, ObjectRef, Observed, World},
};

/// Keeps an [`Outcome`] up to date with one [`World`].
#[derive(Debug, Default)]
pub struct Compiler {
    outcome: Outcome,
    /// Whether there was a compilation yet.
    started: bool,
    observed: Observed,
    gateways: Gateways,
    certificates: Certificates,
    tls: BackendTlsPolicies,
    routes: Routes,
    plans: Plans,
}

/// Which pieces of the compiler, apart from single routes, have to be done again.
#[derive(Clone, Copy, Debug, Default)]
struct Pieces {
    gateways: bool,
    policies: bool,
    unenforced: bool,
}

impl Compiler {
    /// What the World meant when it was last compiled.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Takes what changed in the World since the last time, and says what follows from it. The World must be the same
    /// one every time, and nobody else may take its changes.
    pub fn compile(&mut self, world: &mut World) -> Delta {
        let changes = world.take_changes();
        let world = &*world;
        let first = !std::mem::replace(&mut self.started, true);
        let observed = first || self.observed != world.observed;
        // Whatever refers to something that is not there says why.
        let first = first || self.observed.forbidden != world.observed.forbidden;
        let mut pieces = pieces(&changes, first);
        if observed {
            pieces.gateways |= self.observed.bundle != world.observed.bundle;
            pieces.gateways |= self.observed.unserved != world.observed.unserved;
            pieces.policies |= self.observed.unserved != world.observed.unserved;
            pieces.gateways |= self.observed.shared_classes != world.observed.shared_classes;
            self.observed = world.observed.clone();
        }
        let mut delta = Delta::default();
        let mut stale = stale(&changes);
        if pieces.policies {
            self.judge_policies(world, &mut stale, &mut delta);
        }
        pieces.gateways |= stale.iter().any(|read| self.gateways.reads.0.contains(read));
        if pieces.gateways {
            self.judge_gateways(world, &changes, &mut stale, &mut delta);
        }
        if pieces.gateways || pieces.unenforced {
            self.judge_unenforced(world, &mut delta);
        }
        self.route(world, changes, &stale, first, &mut delta);
        self.plans.settle(world, &self.gateways, pieces.gateways, &mut self.outcome.plans, &mut delta);
        self.report(world, observed, pieces, &mut delta);
        delta
    }

    /// Judges classes, Gateways and ListenerSets again; what they decide for routes and did not before is stale.
    fn judge_gateways(&mut self, world: &World, changes: &Changes, stale: &mut BTreeSet<Read>, delta: &mut Delta) {
        self.certificates = std::mem::take(&mut self.certificates).again(&changes.objects);
        let before =
            std::mem::replace(&mut self.gateways, gateway::resolve_with(world, &self.tls, &mut self.certificates));
        self.plans.replace_filters(&before.parents, &self.gateways.parents);
        self.routes.recount_uses(&before.uses, &self.gateways.uses);
        let owners: BTreeSet<&ObjectRef> = before.parents.keys().chain(self.gateways.parents.keys()).collect();
        for owner in owners {
            if offer(&before, owner) != offer(&self.gateways, owner) {
                stale.insert(Read::Object(owner.clone()));
                stale.insert(Read::EveryGateway);
            }
        }
        record::findings(&mut self.outcome, &judged_with_gateways(), self.gateways.findings.clone(), delta);
        let infrastructure = infrastructure::resolve(world, &self.gateways);
        let planes = self.outcome.infrastructure.keys().chain(infrastructure.keys());
        let differs = |plane: &&_| self.outcome.infrastructure.get(*plane) != infrastructure.get(*plane);
        delta.infrastructure.extend(planes.filter(differs).cloned());
        self.outcome.infrastructure = infrastructure;
    }

    /// Judges BackendTLSPolicies again; Services for which they demand something else are stale.
    fn judge_policies(&mut self, world: &World, stale: &mut BTreeSet<Read>, delta: &mut Delta) {
        let before = std::mem::replace(&mut self.tls, BackendTlsPolicies::new(world));
        let service = |key: &ObjectKey| Read::Object(ObjectRef { kind: Kind::Service, key: key.clone() });
        stale.extend(before.differing(&self.tls).map(service));
        record::findings(&mut self.outcome, &[Kind::BackendTlsPolicy], self.tls.findings(), delta);
    }

    fn judge_unenforced(&mut self, world: &World, delta: &mut Delta) {
        const KINDS: [Kind; 4] = [Kind::XBackend, Kind::XBackendTrafficPolicy, Kind::XTelemetryPolicy, Kind::XMesh];
        let judged = unenforced::resolve(world, &self.gateways);
        record::findings(&mut self.outcome, &KINDS, judged.findings, delta);
        let statuses = status::of_policies(world, &judged.policies);
        record::statuses(&mut self.outcome, &KINDS, statuses, delta);
    }

    /// Resolves again the routes that changed, and those that were made of something stale.
    fn route(&mut self, world: &World, changes: Changes, stale: &BTreeSet<Read>, first: bool, delta: &mut Delta) {
        let known = Known { world, gateways: &self.gateways, tls: &self.tls };
        let mut routes: BTreeSet<ObjectRef> = match first {
            true => crate::route::all(world).collect(),
            false => self.routes.made_of(stale),
        };
        self.plans.endpoints_changed(stale, changes.endpoints);
        routes.extend(changes.objects.into_iter().filter(|object| is_route(object.kind)));
        for object in routes {
            let found = self.routes.resolve(known, &object, &mut self.plans);
            record::findings_of(&mut self.outcome, &object, found.findings, delta);
            let status = (!found.verdicts.is_empty()).then(|| status::of_route(world, &object, &found.verdicts));
            record::status(&mut self.outcome, object, status, delta);
        }
    }

    /// Builds the statuses that depend on routes, or on what was observed, too.
    fn report(&mut self, world: &World, observed: bool, pieces: Pieces, delta: &mut Delta) {
        let recounted = self.routes.take_recounted();
        if pieces.gateways {
            let classes = status::of_classes(world, &self.gateways);
            record::statuses(&mut self.outcome, &[Kind::GatewayClass], classes, delta);
        }
        if pieces.gateways || observed {
            let statuses = status::of_gateways(world, &self.gateways, self.routes.attached(), |_| true);
            record::statuses(&mut self.outcome, &[Kind::Gateway, Kind::ListenerSet], statuses, delta);
        } else if !recounted.is_empty() {
            let recounted = |parent: &&Parent| parent.listeners.iter().any(|found| recounted.contains(&found.id));
            let parents = self.gateways.parents.values().filter(recounted);
            let families: BTreeSet<&ObjectKey> = parents.map(|parent| &parent.gateway).collect();
            let wanted = |gateway: &ObjectKey| families.contains(gateway);
            let statuses = status::of_gateways(world, &self.gateways, self.routes.attached(), wanted);
            record::each_status(&mut self.outcome, statuses, delta);
        }
        let services = self.routes.take_other_users();
        if pieces.policies {
            let verdicts = self.tls.verdicts(self.routes.users(), |_| true);
            let statuses = status::of_policies(world, &verdicts);
            record::statuses(&mut self.outcome, &[Kind::BackendTlsPolicy], statuses, delta);
        } else if !services.is_empty() {
            let verdicts = self.tls.verdicts(self.routes.users(), |service| services.contains(service));
            let statuses: BTreeMap<ObjectRef, Status> = status::of_policies(world, &verdicts);
            record::each_status(&mut self.outcome, statuses, delta);
        }
    }
}

/// What routes see of a Gateway or ListenerSet: its listeners, and what its Gateway shows to backends.
fn offer<'g>(gateways: &'g Gateways, owner: &ObjectRef) -> Option<(&'g Parent, Option<&'g CertificateId>)> {
    let parent = gateways.parents.get(owner)?;
    Some((parent, gateways.gateways.get(&parent.gateway)?.client_certificate.as_ref()))
}

/// What routes may have been made of that changed.
fn stale(changes: &Changes) -> BTreeSet<Read> {
    let mut stale: BTreeSet<Read> = changes.objects.iter().cloned().map(Read::Object).collect();
    for object in &changes.objects {
        if object.kind == Kind::ReferenceGrant {
            stale.insert(Read::Grants(object.key.namespace.clone()));
        }
        if object.kind == Kind::Gateway {
            stale.insert(Read::EveryGateway);
        }
    }
    stale
}

fn pieces(changes: &Changes, first: bool) -> Pieces {
    let mut pieces = Pieces { gateways: first, policies: first, unenforced: first };
    for object in &changes.objects {
        match object.kind {
            Kind::GatewayClass
            | Kind::Gateway
            | Kind::ListenerSet
            | Kind::ReferenceGrant
            | Kind::GatewayParameters
            | Kind::EnvoyProxy
            | Kind::Secret
            | Kind::Namespace => pieces.gateways = true,
            Kind::ConfigMap | Kind::ClusterTrustBundle => (pieces.gateways, pieces.policies) = (true, true),
            Kind::BackendTlsPolicy => pieces.policies = true,
            Kind::XBackend | Kind::XBackendTrafficPolicy | Kind::XTelemetryPolicy | Kind::XMesh => {
                pieces.unenforced = true;
            }
            // Routes say themselves what they were made of, and endpoints are the Plans' own affair.
            Kind::HttpRoute | Kind::GrpcRoute | Kind::TlsRoute | Kind::TcpRoute | Kind::UdpRoute => {}
            Kind::Service | Kind::EndpointSlice => {}
        }
    }
    pieces
}

fn is_route(kind: Kind) -> bool {
    matches!(kind, Kind::HttpRoute | Kind::GrpcRoute | Kind::TlsRoute | Kind::TcpRoute | Kind::UdpRoute)
}

/// The kinds of which something is found while Gateways are judged.
fn judged_with_gateways() -> [Kind; 3] {
    [Kind::GatewayClass, Kind::Gateway, Kind::ListenerSet]
}
