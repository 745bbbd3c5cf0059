//! The controllers themselves, and how proxies reach them.

use serde_json::{Value, json};

use super::{NAME, Values, namespaced, selector};

/// Where proxies get their Plans.
const XDS_PORT: u16 = 18_000;
/// Health and metrics.
const ADMIN_PORT: u16 = 19_000;
/// The user of the image.
const USER: u32 = 65_532;

pub(super) fn service(values: &Values) -> Value {
    let mut service = namespaced("v1", "Service", &values.namespace, NAME);
    let port = json!({"name": "xds", "port": XDS_PORT, "protocol": "TCP", "targetPort": "xds"});
    service["spec"] = json!({"selector": selector(), "ports": [port]});
    service
}

/// Proxies do without a controller for a while; changes do not.
pub(super) fn disruption_budget(values: &Values) -> Value {
    let mut budget = namespaced("policy/v1", "PodDisruptionBudget", &values.namespace, NAME);
    budget["spec"] = json!({"maxUnavailable": 1, "selector": {"matchLabels": selector()}});
    budget
}

pub(super) fn deployment(values: &Values) -> Value {
    let mut deployment = namespaced("apps/v1", "Deployment", &values.namespace, NAME);
    let mut labels = selector();
    labels.insert("app.kubernetes.io/managed-by".into(), NAME.into());
    deployment["spec"] = json!({
        "replicas": values.replicas,
        "selector": {"matchLabels": selector()},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": {"metadata": {"labels": labels}, "spec": pod(values)},
    });
    deployment
}

fn pod(values: &Values) -> Value {
    let apart = json!({
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": selector()},
    });
    json!({
        "serviceAccountName": NAME,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": 30,
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": USER,
            "runAsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [apart],
        "containers": [container(values)],
        "volumes": [token()],
    })
}

fn container(values: &Values) -> Value {
    let field = |name: &str, path: &str| json!({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}});
    let probe = |path: &str, period: u32| json!({"httpGet": {"path": path, "port": "admin"}, "periodSeconds": period, "failureThreshold": 3});
    json!({
        "name": "controller",
        "image": values.image,
        "imagePullPolicy": values.pull_policy,
        "args": arguments(values),
        "env": [
            field("POD_NAME", "metadata.name"),
            field("POD_NAMESPACE", "metadata.namespace"),
            field("POD_IP", "status.podIP"),
        ],
        "ports": [
            {"name": "xds", "containerPort": XDS_PORT, "protocol": "TCP"},
            {"name": "admin", "containerPort": ADMIN_PORT, "protocol": "TCP"},
        ],
        "readinessProbe": probe("/readyz", 2),
        "livenessProbe": probe("/healthz", 10),
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "runAsNonRoot": true,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [{"name": "token", "mountPath": "/var/run/secrets/gatewright", "readOnly": true}],
    })
}

/// What a controller shows to the one that leads.
fn token() -> Value {
    let token = json!({"audience": "gatewright-xds", "expirationSeconds": 3600, "path": "token"});
    json!({"name": "token", "projected": {"sources": [{"serviceAccountToken": token}]}})
}

/// The command line of `gatewright controller`.
fn arguments(values: &Values) -> Vec<String> {
    let mut arguments = vec!["controller".to_owned()];
    arguments.extend(values.controller_names.iter().cloned());
    arguments.push(format!("--proxy-image={}", values.image));
    arguments.push(format!("--log-level={}", values.log_level));
    arguments.push("--log-format=json".to_owned());
    arguments
}
