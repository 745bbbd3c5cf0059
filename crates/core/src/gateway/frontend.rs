//! Client certificates on HTTPS listeners (GEP-91). Not enforced yet, hence never accepted: a listener that was asked to
//! check its clients does not serve them unchecked.

use super::Judge;
use crate::{
    api::{
        gateway::{FrontendTlsValidation, FrontendValidationMode, Gateway},
        shared::ObjectReference,
    },
    reference::{self, RefError, Referrer},
    status::{
        Judgement, Problem,
        reason::{ListenerRejection, ListenerUnresolved},
    },
    world::ObjectRef,
};

/// Whether any client is let in whose certificate is bad or missing, by choice.
pub(super) fn is_insecure(gateway: &Gateway) -> bool {
    let Some(frontend) = &gateway.spec.tls.frontend else { return false };
    let per_port = frontend.per_port.iter().map(|port| &port.tls);
    std::iter::once(&frontend.default)
        .chain(per_port)
        .filter_map(|tls| tls.validation.as_ref())
        .any(|validation| validation.mode == FrontendValidationMode::AllowInsecureFallback)
}

/// What the validation of clients does to an HTTPS listener on `port`: whether it is accepted, and what is wrong with
/// the references.
pub(super) fn judge(
    judge: &mut Judge<'_>,
    gateway_ref: &ObjectRef,
    gateway: &Gateway,
    port: u16,
) -> (Judgement<ListenerRejection>, Vec<Problem<ListenerUnresolved>>) {
    let Some((field, validation)) = validation(gateway, port) else { return (Ok(()), Vec::new()) };
    let mut problems = Vec::new();
    for (index, reference) in validation.ca_certificate_refs.iter().enumerate() {
        let field = format!("{field}.caCertificateRefs[{index}]");
        if let Err((reason, message, error)) = trust_anchors(judge, gateway_ref, reference) {
            judge.find(gateway_ref, field.as_str(), message.as_str(), error.as_ref().and_then(RefError::mend));
            problems.push(Problem::new(reason, format!("{field}: {message}")));
        }
    }
    if problems.len() == validation.ca_certificate_refs.len() {
        let message = format!("{field}: no CA certificate is usable");
        return (Err(Problem::new(ListenerRejection::NoValidCACertificate, message)), problems);
    }
    match validation.mode {
        FrontendValidationMode::AllowInsecureFallback => (Ok(()), problems),
        FrontendValidationMode::AllowValidOnly => {
            let message = format!("{field}: client certificates cannot be validated by this version");
            (Err(Problem::new(ListenerRejection::UnsupportedValue, message)), problems)
        }
    }
}

/// The port's own validation, or else the default.
fn validation(gateway: &Gateway, port: u16) -> Option<(String, &FrontendTlsValidation)> {
    let frontend = gateway.spec.tls.frontend.as_ref()?;
    let own = frontend.per_port.iter().position(|per_port| per_port.port == port);
    let (field, tls) = match own {
        Some(index) => (format!("spec.tls.frontend.perPort[{index}].tls"), &frontend.per_port[index].tls),
        None => ("spec.tls.frontend.default".to_owned(), &frontend.default),
    };
    Some((format!("{field}.validation"), tls.validation.as_ref()?))
}

fn trust_anchors(
    judge: &Judge<'_>,
    gateway: &ObjectRef,
    reference: &ObjectReference,
) -> Result<(), (ListenerUnresolved, String, Option<RefError>)> {
    let (object, map) = reference::config_map(judge.world, Referrer::new(gateway), reference).map_err(|error| {
        let reason = match &error {
            RefError::NotPermitted(_) => ListenerUnresolved::RefNotPermitted,
            RefError::InvalidKind { .. } => ListenerUnresolved::InvalidCACertificateKind,
            RefError::NotFound(_) => ListenerUnresolved::InvalidCACertificateRef,
        };
        (reason, error.to_string(), Some(error))
    })?;
    let pem = map.data.get("ca.crt").ok_or_else(|| format!("{object} has no \"ca.crt\""));
    pem.and_then(|pem| {
        (judge.world.settings.inspect.trust_anchors)(pem.as_bytes()).map_err(|why| format!("{object}: {why}"))
    })
    .map(|_| ())
    .map_err(|message| (ListenerUnresolved::InvalidCACertificateRef, message, None))
}
