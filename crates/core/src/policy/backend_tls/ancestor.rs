//! The Gateways that a BackendTLSPolicy works for: those with a route that refers to a Service it targets.

use std::collections::{BTreeMap, BTreeSet};

use super::{BackendTlsPolicies, Judged, Wrong};
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

/// Which Gateways lead to a Service that a policy names, and by how many routes.
pub(crate) type ServiceUsers = BTreeMap<ObjectKey, BTreeMap<Ancestor, usize>>;

impl BackendTlsPolicies {
    /// Returns the verdicts on every policy that names a `concerned` Service or none, one per Gateway that it works for.
    pub(crate) fn verdicts(
        &self,
        users: &ServiceUsers,
        concerned: impl Fn(&ObjectKey) -> bool,
    ) -> BTreeMap<ObjectRef, Vec<PolicyAncestorVerdict>> {
        let wanted =
            |(_, judged): &(&ObjectKey, &Judged)| judged.services.is_empty() || judged.services.iter().any(&concerned);
        let verdicts = self.judged.iter().filter(wanted).map(|(key, judged)| {
            let users = judged.services.iter().filter_map(|service| users.get(service));
            let ancestors: BTreeSet<&Ancestor> = users.flat_map(BTreeMap::keys).collect();
            let verdict = |ancestor: &&Ancestor| PolicyAncestorVerdict {
                ancestor_ref: gateway_reference(&ancestor.gateway),
                controller_name: ancestor.controller_name.clone(),
                accepted: judged.accepted.as_ref().copied().map_err(Wrong::problem),
                resolved_refs: Some(judged.resolved_refs.as_ref().copied().map_err(Wrong::problem)),
            };
            (object(key), ancestors.iter().map(verdict).collect())
        });
        verdicts.collect()
    }

    /// Reports what is wrong with policies, whether a Gateway uses them or not.
    pub(crate) fn findings(&self) -> Vec<Verdict> {
        let mut findings = Vec::new();
        for (key, judged) in &self.judged {
            let policy = object(key);
            if let Err(wrong) = &judged.accepted {
                findings.push(Verdict::error(&policy, wrong.field.as_str(), wrong.message.as_str()));
            }
            if let Err(wrong) = &judged.resolved_refs {
                findings.push(Verdict::error(&policy, wrong.field.as_str(), wrong.message.as_str()));
            }
            let ignored = |option: &String| format!("`{option}` is not supported and has no effect");
            let options = judged.options.iter().map(ignored);
            findings.extend(options.map(|message| Verdict::warning(&policy, "spec.options", message)));
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
