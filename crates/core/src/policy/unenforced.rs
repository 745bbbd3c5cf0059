//! Kinds that are read and validated, and not enforced yet: their objects say so, in status where they have one for us,
//! and to people.

use std::collections::BTreeMap;

use crate::{
    api::{
        shared::ParentReference,
        x_telemetry_policy::{TracingMode, XTelemetryPolicy},
    },
    gateway::Gateways,
    status::{Judgement, Problem, policy::PolicyAncestorVerdict, reason::PolicyRejection},
    verdict::Verdict,
    world::{Kind, ObjectKey, ObjectRef, World},
};

/// What status and people are told.
#[derive(Debug, Default)]
pub(crate) struct Unenforced {
    pub(crate) policies: BTreeMap<ObjectRef, Vec<PolicyAncestorVerdict>>,
    pub(crate) findings: Vec<Verdict>,
}

/// Judges every object of these kinds.
pub(crate) fn resolve(world: &World, gateways: &Gateways) -> Unenforced {
    let mut judged = Unenforced::default();
    for key in world.x_backends.keys() {
        judged.find(
            Kind::XBackend,
            key,
            "",
            "no traffic is sent to an XBackend by this version: rules that refer to it answer 500",
        );
    }
    for key in world.x_backend_traffic_policies.keys() {
        judged.find(
            Kind::XBackendTrafficPolicy,
            key,
            "",
            "retry budgets and session persistence are not enforced by this version",
        );
    }
    for (key, mesh) in &world.x_meshes {
        if world.settings.controllers.serve(&mesh.spec.controller_name) {
            judged.find(Kind::XMesh, key, "", "no mesh is served by this version");
        }
    }
    judged.judge_telemetry(world, gateways);
    judged
}

impl Unenforced {
    fn find(&mut self, kind: Kind, key: &ObjectKey, field: &str, message: &str) {
        let object = ObjectRef { kind, key: key.clone() };
        self.findings.push(Verdict::error(&object, field, message));
    }

    /// One policy per Gateway: the oldest, then the first by namespace and name (GEP-4768).
    fn judge_telemetry(&mut self, world: &World, gateways: &Gateways) {
        let mut policies: Vec<(&ObjectKey, &XTelemetryPolicy)> = world.x_telemetry_policies.iter().collect();
        policies.sort_by_key(|(_, policy)| policy.metadata.creation_timestamp.map_or(u64::MAX, |time| time.0));
        let mut holders: BTreeMap<ObjectKey, &ObjectKey> = BTreeMap::new();
        for (key, policy) in policies {
            for (index, target) in policy.spec.target_refs.iter().enumerate() {
                let field = format!("spec.targetRefs[{index}]");
                let gateway_key = ObjectKey::new(&key.namespace, &target.name);
                let is_gateway = Kind::find(&target.group, &target.kind) == Some(Kind::Gateway);
                let Some(gateway) = gateways.gateways.get(&gateway_key).filter(|_| is_gateway) else {
                    if !is_gateway || !world.gateways.contains_key(&gateway_key) {
                        let message = format!("{} {gateway_key} does not exist, or is no Gateway", target.kind);
                        self.find(Kind::XTelemetryPolicy, key, &field, &message);
                    }
                    continue;
                };
                let holder = *holders.entry(gateway_key.clone()).or_insert(key);
                let accepted = telemetry_accepted(policy, &gateway_key, key, holder);
                if let Err(problem) = &accepted {
                    self.find(Kind::XTelemetryPolicy, key, &field, &problem.message);
                }
                let object = ObjectRef { kind: Kind::XTelemetryPolicy, key: key.clone() };
                self.policies.entry(object).or_default().push(PolicyAncestorVerdict {
                    ancestor_ref: ancestor(&gateway_key),
                    controller_name: gateway.controller_name.clone(),
                    accepted,
                    resolved_refs: None,
                });
            }
        }
    }
}

fn telemetry_accepted(
    policy: &XTelemetryPolicy,
    gateway: &ObjectKey,
    own: &ObjectKey,
    holder: &ObjectKey,
) -> Judgement<PolicyRejection> {
    if holder != own {
        let message = format!("XTelemetryPolicy {holder} applies to Gateway {gateway} already");
        return Err(Problem::new(PolicyRejection::Conflicted, message));
    }
    match &policy.spec.tracing.mode {
        // Nothing is traced, which is what these ask for or leave to us.
        TracingMode::Disabled | TracingMode::ImplementationDefault => Ok(()),
        TracingMode::Enabled | TracingMode::Unknown(_) => {
            Err(Problem::new(PolicyRejection::Pending, "spec.tracing: no traces are made by this version"))
        }
    }
}

fn ancestor(gateway: &ObjectKey) -> ParentReference {
    ParentReference {
        group: Kind::Gateway.group().to_owned(),
        kind: Kind::Gateway.name().to_owned(),
        namespace: Some(gateway.namespace.clone()),
        name: gateway.name.clone(),
        section_name: None,
        port: None,
    }
}
