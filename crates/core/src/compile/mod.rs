//! The compiler: a [`World`] in, an [`Outcome`] out.

mod compiler;
mod delta;
mod edit;
mod plans;
mod record;
mod routes;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub use compiler::Compiler;
pub use delta::{Delta, PlanDelta};

use crate::{
    gateway,
    infrastructure::{self, Infrastructure},
    plan::{Plan, assemble::assemble},
    policy::{
        self,
        backend_tls::{BackendTlsPolicies, ServiceUsers},
    },
    route::{self, Known, Routed},
    status::{self, Status, Verdicts},
    verdict::Verdict,
    world::{DataPlane, ObjectRef, World},
};

/// What a world means.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// For each data plane that a Gateway of ours asks for. What was observed changes no Plan.
    pub plans: BTreeMap<DataPlane, Arc<Plan>>,
    /// What runs each of them in a cluster; empty standalone, where nothing is provisioned.
    pub infrastructure: BTreeMap<DataPlane, Infrastructure>,
    /// Of every object that gets one from us. Conditions carry no time yet: [`status::merge`] gives it.
    pub statuses: BTreeMap<ObjectRef, Status>,
    /// What is wrong or has no effect, in the order of the objects' kinds and names.
    pub findings: Vec<Verdict>,
}

/// Compiles a world. Total and deterministic: a broken manifest gives a verdict, never an error.
pub fn compile(world: &World) -> Outcome {
    let tls = BackendTlsPolicies::new(world);
    let gateways = gateway::resolve(world, &tls);
    let unenforced = policy::unenforced::resolve(world, &gateways);
    let known = Known { world, gateways: &gateways, tls: &tls };
    let routes: Vec<(ObjectRef, Routed)> =
        route::all(world).filter_map(|object| Some((object.clone(), route::resolve(known, &object)?))).collect();
    let mut verdicts = Verdicts::default();
    let mut users = ServiceUsers::new();
    for (_, routed) in &routes {
        for listener in &routed.attached {
            *verdicts.attached_routes.entry(listener.clone()).or_default() += 1;
        }
        for service in &routed.services {
            for ancestor in &routed.ancestors {
                *users.entry(service.clone()).or_default().entry(ancestor.clone()).or_default() += 1;
            }
        }
    }
    for (service, ancestor) in &gateways.uses {
        *users.entry(service.clone()).or_default().entry(ancestor.clone()).or_default() += 1;
    }
    verdicts.policies = tls.verdicts(&users, |_| true);
    verdicts.policies.extend(unenforced.policies);
    let plans = assemble(world, &gateways, routes.iter().map(|(_, routed)| routed));
    let mut findings = [gateways.findings.clone(), tls.findings(), unenforced.findings].concat();
    for (object, routed) in routes {
        findings.extend(routed.findings);
        if !routed.verdicts.is_empty() {
            verdicts.routes.insert(object, routed.verdicts);
        }
    }
    let infrastructure = infrastructure::resolve(world, &gateways);
    let statuses = status::report(world, &gateways, &verdicts);
    Outcome { plans, infrastructure, statuses, findings: in_order(findings) }
}

/// Sorts findings by object, in the order in which they were found there, each once.
fn in_order(mut findings: Vec<Verdict>) -> Vec<Verdict> {
    findings.sort_by(|a, b| a.object.cmp(&b.object));
    let mut seen = BTreeSet::new();
    let first: Vec<bool> = findings.iter().map(|finding| seen.insert(finding)).collect();
    let mut first = first.into_iter();
    findings.retain(|_| first.next().unwrap_or_default());
    findings
}

#[cfg(test)]
mod tests;
