//! The objects that make an installation.
//!
//! Values are texts and numbers here; for the chart they are Helm's own expressions, which stand where a value would.

pub(super) mod crd;
pub(super) mod rbac;
mod workload;

use serde_json::{Map, Value, json};

/// The name under which GatewayClasses are served unless told otherwise.
pub(super) const CONTROLLER_NAME: &str = "gatewright.dev/gateway-controller";

/// What all objects of the installation are called.
pub(super) const NAME: &str = "gatewright";

/// The image of this release.
pub(super) fn default_image() -> String {
    format!("gatewright/gatewright:{}", env!("CARGO_PKG_VERSION"))
}

/// What people choose.
pub(super) struct Values {
    pub(super) namespace: String,
    pub(super) image: String,
    pub(super) pull_policy: String,
    pub(super) replicas: Value,
    /// As arguments of the controller.
    pub(super) controller_names: Vec<String>,
    /// The GatewayClass's.
    pub(super) controller_name: String,
    pub(super) gateway_class: String,
    pub(super) log_level: String,
}

/// Whose Secrets the controller may read.
pub(super) enum Secrets {
    ClusterWide,
    Namespaces(Vec<String>),
}

/// What every installation has, in the order in which it can be applied.
pub(super) fn always(values: &Values) -> Vec<Value> {
    let mut objects = vec![service_account(values)];
    objects.extend(rbac::always(values));
    objects.extend([workload::service(values), workload::disruption_budget(values), workload::deployment(values)]);
    objects
}

/// Its Pods may do nothing that the restricted standard forbids, and the API server sees to it.
pub(super) fn namespace(values: &Values) -> Value {
    let mut namespace = cluster("v1", "Namespace", &values.namespace);
    namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "restricted".into();
    namespace
}

pub(super) fn gateway_class(values: &Values) -> Value {
    let mut class = cluster("gateway.networking.k8s.io/v1", "GatewayClass", &values.gateway_class);
    class["spec"] = json!({"controllerName": values.controller_name});
    class
}

fn service_account(values: &Values) -> Value {
    namespaced("v1", "ServiceAccount", &values.namespace, NAME)
}

/// An object of a cluster-scoped kind, with its `metadata`.
fn cluster(api_version: &str, kind: &str, name: &str) -> Value {
    let mut labels = selector();
    labels.insert("app.kubernetes.io/managed-by".into(), NAME.into());
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "labels": labels}})
}

fn namespaced(api_version: &str, kind: &str, namespace: &str, name: &str) -> Value {
    let mut object = cluster(api_version, kind, name);
    object["metadata"]["namespace"] = namespace.into();
    object
}

/// The labels by which the controller's Pods are found.
fn selector() -> Map<String, Value> {
    let labels = [("app.kubernetes.io/name", NAME), ("app.kubernetes.io/component", "controller")];
    labels.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect()
}
