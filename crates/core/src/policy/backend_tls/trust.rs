//! The trust anchors of a BackendTLSPolicy.

use crate::{
    api::{
        backend_tls_policy::{BackendTlsPolicyValidation, WellKnownCaCertificates},
        shared::LocalObjectReference,
    },
    plan::TrustAnchors,
    status::{
        Judgement, Problem,
        reason::{PolicyRejection, PolicyUnresolved},
    },
    world::{Kind, ObjectKey, World},
};

/// The key of a ConfigMap that holds PEM certificates.
const CA_KEY: &str = "ca.crt";

/// Returns the anchors, or why there are none, and whether all references to them are good. A reference that is not
/// good adds nothing: what only it would vouch for fails verification.
pub(super) fn resolve(
    world: &World,
    policy: &ObjectKey,
    validation: &BackendTlsPolicyValidation,
) -> (Result<TrustAnchors, Problem<PolicyRejection>>, Judgement<PolicyUnresolved>) {
    if validation.ca_certificate_refs.is_empty() {
        return (well_known(validation), Ok(()));
    }
    let mut bundle = String::new();
    let mut resolved_refs = Ok(());
    for (index, reference) in validation.ca_certificate_refs.iter().enumerate() {
        match pem(world, policy, reference) {
            Ok(pem) => {
                bundle.push_str(pem);
                bundle.push('\n');
            }
            Err(problem) if resolved_refs.is_ok() => {
                let message = format!("spec.validation.caCertificateRefs[{index}]: {}", problem.message);
                resolved_refs = Err(Problem::new(problem.reason, message));
            }
            Err(_) => {}
        }
    }
    if bundle.is_empty() {
        let message = "none of spec.validation.caCertificateRefs can be used";
        return (Err(Problem::new(PolicyRejection::NoValidCACertificate, message)), resolved_refs);
    }
    (Ok(TrustAnchors::Pem(bundle.into())), resolved_refs)
}

fn well_known(validation: &BackendTlsPolicyValidation) -> Result<TrustAnchors, Problem<PolicyRejection>> {
    let field = "spec.validation.wellKnownCACertificates";
    match &validation.well_known_ca_certificates {
        Some(WellKnownCaCertificates::System) => Ok(TrustAnchors::System),
        Some(WellKnownCaCertificates::Unknown(text)) => {
            Err(Problem::new(PolicyRejection::Invalid, format!("{field}: `{text}` is not known; `System` is")))
        }
        None => Err(Problem::new(
            PolicyRejection::Invalid,
            format!("spec.validation: give caCertificateRefs, or {field} as `System`"),
        )),
    }
}

fn pem<'w>(
    world: &'w World,
    policy: &ObjectKey,
    reference: &LocalObjectReference,
) -> Result<&'w str, Problem<PolicyUnresolved>> {
    let LocalObjectReference { group, kind, name } = reference;
    if Kind::find(group, kind) != Some(Kind::ConfigMap) {
        let message = format!("{kind} of group `{group}` cannot hold certificates here; a ConfigMap can");
        return Err(Problem::new(PolicyUnresolved::InvalidKind, message));
    }
    let key = ObjectKey::new(&policy.namespace, name);
    let invalid = |message| Problem::new(PolicyUnresolved::InvalidCACertificateRef, message);
    let Some(config_map) = world.config_maps.get(&key) else {
        return Err(invalid(format!("ConfigMap {key} does not exist")));
    };
    let Some(pem) = config_map.data.get(CA_KEY) else {
        return Err(invalid(format!("ConfigMap {key} has no key `{CA_KEY}`")));
    };
    match (world.settings.inspect.trust_anchors)(pem.as_bytes()) {
        Ok(_) => Ok(pem),
        Err(why) => Err(invalid(format!("`{CA_KEY}` of ConfigMap {key}: {why}"))),
    }
}
