//! BackendTLSPolicy: which Services are spoken to in TLS, and how they prove themselves.
//!
//! A Service that a policy targets is never spoken to in plaintext: a policy that cannot be met refuses its traffic.

mod ancestor;
mod trust;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub(crate) use ancestor::{Ancestor, ServiceUsers, gateway_reference};

use crate::{
    api::{
        backend_tls_policy::{BackendTlsPolicy, SubjectAltName, SubjectAltNameType},
        meta::Time,
    },
    plan::BackendTls,
    status::{
        Problem,
        reason::{PolicyRejection, PolicyUnresolved},
    },
    world::{Kind, ObjectKey, World},
};

/// Every BackendTLSPolicy, judged and attached.
#[derive(Debug, Default)]
pub(crate) struct BackendTlsPolicies {
    by_target: BTreeMap<ObjectKey, Targeted>,
    judged: BTreeMap<ObjectKey, Judged>,
}

/// What policies demand of one Service: of a port by its name before all others.
#[derive(Debug, Default, PartialEq)]
struct Targeted {
    whole: Option<ObjectKey>,
    by_port: BTreeMap<String, ObjectKey>,
}

/// One policy.
#[derive(Debug)]
struct Judged {
    accepted: Result<(), Wrong<PolicyRejection>>,
    resolved_refs: Result<(), Wrong<PolicyUnresolved>>,
    /// `None` if it cannot be met.
    tls: Option<BackendTls>,
    /// The Services that it names, whether it prevails there or not.
    services: Vec<ObjectKey>,
    /// Options, which have no effect.
    options: Vec<String>,
}

/// What is wrong with a field of a policy.
#[derive(Clone, Debug)]
struct Wrong<R> {
    reason: R,
    field: String,
    message: String,
}

impl<R: Copy> Wrong<R> {
    fn new(reason: R, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { reason, field: field.into(), message: message.into() }
    }

    fn problem(&self) -> Problem<R> {
        Problem::new(self.reason, format!("{}: {}", self.field, self.message))
    }
}

/// How a Service's port wants to be spoken to.
#[derive(Debug)]
pub(crate) enum Demand<'a> {
    Plaintext,
    /// Without a client certificate: that is the Gateway's.
    Tls(&'a BackendTls),
    /// A policy cannot be met; the text says which.
    Unmet(String),
}

impl BackendTlsPolicies {
    pub(crate) fn new(world: &World) -> Self {
        let mut policies = Self::default();
        let mut by_age: Vec<(&ObjectKey, &BackendTlsPolicy)> = world.backend_tls_policies.iter().collect();
        // The oldest prevails, then the first by name; one without a time is the youngest.
        by_age.sort_by_key(|(key, policy)| (policy.metadata.creation_timestamp.unwrap_or(Time(u64::MAX)), *key));
        for (key, policy) in by_age {
            policies.attach(world, key, policy);
        }
        policies
    }

    /// Returns what policies demand for the port of that name.
    pub(crate) fn demand(&self, service: &ObjectKey, port_name: &str) -> Demand<'_> {
        let targeted = self.by_target.get(service);
        let Some(policy) = targeted.and_then(|found| found.by_port.get(port_name).or(found.whole.as_ref())) else {
            return Demand::Plaintext;
        };
        match self.judged.get(policy).and_then(|judged| judged.tls.as_ref()) {
            Some(tls) => Demand::Tls(tls),
            None => Demand::Unmet(format!("BackendTLSPolicy {policy} cannot be met; see its status")),
        }
    }

    /// Whether some policy names the Service.
    pub(crate) fn name(&self, service: &ObjectKey) -> bool {
        self.by_target.contains_key(service)
    }

    /// Names the Services of which these policies demand something else than `others` do.
    pub(crate) fn differing<'a>(&'a self, others: &'a Self) -> impl Iterator<Item = &'a ObjectKey> {
        let services: BTreeSet<&ObjectKey> = self.by_target.keys().chain(others.by_target.keys()).collect();
        services.into_iter().filter(|service| self.demands(service) != others.demands(service))
    }

    /// All that is demanded of a Service, with the policies that do.
    fn demands(&self, service: &ObjectKey) -> Option<(&Targeted, Vec<Option<&BackendTls>>)> {
        let targeted = self.by_target.get(service)?;
        let policies = targeted.whole.iter().chain(targeted.by_port.values());
        let tls = policies.map(|policy| self.judged.get(policy).and_then(|judged| judged.tls.as_ref())).collect();
        Some((targeted, tls))
    }

    fn attach(&mut self, world: &World, key: &ObjectKey, policy: &BackendTlsPolicy) {
        let mut services = Vec::new();
        let mut conflict = None;
        for (index, target) in policy.spec.target_refs.iter().enumerate() {
            if Kind::find(&target.group, &target.kind) != Some(Kind::Service) {
                continue;
            }
            let service = ObjectKey::new(&key.namespace, &target.name);
            let targeted = self.by_target.entry(service.clone()).or_default();
            let winner = match target.section_name.as_deref() {
                None | Some("") => targeted.whole.get_or_insert_with(|| key.clone()),
                Some(port) => targeted.by_port.entry(port.to_owned()).or_insert_with(|| key.clone()),
            };
            if winner != key {
                conflict.get_or_insert_with(|| {
                    let message =
                        format!("BackendTLSPolicy {winner} is older, or as old and first by name, and prevails");
                    Wrong::new(PolicyRejection::Conflicted, format!("spec.targetRefs[{index}]"), message)
                });
            }
            services.push(service);
        }
        let mut judged = judge(world, key, policy, services);
        if let Some(conflict) = conflict {
            judged.accepted = Err(conflict);
        }
        self.judged.insert(key.clone(), judged);
    }
}

fn judge(world: &World, key: &ObjectKey, policy: &BackendTlsPolicy, services: Vec<ObjectKey>) -> Judged {
    let validation = &policy.spec.validation;
    let (trust, resolved_refs) = trust::resolve(world, key, validation);
    let names = subject_alt_names(policy);
    let accepted = match (&trust, &names) {
        (Err(wrong), _) | (Ok(_), Err(wrong)) => Err(wrong.clone()),
        (Ok(_), Ok(_)) => Ok(()),
    };
    let tls = match (trust, names) {
        (Ok(trust), Ok(subject_alt_names)) => Some(BackendTls {
            hostname: validation.hostname.to_ascii_lowercase().into(),
            subject_alt_names,
            trust,
            client_certificate: None,
        }),
        _ => None,
    };
    Judged { accepted, resolved_refs, tls, services, options: policy.spec.options.keys().cloned().collect() }
}

fn subject_alt_names(policy: &BackendTlsPolicy) -> Result<Vec<Arc<str>>, Wrong<PolicyRejection>> {
    let names = policy.spec.validation.subject_alt_names.iter().enumerate();
    let name = |(index, name): (usize, &SubjectAltName)| {
        let text = match &name.r#type {
            SubjectAltNameType::Hostname => name.hostname.to_ascii_lowercase(),
            SubjectAltNameType::Uri => name.uri.clone(),
            SubjectAltNameType::Unknown(_) => String::new(),
        };
        if text.is_empty() {
            let field = format!("spec.validation.subjectAltNames[{index}]");
            let message = "give a `hostname` with type Hostname or a `uri` with type URI";
            return Err(Wrong::new(PolicyRejection::Invalid, field, message));
        }
        Ok(text.into())
    };
    names.map(name).collect()
}
