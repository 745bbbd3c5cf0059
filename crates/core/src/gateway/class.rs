//! Which GatewayClasses are ours, and whether they are accepted.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Judge, Note, parameters};
use crate::{
    reference::Forbidden,
    status::{Judgement, Problem, reason::ClassRejection},
    world::{Kind, ObjectKey, ObjectRef, Observed},
};

/// What status says of a GatewayClass.
#[derive(Clone, Debug)]
pub struct ClassVerdict {
    pub controller_name: String,
    pub accepted: Judgement<ClassRejection>,
    /// Whether all Gateways of the class share one data plane. Parameters that are gone cannot say so: then they do if
    /// they did.
    pub merges: bool,
    /// The spec of its parameters; empty without any.
    pub parameters: Map<String, Value>,
    /// The bundle version of the cluster's CRDs, if it is not one that this program knows.
    pub unsupported_version: Option<String>,
    /// What it promises, by the names of the API's `pkg/features`, ascending.
    pub features: Vec<&'static str>,
    pub notes: Vec<Note>,
}

/// The release of the CRDs that this program is written for, patches included.
const SUPPORTED_BUNDLE: &str = "v1.7.";

/// What a GatewayClass promises in every cluster, by the names of the API's `pkg/features`, ascending.
const SUPPORTED_FEATURES: &[&str] = &[
    "BackendTLSPolicy",
    "BackendTLSPolicySANValidation",
    "GRPCRoute",
    "GRPCRouteNamedRouteRule",
    "GRPCRouteRequestHeaderModifier",
    "Gateway",
    "GatewayAddressEmpty",
    "GatewayBackendClientCertificate",
    "GatewayFrontendClientCertificateValidation",
    "GatewayFrontendClientCertificateValidationInsecureFallback",
    "GatewayHTTPListenerIsolation",
    "GatewayHTTPSListenerDetectMisdirectedRequests",
    "GatewayInfrastructure",
    "GatewayPort8080",
    "GatewayRouteHostnameIntersectionPrecedence",
    "GatewayStaticAddresses",
    "HTTPRoute",
    "HTTPRoute303RedirectStatusCode",
    "HTTPRoute307RedirectStatusCode",
    "HTTPRoute308RedirectStatusCode",
    "HTTPRouteBackendProtocolH2C",
    "HTTPRouteBackendProtocolWebSocket",
    "HTTPRouteBackendRequestHeaderModification",
    "HTTPRouteBackendTimeout",
    "HTTPRouteBackendURLRewrite",
    "HTTPRouteCORS",
    "HTTPRouteDestinationPortMatching",
    "HTTPRouteHostRewrite",
    "HTTPRouteMethodMatching",
    "HTTPRouteNamedRouteRule",
    "HTTPRouteParentRefPort",
    "HTTPRoutePathRedirect",
    "HTTPRoutePathRewrite",
    "HTTPRoutePortRedirect",
    "HTTPRouteQueryParamMatching",
    "HTTPRouteRequestMirror",
    "HTTPRouteRequestMultipleMirrors",
    "HTTPRouteRequestPercentageMirror",
    "HTTPRouteRequestTimeout",
    "HTTPRouteResponseHeaderModification",
    "HTTPRouteRetryCodes",
    "HTTPRouteRetryConnectionError",
    "HTTPRouteSchemeRedirect",
    "ListenerSet",
    "ReferenceGrant",
];

/// Experimental.
const LISTENER_FILTERS: &str = "GatewayListenerFilters";

/// Experimental, and promised where its API can be read besides.
const CLUSTER_TRUST_BUNDLE: &str = "ClusterTrustBundle";

/// Experimental.
const ADDRESS_ROUTABILITY: &str = "GatewayAddressRoutability";

/// Experimental, and promised where there are ClusterIPs to be had.
const ADDRESS_ROUTABILITY_CLUSTER: &str = "GatewayAddressRoutabilityCluster";

/// Returns what a GatewayClass promises in this cluster, or `standalone`, ascending.
fn supported_features(observed: &Observed, standalone: bool) -> Vec<&'static str> {
    let kind = Kind::ClusterTrustBundle;
    let reads_bundles = !observed.unserved.contains(&kind) && !observed.forbidden.contains(&(kind, None));
    let mut features = SUPPORTED_FEATURES.to_vec();
    if !observed.bundle.standard {
        features.push(ADDRESS_ROUTABILITY);
        features.extend((!standalone).then_some(ADDRESS_ROUTABILITY_CLUSTER));
        features.push(LISTENER_FILTERS);
        features.extend(reads_bundles.then_some(CLUSTER_TRUST_BUNDLE));
        features.sort_unstable();
    }
    features
}

/// Judges every GatewayClass whose controller is ours.
pub(super) fn resolve(judge: &mut Judge<'_>) -> BTreeMap<ObjectKey, ClassVerdict> {
    let world = judge.world;
    let bundle = world.observed.bundle.version.as_ref();
    let unsupported_version = bundle.filter(|version| !version.starts_with(SUPPORTED_BUNDLE));
    let mut classes = BTreeMap::new();
    for (key, class) in &world.gateway_classes {
        if !world.settings.controllers.serve(&class.spec.controller_name) {
            continue;
        }
        let object = ObjectRef { kind: Kind::GatewayClass, key: key.clone() };
        let mut verdict = ClassVerdict {
            controller_name: class.spec.controller_name.clone(),
            accepted: Ok(()),
            merges: false,
            parameters: Map::new(),
            unsupported_version: unsupported_version.cloned(),
            features: supported_features(&world.observed, world.settings.merge_gateways),
            notes: Vec::new(),
        };
        if let Some(reference) = &class.spec.parameters_ref {
            let namespace = reference.namespace.as_deref().unwrap_or_default();
            match parameters::resolve(world, &reference.group, &reference.kind, namespace, &reference.name) {
                Ok(found) => {
                    verdict.notes.extend(found.note.map(|message| Note::new("spec.parametersRef", message)));
                    verdict.merges = found.spec.get("mergeGateways").and_then(Value::as_bool).unwrap_or_default();
                    verdict.parameters = found.spec;
                }
                Err(message) => {
                    judge.find(&object, "spec.parametersRef", message.as_str(), None);
                    let message = format!("spec.parametersRef: {message}");
                    verdict.merges = world.observed.shared_classes.contains(&key.name);
                    verdict.accepted = Err(Problem::new(ClassRejection::InvalidParameters, message));
                }
            }
        }
        let everywhere = world.observed.forbidden.iter().filter(|(_, namespace)| namespace.is_none());
        verdict.notes.extend(everywhere.map(|(kind, _)| Note::new("watching", Forbidden(*kind).to_string())));
        judge.find_notes(&object, &verdict.notes);
        classes.insert(key.clone(), verdict);
    }
    classes
}

#[cfg(test)]
mod tests;
