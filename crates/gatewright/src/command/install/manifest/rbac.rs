//! What the controller may do: as little as does, in roles by purpose.
//!
//! Nobody's Secrets are read unless a namespace is named or all are allowed. Nothing here gives rights on, becomes somebody
//! else or runs commands in Pods.

use serde_json::{Value, json};

use super::{NAME, Secrets, Values, cluster, namespaced};

const WATCH: &[&str] = &["get", "list", "watch"];

/// The roles that every installation has, with their bindings.
pub(in crate::command::install) fn always(values: &Values) -> Vec<Value> {
    let mut objects = Vec::new();
    for (purpose, rules) in [("watch", watch()), ("provision", provision())] {
        let name = format!("{NAME}-{purpose}");
        objects.extend([cluster_role(&name, &rules), cluster_binding(values, &name)]);
    }
    objects.extend([role(&values.namespace, NAME, &own()), binding(values, &values.namespace, NAME)]);
    objects
}

/// What lets Secrets be read.
pub(in crate::command::install) fn secrets(values: &Values, secrets: &Secrets) -> Vec<Value> {
    match secrets {
        Secrets::ClusterWide => secrets_cluster_wide(values),
        Secrets::Namespaces(namespaces) => {
            namespaces.iter().flat_map(|namespace| secrets_of(values, namespace)).collect()
        }
    }
}

pub(in crate::command::install) fn secrets_cluster_wide(values: &Values) -> Vec<Value> {
    let name = format!("{NAME}-secrets");
    vec![cluster_role(&name, &[rule(&[""], &["secrets"], WATCH)]), cluster_binding(values, &name)]
}

pub(in crate::command::install) fn secrets_of(values: &Values, namespace: &str) -> Vec<Value> {
    let name = format!("{NAME}-secrets");
    vec![role(namespace, &name, &[rule(&[""], &["secrets"], WATCH)]), binding(values, namespace, &name)]
}

/// To read what is to be served, and to say what became of it.
fn watch() -> Vec<Value> {
    const GATEWAY: &str = "gateway.networking.k8s.io";
    const EXPERIMENTAL: &str = "gateway.networking.x-k8s.io";
    vec![
        rule(&[GATEWAY, EXPERIMENTAL], &["*"], WATCH),
        rule(&[GATEWAY, EXPERIMENTAL], &STATUSES, &["get", "update", "patch"]),
        // The finalizer of a class that is in use.
        rule(&[GATEWAY], &["gatewayclasses"], &["patch"]),
        rule(&["gatewright.dev"], &["gatewayparameters"], WATCH),
        rule(&["gateway.envoyproxy.io"], &["envoyproxies"], WATCH),
        rule(&[""], &["services", "namespaces", "configmaps"], WATCH),
        rule(&["certificates.k8s.io"], &["clustertrustbundles"], WATCH),
        rule(&["discovery.k8s.io"], &["endpointslices"], WATCH),
        // Which release and channel the Gateway API's CRDs are of.
        rule(&["apiextensions.k8s.io"], &["customresourcedefinitions"], WATCH),
        // Who a proxy is.
        rule(&["authentication.k8s.io"], &["tokenreviews"], &["create"]),
        rule(&["", "events.k8s.io"], &["events"], &["create", "patch"]),
    ]
}

const STATUSES: [&str; 13] = [
    "gatewayclasses/status",
    "gateways/status",
    "listenersets/status",
    "httproutes/status",
    "grpcroutes/status",
    "tlsroutes/status",
    "tcproutes/status",
    "udproutes/status",
    "backendtlspolicies/status",
    "xbackends/status",
    "xbackendtrafficpolicies/status",
    "xtelemetrypolicies/status",
    "xmeshes/status",
];

/// To run data planes beside their Gateways.
fn provision() -> Vec<Value> {
    const MAKE: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];
    vec![
        rule(&[""], &["serviceaccounts", "configmaps", "services"], MAKE),
        rule(&["apps"], &["deployments", "daemonsets"], MAKE),
        rule(&["policy"], &["poddisruptionbudgets"], MAKE),
        rule(&["autoscaling"], &["horizontalpodautoscalers"], MAKE),
    ]
}

/// To agree on who leads, and to keep the key that proxies trust.
fn own() -> Vec<Value> {
    let mut secret = rule(&[""], &["secrets"], &["get", "update", "patch"]);
    secret["resourceNames"] = json!(["gatewright-ca"]);
    vec![
        rule(&["coordination.k8s.io"], &["leases"], &["get", "list", "watch", "create", "update", "patch"]),
        // What is made cannot be told by its name.
        rule(&[""], &["secrets"], &["create"]),
        secret,
    ]
}

fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> Value {
    json!({"apiGroups": groups, "resources": resources, "verbs": verbs})
}

const RBAC: &str = "rbac.authorization.k8s.io/v1";

fn cluster_role(name: &str, rules: &[Value]) -> Value {
    let mut role = cluster(RBAC, "ClusterRole", name);
    role["rules"] = rules.into();
    role
}

fn role(namespace: &str, name: &str, rules: &[Value]) -> Value {
    let mut role = namespaced(RBAC, "Role", namespace, name);
    role["rules"] = rules.into();
    role
}

fn cluster_binding(values: &Values, role: &str) -> Value {
    bound(cluster(RBAC, "ClusterRoleBinding", role), values, "ClusterRole", role)
}

fn binding(values: &Values, namespace: &str, role: &str) -> Value {
    bound(namespaced(RBAC, "RoleBinding", namespace, role), values, "Role", role)
}

fn bound(mut binding: Value, values: &Values, kind: &str, role: &str) -> Value {
    binding["roleRef"] = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role});
    binding["subjects"] = json!([{"kind": "ServiceAccount", "name": NAME, "namespace": values.namespace}]);
    binding
}
