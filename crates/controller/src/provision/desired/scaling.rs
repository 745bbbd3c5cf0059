//! How many proxies there are at least, and what decides it.

use gatewright_core::api::parameters::{Autoscaler, DisruptionBudget};
use serde_json::{Value, json};

use super::{Draft, Extra, set};

pub(super) fn disruption_budget(draft: &Draft<'_>, budget: &DisruptionBudget) -> Value {
    let object = draft.object("policy/v1", "PodDisruptionBudget", draft.name(budget.name.as_ref()), Extra::default());
    let mut spec = json!({"selector": {"matchLabels": draft.selector()}});
    set(&mut spec, "minAvailable", budget.min_available.clone());
    set(&mut spec, "maxUnavailable", budget.max_unavailable.clone());
    draft.finish(object, spec, budget.patch.as_ref())
}

pub(super) fn autoscaler(draft: &Draft<'_>, scaler: &Autoscaler) -> Value {
    let object =
        draft.object("autoscaling/v2", "HorizontalPodAutoscaler", draft.name(scaler.name.as_ref()), Extra::default());
    let deployment = draft.parameters.provider.kubernetes.envoy_deployment.as_ref();
    let target = draft.name(deployment.and_then(|deployment| deployment.name.as_ref()));
    let mut spec = json!({
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
        "maxReplicas": scaler.max_replicas,
        "metrics": scaler.metrics,
    });
    if scaler.metrics.is_empty() {
        // EnvoyProxy's default.
        let target = json!({"type": "Utilization", "averageUtilization": 80});
        spec["metrics"] = json!([{"type": "Resource", "resource": {"name": "cpu", "target": target}}]);
    }
    set(&mut spec, "minReplicas", scaler.min_replicas);
    set(&mut spec, "behavior", scaler.behavior.clone());
    draft.finish(object, spec, scaler.patch.as_ref())
}
