//! A proxy's Pod: without privileges, without a token for the API server, and with nothing on disk.

use std::time::Duration;

use gatewright_core::{
    api::parameters::{Container, IpFamily, Pod},
    infrastructure::{ServicePort, Transport},
};
use serde_json::{Map, Value, json};

use super::{Draft, set, set_list, texts};
use crate::provision::patch::merge_named;

/// The proxy's container. EnvoyProxy's manifests patch `envoy`, which is taken to mean it.
pub(crate) const CONTAINER: &str = "gatewright";

/// Health, readiness and metrics.
const ADMIN_PORT: u16 = 19_000;

/// For whom the proxy's token is: the control plane alone takes it.
const TOKEN_AUDIENCE: &str = "gatewright-xds";
/// Short, since a token that got away is good until then; the kubelet renews it in time.
const TOKEN_SECONDS: u32 = 3600;

/// How long running requests may take to end. With the two below it makes the 30 s that Kubernetes gives every pod: a
/// namespace that is deleted is looked at again after half of what its slowest pod may take.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);
/// How long connections are still taken, so that whoever balances load has noticed: kube-proxy needs about a second.
const MIN_DRAIN: Duration = Duration::from_secs(5);
/// Beyond the drain, for the process to end by itself.
const GRACE: Duration = Duration::from_secs(5);

/// The proxy runs as this user, who exists nowhere else.
const USER: u32 = 65_532;

pub(super) fn template(draft: &Draft<'_>, pod: &Pod, container: &Container) -> Value {
    let labels = draft.labels(Some(&pod.labels));
    let mut annotations = scraped();
    annotations.extend(draft.annotations(Some(&pod.annotations)));
    json!({"metadata": {"labels": labels, "annotations": annotations}, "spec": spec(draft, pod, container)})
}

/// What Prometheus is told by convention.
fn scraped() -> Map<String, Value> {
    let port = ADMIN_PORT.to_string();
    let annotations = [("scrape", "true"), ("path", "/metrics"), ("port", port.as_str())];
    annotations.into_iter().map(|(key, value)| (format!("prometheus.io/{key}"), value.into())).collect()
}

fn spec(draft: &Draft<'_>, pod: &Pod, container: &Container) -> Value {
    let (drain, min_drain) = drain(draft);
    let mut spec = json!({
        "serviceAccountName": draft.infrastructure.service_account,
        "automountServiceAccountToken": false,
        // Variables for each Service of the namespace are of no use, and thousands of them keep a process from starting.
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": (drain + min_drain + GRACE).as_secs(),
        "securityContext": pod.security_context.clone().unwrap_or_else(pod_security),
        "containers": [proxy(draft, container)],
        "volumes": volumes(draft),
    });
    merge_named(&mut spec["volumes"], &pod.volumes);
    if !pod.node_selector.is_empty() {
        spec["nodeSelector"] = texts(Some(&pod.node_selector)).into();
    }
    set(&mut spec, "priorityClassName", pod.priority_class_name.clone());
    set(&mut spec, "affinity", pod.affinity.clone());
    set_list(&mut spec, "tolerations", &pod.tolerations);
    set_list(&mut spec, "topologySpreadConstraints", &pod.topology_spread_constraints);
    set_list(&mut spec, "imagePullSecrets", &pod.image_pull_secrets);
    spec
}

fn drain(draft: &Draft<'_>) -> (Duration, Duration) {
    let shutdown = &draft.parameters.shutdown;
    (shutdown.drain_timeout.map_or(DRAIN_TIMEOUT, |it| it.0), shutdown.min_drain_duration.map_or(MIN_DRAIN, |it| it.0))
}

fn pod_security() -> Value {
    json!({"runAsNonRoot": true, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER, "seccompProfile": {"type": "RuntimeDefault"}})
}

fn container_security() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "runAsNonRoot": true,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    })
}

