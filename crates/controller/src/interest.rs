//! Whose Secrets and ConfigMaps are worth watching: those of namespaces that an object of ours refers to.
//!
//! Reads references alone; whether they are permitted is the core's to say, and what is not permitted goes no further.

use std::collections::BTreeSet;

use gatewright_core::{
    api::{
        gateway::{Gateway, Listener},
        shared::{ObjectReference, SecretObjectReference},
    },
    world::{Kind, World},
};

use crate::watch::Subject;

/// Returns the subjects to watch.
pub(crate) fn subjects(world: &World) -> BTreeSet<Subject> {
    let mut found = Found::default();
    for (key, gateway) in &world.gateways {
        if is_ours(world, gateway) {
            found.gateway(&key.namespace, gateway);
        }
    }
    for (key, set) in &world.listener_sets {
        found.listeners(&key.namespace, &set.spec.listeners);
    }
    for (key, policy) in &world.backend_tls_policies {
        for reference in &policy.spec.validation.ca_certificate_refs {
            found.add(&reference.group, &reference.kind, &key.namespace);
        }
    }
    for (key, backend) in &world.x_backends {
        let validation = backend.spec.tls.validation.iter();
        for reference in validation.flat_map(|validation| &validation.ca_certificate_refs) {
            found.add(&reference.group, &reference.kind, &key.namespace);
        }
    }
    found.subjects
}

fn is_ours(world: &World, gateway: &Gateway) -> bool {
    let class = world.gateway_classes.iter().find(|(key, _)| key.name == gateway.spec.gateway_class_name);
    class.is_some_and(|(_, class)| world.serves(&class.spec.controller_name))
}

#[derive(Default)]
struct Found {
    subjects: BTreeSet<Subject>,
}

impl Found {
    fn add(&mut self, group: &str, kind: &str, namespace: &str) {
        if let Some(kind @ (Kind::Secret | Kind::ConfigMap)) = Kind::find(group, kind) {
            self.subjects.insert(Subject { kind, namespace: Some(namespace.to_owned()) });
        }
    }

    fn secret(&mut self, reference: &SecretObjectReference, namespace: &str) {
        let namespace = reference.namespace.as_deref().unwrap_or(namespace);
        self.add(&reference.group, &reference.kind, namespace);
    }

    fn object(&mut self, reference: &ObjectReference, namespace: &str) {
        let namespace = reference.namespace.as_deref().unwrap_or(namespace);
        self.add(&reference.group, &reference.kind, namespace);
    }

    fn listeners(&mut self, namespace: &str, listeners: &[Listener]) {
        for reference in listeners.iter().flat_map(|listener| &listener.tls).flat_map(|tls| &tls.certificate_refs) {
            self.secret(reference, namespace);
        }
    }

    fn gateway(&mut self, namespace: &str, gateway: &Gateway) {
        self.listeners(namespace, &gateway.spec.listeners);
        let tls = &gateway.spec.tls;
        let client = tls.backend.iter().filter_map(|backend| backend.client_certificate_ref.as_ref());
        client.for_each(|reference| self.secret(reference, namespace));
        if let Some(frontend) = &tls.frontend {
            let ports = frontend.per_port.iter().map(|port| &port.tls);
            let validations = ports.chain([&frontend.default]).filter_map(|tls| tls.validation.as_ref());
            for reference in validations.flat_map(|validation| &validation.ca_certificate_refs) {
                self.object(reference, namespace);
            }
        }
    }
}
