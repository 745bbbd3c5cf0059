//! GatewayParameters (gatewright.dev), and EnvoyProxy (gateway.envoyproxy.io), which is read in its place.
//!
//! The fields are those of Envoy Gateway's EnvoyProxy. A warning says of each that is set and has no effect anywhere; of
//! those that count in a cluster alone, `gatewright run` says so in the status of who refers to them.

use super::root;
use crate::api::schema::{
    rule::Rule,
    shape::{
        Channel, Complete, Object, Schema, anything, boolean, choice, int_or_string, int32, list, map, object,
        optional, required, text, unhonoured,
    },
};

pub(super) fn schema(_: Channel) -> Schema {
    root([optional(
        "spec",
        object([
            optional("provider", provider()),
            optional("mergeGateways", boolean()),
            optional("concurrency", int32()),
            optional("logging", object([optional("level", map(choice(&["trace", "debug", "info", "warn", "error"])))])),
            unhonoured(
                "telemetry",
                object(["accessLog", "tracing", "metrics", "requestID"].map(|name| optional(name, anything()))),
            ),
            optional(
                "shutdown",
                object([
                    optional("drainTimeout", text()),
                    optional("minDrainDuration", text()),
                    unhonoured("healthCheckFailureDelay", text()),
                ]),
            ),
            optional("ipFamily", choice(&["IPv4", "IPv6", "DualStack"])),
            optional("encodedSlash", choice(&["reject", "keep"])),
            optional("emptySegments", choice(&["merge", "keep"])),
            optional("underscores", choice(&["reject", "drop", "keep"])),
            unhonoured("routingType", choice(&["Service", "Endpoint"])),
            unhonoured("preserveRouteOrder", boolean()),
            unhonoured("backendTLS", anything()),
            unhonoured("bootstrap", anything()),
            unhonoured("extraArgs", list(text())),
            unhonoured("filterOrder", list(anything())),
            unhonoured("luaValidation", text()),
            unhonoured("disableLuaValidation", boolean()),
            unhonoured("dynamicModules", anything()),
            unhonoured("geoIP", anything()),
        ]),
    )])
}

fn provider() -> Object {
    object([
        required("type", choice(&["Kubernetes", "Host"])),
        optional("kubernetes", kubernetes()),
        unhonoured("host", anything()),
    ])
}

/// What runs the data plane in a cluster.
fn kubernetes() -> Schema {
    object([
        optional("envoyDeployment", deployment()),
        optional("envoyDaemonSet", daemon_set()),
        optional("envoyService", service()),
        optional("envoyServiceAccount", object([optional("name", text())])),
        optional("envoyPDB", disruption_budget()),
        optional("envoyHpa", autoscaler()),
        optional("useListenerPortAsContainerPort", boolean()),
    ])
    .rules([
        Rule::new("has both envoyDeployment and envoyDaemonSet", "one of the two", |kubernetes| {
            !(kubernetes.has("envoyDeployment") && kubernetes.has("envoyDaemonSet"))
        })
        .blame("envoyDaemonSet"),
        Rule::new("scales a DaemonSet, which runs once on each node", "envoyHpa with envoyDeployment", |kubernetes| {
            !(kubernetes.has("envoyHpa") && kubernetes.has("envoyDaemonSet"))
        })
        .blame("envoyHpa"),
    ])
}

fn deployment() -> Object {
    object([
        optional("name", text()),
        optional("replicas", int32().min(0)),
        optional("strategy", anything()),
        optional("pod", pod()),
        optional("container", container()),
        optional("initContainers", list(anything())),
        optional("patch", patch()),
    ])
}

fn daemon_set() -> Object {
    object([
        optional("name", text()),
        optional("strategy", anything()),
        optional("pod", pod()),
        optional("container", container()),
        optional("patch", patch()),
    ])
}

fn pod() -> Object {
    object([
        optional("annotations", map(text())),
        optional("labels", map(text())),
        optional("nodeSelector", map(text())),
        optional("priorityClassName", text()),
        optional("securityContext", anything()),
        optional("affinity", anything()),
        optional("tolerations", list(anything())),
        optional("topologySpreadConstraints", list(anything())),
        optional("volumes", list(anything())),
        optional("imagePullSecrets", list(anything())),
    ])
}

fn container() -> Object {
    object([
        optional("image", text()),
        optional("imageRepository", text()),
        optional("env", list(anything())),
        optional("resources", anything()),
        optional("securityContext", anything()),
        optional("volumeMounts", list(anything())),
    ])
}

fn service() -> Schema {
    object([
        optional("name", text()),
        optional("annotations", map(text())),
        optional("labels", map(text())),
        optional("type", choice(&["ClusterIP", "LoadBalancer", "NodePort"])),
        optional("loadBalancerClass", text()),
        optional("loadBalancerIP", text()),
        optional("loadBalancerSourceRanges", list(text())),
        optional("allocateLoadBalancerNodePorts", boolean()),
        optional("externalTrafficPolicy", choice(&["Local", "Cluster"])),
        optional("patch", patch()),
    ])
    .rules(["loadBalancerIP", "loadBalancerSourceRanges", "allocateLoadBalancerNodePorts"].map(|field| {
        // Unset, the type is LoadBalancer.
        Rule::new(
            format!("has {field}, which belongs to type LoadBalancer"),
            format!("{field} only with type: LoadBalancer"),
            move |service| !service.has(field) || matches!(service.text("type"), "" | "LoadBalancer"),
        )
        .blame(field)
    }))
}

fn disruption_budget() -> Schema {
    object([
        optional("name", text()),
        optional("minAvailable", int_or_string()),
        optional("maxUnavailable", int_or_string()),
        optional("patch", patch()),
    ])
    .rule(
        Rule::new("has both minAvailable and maxUnavailable", "one of the two", |budget| {
            !(budget.has("minAvailable") && budget.has("maxUnavailable"))
        })
        .blame("maxUnavailable"),
    )
}

fn autoscaler() -> Schema {
    object([
        optional("name", text()),
        optional("minReplicas", int32().min(1)),
        required("maxReplicas", int32().min(1)),
        optional("metrics", list(anything())),
        optional("behavior", anything()),
        optional("patch", patch()),
    ])
    .rule(
        Rule::new("is less than minReplicas", "a maxReplicas of at least minReplicas", |scaler| {
            scaler.number("minReplicas").is_none_or(|min| scaler.number("maxReplicas") >= Some(min))
        })
        .blame("maxReplicas"),
    )
}

/// A patch of the object that the controller makes.
fn patch() -> Object {
    object([optional("type", choice(&["StrategicMerge", "JSONMerge"])), required("value", anything())])
}