fn proxy(draft: &Draft<'_>, container: &Container) -> Value {
    let probe = |path: &str, period: u32| json!({"httpGet": {"path": path, "port": "admin"}, "periodSeconds": period, "failureThreshold": 3});
    let mut proxy = json!({
        "name": CONTAINER,
        "image": image(draft, container),
        "args": arguments(draft),
        "env": [
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            // Of the allocator: pages of 2 MiB make a table of thousands of routes a few percent faster, and a proxy of any
            // size twice as large. Where many Gateways share few nodes, size counts.
            {"name": "MIMALLOC_ALLOW_THP", "value": "0"},
        ],
        // Listeners' ports are not named: to add one would replace every Pod.
        "ports": [{"name": "admin", "containerPort": ADMIN_PORT, "protocol": "TCP"}],
        "readinessProbe": probe("/readyz", 1),
        "livenessProbe": probe("/healthz", 10),
        "resources": container.resources.clone().unwrap_or_else(|| json!({"requests": {"cpu": "50m", "memory": "32Mi"}})),
        "securityContext": container.security_context.clone().unwrap_or_else(container_security),
        "volumeMounts": [
            {"name": "ca", "mountPath": "/etc/gatewright/ca", "readOnly": true},
            {"name": "token", "mountPath": "/var/run/secrets/gatewright", "readOnly": true},
            {"name": "cache", "mountPath": "/var/cache/gatewright"},
        ],
    });
    merge_named(&mut proxy["env"], &container.env);
    merge_named(&mut proxy["volumeMounts"], &container.volume_mounts);
    proxy
}

fn image(draft: &Draft<'_>, container: &Container) -> String {
    if let Some(image) = &container.image {
        return image.clone();
    }
    let image = &draft.settings.image;
    let Some(repository) = &container.image_repository else { return image.clone() };
    // The tag follows the last slash; a colon before it is of the registry's port.
    let name = image.rfind('/').map_or(0, |slash| slash + 1);
    match image[name..].find([':', '@']) {
        Some(tag) => format!("{repository}{}", &image[name + tag..]),
        None => repository.clone(),
    }
}

/// The command line of `gatewright proxy`.
fn arguments(draft: &Draft<'_>) -> Vec<String> {
    let parameters = draft.parameters;
    let (drain, min_drain) = drain(draft);
    let offset = match parameters.provider.kubernetes.use_listener_port_as_container_port {
        true => 0,
        false => ServicePort::OFFSET,
    };
    let mut arguments = vec![
        "proxy".to_owned(),
        format!("--control-plane={}", draft.settings.control_plane),
        "--ca-file=/etc/gatewright/ca/ca.crt".to_owned(),
        "--token-file=/var/run/secrets/gatewright/token".to_owned(),
        "--cache-dir=/var/cache/gatewright".to_owned(),
        format!("--admin={}:{ADMIN_PORT}", any_address(parameters.ip_family)),
        format!("--port-offset={offset}"),
        format!("--drain-timeout={}", drain.as_secs()),
        format!("--min-drain={}", min_drain.as_secs()),
        format!("--log-level={}", parameters.log_level().as_str()),
        "--log-format=json".to_owned(),
    ];
    arguments.extend(parameters.concurrency.map(|workers| format!("--workers={workers}")));
    arguments
}

/// Where the kubelet reaches a Pod whose first address is of its cluster's family.
fn any_address(family: Option<IpFamily>) -> &'static str {
    match family {
        None | Some(IpFamily::IPv4) => "0.0.0.0",
        // Of both families, where there are both.
        Some(IpFamily::IPv6 | IpFamily::DualStack) => "[::]",
    }
}

pub(super) fn protocol(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "TCP",
        Transport::Udp => "UDP",
    }
}

pub(super) fn port_name(port: ServicePort) -> String {
    format!("{}-{}", protocol(port.transport).to_lowercase(), port.port)
}

fn volumes(draft: &Draft<'_>) -> Value {
    json!([
        {"name": "ca", "configMap": {"name": draft.infrastructure.name}},
        {"name": "token", "projected": {"sources": [{"serviceAccountToken": {
            "audience": TOKEN_AUDIENCE, "expirationSeconds": TOKEN_SECONDS, "path": "token",
        }}]}},
        // In memory: the last good Plan outlives the process, not the Pod.
        {"name": "cache", "emptyDir": {"medium": "Memory", "sizeLimit": "256Mi"}},
    ])
}
