//! The compiler: a [`World`] in, an [`Outcome`] out.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    gateway,
    infrastructure::{self, Infrastructure},
    plan::{Plan, assemble::assemble},
    policy, route,
    status::{self, Status},
    verdict::Verdict,
    world::{DataPlane, ObjectRef, World},
};

/// What a world means.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// For each data plane that a Gateway of ours asks for. What was observed changes no Plan.
    pub plans: BTreeMap<DataPlane, Plan>,
    /// What runs each of them in a cluster; empty standalone, where nothing is provisioned.
    pub infrastructure: BTreeMap<DataPlane, Infrastructure>,
    /// Of every object that gets one from us. Conditions carry no time yet: [`status::merge`] gives it.
    pub statuses: BTreeMap<ObjectRef, Status>,
    /// What is wrong or has no effect, in the order of the objects' kinds and names.
    pub findings: Vec<Verdict>,
}

/// Compiles a world. Total and deterministic: a broken manifest gives a verdict, never an error.
pub fn compile(world: &World) -> Outcome {
    let gateways = gateway::resolve(world);
    let mut routes = route::resolve(world, &gateways);
    let unenforced = policy::unenforced::resolve(world, &gateways);
    routes.verdicts.policies.extend(unenforced.policies);
    let statuses = status::report(world, &gateways, &routes.verdicts);
    let plans = assemble(&gateways, &routes);
    let infrastructure = infrastructure::resolve(world, &gateways);
    let findings = in_order(gateways.findings.iter().cloned().chain(routes.findings).chain(unenforced.findings));
    Outcome { plans, infrastructure, statuses, findings }
}

/// Sorts findings by object, in the order in which they were found there, each once.
fn in_order(findings: impl Iterator<Item = Verdict>) -> Vec<Verdict> {
    let mut seen = BTreeSet::new();
    let mut findings: Vec<Verdict> = findings.filter(|finding| seen.insert(finding.clone())).collect();
    findings.sort_by(|a, b| a.object.cmp(&b.object));
    findings
}
