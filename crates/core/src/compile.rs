//! The compiler: a [`World`] in, an [`Outcome`] out.

use std::collections::BTreeMap;

use crate::{
    gateway,
    plan::{Plan, assemble::assemble},
    route,
    status::{self, Status},
    verdict::Verdict,
    world::{DataPlane, ObjectRef, World},
};

/// What a world means.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// For each data plane that a Gateway of ours asks for. What was observed changes no Plan.
    pub plans: BTreeMap<DataPlane, Plan>,
    /// Of every object that gets one from us. Conditions carry no time yet: [`status::merge`] gives it.
    pub statuses: BTreeMap<ObjectRef, Status>,
    /// What is wrong or has no effect, in the order of the objects' kinds and names.
    pub findings: Vec<Verdict>,
}

/// Compiles a world. Total and deterministic: a broken manifest gives a verdict, never an error.
pub fn compile(world: &World) -> Outcome {
    let gateways = gateway::resolve(world);
    let routes = route::resolve(world, &gateways);
    let statuses = status::report(world, &gateways, &routes.verdicts);
    let plans = assemble(&gateways, &routes);
    let mut findings = routes.findings;
    findings.extend(gateways.findings);
    findings.sort();
    findings.dedup();
    Outcome { plans, statuses, findings }
}
