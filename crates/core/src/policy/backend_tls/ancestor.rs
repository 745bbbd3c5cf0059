//! The Gateways that a BackendTLSPolicy works for: those with a route that refers to a Service it targets.

use std::collections::{BTreeMap, BTreeSet};

use super::BackendTlsPolicies;
use crate::{
    api::{GATEWAY_GROUP, shared::ParentReference},
    status::policy::PolicyAncestorVerdict,
    verdict::Verdict,
    world::{Kind, ObjectKey, ObjectRef},
};

/// A Gateway as the ancestor of a policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ancestor {
    pub(crate) gateway: ObjectKey,
    /// Of its class.
    pub(crate) controller_name: String,
}

/// Which Gateways lead to a Service.
pub(crate) type ServiceUsers = BTreeMap<ObjectKey, BTreeSet<Ancestor>>;

impl BackendTlsPolicies {
    /// Returns the verdicts on every policy, one per Gateway that it works for.
    pub(crate) fn verdicts(&self, users: &ServiceUsers) -> BTreeMap<ObjectRef, Vec<PolicyAncestorVerdict>> {
        let verdicts = self.judged.iter().map(|(key, judged)| {
            let ancestors: BTreeSet<&Ancestor> =
                judged.services.iter().filter_map(|service| users.get(service)).flatten().collect();
            let verdict = |ancestor: &&Ancestor| PolicyAncestorVerdict {
                ancestor_ref: gateway_reference(&ancestor.gateway),
                controller_name: ancestor.controller_name.clone(),
                accepted: judged.accepted.clone(),
                resolved_refs: Some(judged.resolved_refs.clone()),
            };
            (object(key), ancestors.iter().map(verdict).collect())
        });
        verdicts.collect()
    }

    /// Reports what is wrong with policies, whether a Gateway uses them or not.
    pub(crate) fn findings(&self) -> Vec<Verdict> {
        let mut findings = Vec::new();
        for (key, judged) in &self.judged {
            let accepted = judged.accepted.as_ref().err().map(|problem| problem.message.clone());
            let resolved = judged.resolved_refs.as_ref().err().map(|problem| problem.message.clone());
            let messages = accepted.into_iter().chain(resolved).chain(judged.notes.iter().cloned());
            findings.extend(messages.map(|message| Verdict {
                object: object(key),
                field: "spec".to_owned(),
                message,
                mend: None,
            }));
        }
        findings
    }
}

fn object(policy: &ObjectKey) -> ObjectRef {
    ObjectRef { kind: Kind::BackendTlsPolicy, key: policy.clone() }
}

/// Refers to a whole Gateway.
pub(crate) fn gateway_reference(gateway: &ObjectKey) -> ParentReference {
    ParentReference {
        group: GATEWAY_GROUP.to_owned(),
        kind: "Gateway".to_owned(),
        namespace: Some(gateway.namespace.clone()),
        name: gateway.name.clone(),
        section_name: None,
        port: None,
    }
}
