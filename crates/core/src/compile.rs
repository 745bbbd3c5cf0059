//! The compiler: a [`World`] in, an [`Outcome`] out.

use std::collections::BTreeMap;

use crate::{
    gateway::{self, Gateways},
    plan::Plan,
    status::{self, Status, Verdicts},
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
    let verdicts = Verdicts::default();
    let statuses = status::report(world, &gateways, &verdicts);
    let mut findings = gateways.findings.clone();
    findings.sort();
    findings.dedup();
    Outcome { plans: plans(&gateways), statuses, findings }
}

fn plans(gateways: &Gateways) -> BTreeMap<DataPlane, Plan> {
    let plan = |data_plane: &DataPlane| Plan {
        ports: gateway::ports(&gateways.parents, data_plane, |_| Vec::new()),
        certificates: gateways.certificates.clone(),
        ..Plan::default()
    };
    gateway::data_planes(&gateways.parents).into_iter().map(|plane| (plane.clone(), plan(&plane))).collect()
}
