//! Client certificates on HTTPS listeners (GEP-91): which CAs vouch for the clients of each port.
//!
//! Decided once per Gateway, for the listeners of its ListenerSets, too. A listener that was asked to check its clients
//! never serves them unchecked: without a usable CA it is not served.

use std::collections::BTreeMap;

use super::Judge;
use crate::{
    api::{
        gateway::{FrontendTlsValidation, FrontendValidationMode, Gateway},
        shared::ObjectReference,
    },
    plan::{ClientValidation, Unverified},
    reference::{self, RefError, Referrer},
    status::{
        Problem,
        reason::{ListenerRejection, ListenerUnresolved},
    },
    trust,
    world::ObjectRef,
};

/// How the clients of a Gateway prove themselves.
#[derive(Debug)]
pub(super) struct Frontend {
    default: Option<Validation>,
    /// Instead of the default; `None` asks nothing of clients.
    per_port: BTreeMap<u16, Option<Validation>>,
}

/// What is asked of clients, once its references are judged.
#[derive(Debug)]
pub(super) struct Validation {
    /// The rejection of every listener that it applies to, if no CA is usable.
    pub(super) client: Result<ClientValidation, Problem<ListenerRejection>>,
    /// What is wrong with references; the others are used.
    pub(super) problems: Vec<Problem<ListenerUnresolved>>,
}

impl Frontend {
    pub(super) fn judge(judge: &mut Judge<'_>, owner: &ObjectRef, gateway: &Gateway) -> Self {
        let Some(declared) = &gateway.spec.tls.frontend else {
            return Self { default: None, per_port: BTreeMap::new() };
        };
        let mut validation = |field: String, declared: &Option<FrontendTlsValidation>| {
            declared.as_ref().map(|declared| validation(judge, owner, &field, declared))
        };
        let default = validation("spec.tls.frontend.default.validation".to_owned(), &declared.default.validation);
        let mut per_port = BTreeMap::new();
        for (index, port) in declared.per_port.iter().enumerate() {
            let field = format!("spec.tls.frontend.perPort[{index}].tls.validation");
            // The API allows a port once; of two, the first counts.
            per_port.entry(port.port).or_insert_with(|| validation(field, &port.tls.validation));
        }
        Self { default, per_port }
    }

    /// What HTTPS listeners on `port` ask of clients, if anything.
    pub(super) fn on(&self, port: u16) -> Option<&Validation> {
        self.per_port.get(&port).unwrap_or(&self.default).as_ref()
    }
}

/// Whether any client is let in whose certificate is bad or missing, by choice.
pub(super) fn is_insecure(gateway: &Gateway) -> bool {
    let Some(frontend) = &gateway.spec.tls.frontend else { return false };
    let per_port = frontend.per_port.iter().map(|port| &port.tls);
    std::iter::once(&frontend.default)
        .chain(per_port)
        .filter_map(|tls| tls.validation.as_ref())
        .any(|validation| validation.mode == FrontendValidationMode::AllowInsecureFallback)
}

fn validation(judge: &mut Judge<'_>, owner: &ObjectRef, field: &str, declared: &FrontendTlsValidation) -> Validation {
    let mut problems = Vec::new();
    let mut bundle = String::new();
    for (index, reference) in declared.ca_certificate_refs.iter().enumerate() {
        match anchors(judge, owner, reference) {
            Ok(pem) => {
                bundle.push_str(pem);
                bundle.push('\n');
            }
            Err((reason, message, error)) => {
                let field = format!("{field}.caCertificateRefs[{index}]");
                judge.find(owner, field.as_str(), message.as_str(), error.as_ref().and_then(RefError::mend));
                problems.push(Problem::new(reason, format!("{field}: {message}")));
            }
        }
    }
    let client = match bundle.is_empty() {
        true => {
            let message = format!("{field}: no CA certificate is usable");
            Err(Problem::new(ListenerRejection::NoValidCACertificate, message))
        }
        false => Ok(ClientValidation {
            trust: bundle.into(),
            unverified: match declared.mode {
                FrontendValidationMode::AllowValidOnly => Unverified::Refused,
                FrontendValidationMode::AllowInsecureFallback => Unverified::LetIn,
            },
        }),
    };
    Validation { client, problems }
}

fn anchors<'w>(
    judge: &Judge<'w>,
    owner: &ObjectRef,
    reference: &ObjectReference,
) -> Result<&'w str, (ListenerUnresolved, String, Option<RefError>)> {
    if trust::is_cluster_bundle(judge.world, &reference.group, &reference.kind) {
        let found = match &reference.namespace {
            None => trust::cluster_bundle(judge.world, &reference.name),
            Some(_) => Err("a ClusterTrustBundle is in no namespace; leave `namespace` out".to_owned()),
        };
        return found.map_err(|why| (ListenerUnresolved::InvalidCACertificateRef, why, None));
    }
    let (object, config_map) =
        reference::config_map(judge.world, Referrer::new(owner), reference).map_err(|error| {
            let reason = match &error {
                RefError::NotPermitted(_) => ListenerUnresolved::RefNotPermitted,
                RefError::InvalidKind { .. } => ListenerUnresolved::InvalidCACertificateKind,
                RefError::NotFound(_) => ListenerUnresolved::InvalidCACertificateRef,
            };
            (reason, error.to_string(), Some(error))
        })?;
    trust::anchors(judge.world, config_map)
        .map_err(|why| (ListenerUnresolved::InvalidCACertificateRef, format!("{object}: {why}"), None))
}
