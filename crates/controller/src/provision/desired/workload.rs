//! What keeps the proxies running: a Deployment or a DaemonSet.

use gatewright_core::api::parameters::{DaemonSet, Deployment};
use serde_json::{Value, json};

use super::{Draft, Extra, pod, set, set_list};

pub(super) fn deployment(draft: &Draft<'_>, deployment: &Deployment) -> Value {
    let mut template = pod::template(draft, &deployment.pod, &deployment.container);
    set_list(&mut template["spec"], "initContainers", &deployment.init_containers);
    let mut spec = json!({"selector": {"matchLabels": draft.selector()}, "template": template});
    // A new proxy serves before an old one goes.
    let surge = json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"}});
    spec["strategy"] = deployment.strategy.clone().unwrap_or(surge);
    // What scales a Deployment owns its replicas: an autoscaler, or a person where parameters say nothing.
    let scaled = draft.parameters.provider.kubernetes.envoy_hpa.is_some();
    set(&mut spec, "replicas", deployment.replicas.filter(|_| !scaled));
    let object = draft.object("apps/v1", "Deployment", draft.name(deployment.name.as_ref()), Extra::default());
    draft.finish(object, spec, deployment.patch.as_ref())
}

pub(super) fn daemon_set(draft: &Draft<'_>, daemon_set: &DaemonSet) -> Value {
    let template = pod::template(draft, &daemon_set.pod, &daemon_set.container);
    let mut spec = json!({"selector": {"matchLabels": draft.selector()}, "template": template});
    let surge = json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}});
    spec["updateStrategy"] = daemon_set.strategy.clone().unwrap_or(surge);
    let object = draft.object("apps/v1", "DaemonSet", draft.name(daemon_set.name.as_ref()), Extra::default());
    draft.finish(object, spec, daemon_set.patch.as_ref())
}
