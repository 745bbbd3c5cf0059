//! The trust anchors of a BackendTLSPolicy.

use super::Wrong;
use crate::{
    api::{
        backend_tls_policy::{BackendTlsPolicyValidation, WellKnownCaCertificates},
        shared::LocalObjectReference,
    },
    plan::TrustAnchors,
    reference::Absent,
    status::{
        Problem,
        reason::{PolicyRejection, PolicyUnresolved},
    },
    trust,
    world::{Kind, ObjectKey, ObjectRef, World},
};

const CA_REFS: &str = "spec.validation.caCertificateRefs";

/// Returns the anchors, or why there are none, and whether all references to them are good. A reference that is not
/// good adds nothing: what only it would vouch for fails verification.
pub(super) fn resolve(
    world: &World,
    policy: &ObjectKey,
    validation: &BackendTlsPolicyValidation,
) -> (Result<TrustAnchors, Wrong<PolicyRejection>>, Result<(), Wrong<PolicyUnresolved>>) {
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
                let field = format!("{CA_REFS}[{index}]");
                resolved_refs = Err(Wrong::new(problem.reason, field, problem.message));
            }
            Err(_) => {}
        }
    }
    if bundle.is_empty() {
        let wrong = Wrong::new(PolicyRejection::NoValidCACertificate, CA_REFS, "none of them can be used");
        return (Err(wrong), resolved_refs);
    }
    (Ok(TrustAnchors::Pem(bundle.into())), resolved_refs)
}

fn well_known(validation: &BackendTlsPolicyValidation) -> Result<TrustAnchors, Wrong<PolicyRejection>> {
    let (field, message) = match &validation.well_known_ca_certificates {
        Some(WellKnownCaCertificates::System) => return Ok(TrustAnchors::System),
        Some(WellKnownCaCertificates::Unknown(text)) => {
            ("spec.validation.wellKnownCACertificates", format!("`{text}` is not known; `System` is"))
        }
        None => ("spec.validation", "give caCertificateRefs, or wellKnownCACertificates as `System`".to_owned()),
    };
    Err(Wrong::new(PolicyRejection::Invalid, field, message))
}

fn pem<'w>(
    world: &'w World,
    policy: &ObjectKey,
    reference: &LocalObjectReference,
) -> Result<&'w str, Problem<PolicyUnresolved>> {
    let LocalObjectReference { group, kind, name } = reference;
    let invalid = |message| Problem::new(PolicyUnresolved::InvalidCACertificateRef, message);
    if trust::is_cluster_bundle(world, group, kind) {
        return trust::cluster_bundle(world, name).map_err(invalid);
    }
    if Kind::find(group, kind) != Some(Kind::ConfigMap) {
        let message = format!("{kind} of group `{group}` cannot hold certificates here; a ConfigMap can");
        return Err(Problem::new(PolicyUnresolved::InvalidKind, message));
    }
    let key = ObjectKey::new(&policy.namespace, name);
    let Some(config_map) = world.config_maps.get(&key) else {
        return Err(invalid(Absent::new(world, ObjectRef { kind: Kind::ConfigMap, key }).to_string()));
    };
    trust::anchors(world, config_map).map_err(|why| invalid(format!("ConfigMap {key}: {why}")))
}
