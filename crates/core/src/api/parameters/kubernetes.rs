//! `provider.kubernetes`: the shape of the objects that run a data plane in a cluster.
//!
//! What Kubernetes itself gives a meaning (affinity, volumes, metrics and their like) stays as it was written.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Kubernetes {
    pub envoy_deployment: Option<Deployment>,
    /// Instead of a Deployment: one proxy on each node.
    pub envoy_daemon_set: Option<DaemonSet>,
    pub envoy_service: Service,
    pub envoy_service_account: ServiceAccount,
    #[serde(rename = "envoyPDB")]
    pub envoy_pdb: Option<DisruptionBudget>,
    pub envoy_hpa: Option<Autoscaler>,
    /// Whether the proxy binds ports below 1024 themselves, instead of those 10,000 above.
    pub use_listener_port_as_container_port: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Deployment {
    pub name: Option<String>,
    /// One, when absent and nothing scales it.
    pub replicas: Option<u32>,
    pub strategy: Option<Value>,
    pub pod: Pod,
    pub container: Container,
    pub init_containers: Vec<Value>,
    pub patch: Option<Patch>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DaemonSet {
    pub name: Option<String>,
    pub strategy: Option<Value>,
    pub pod: Pod,
    pub container: Container,
    pub patch: Option<Patch>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Pod {
    pub annotations: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
    pub node_selector: BTreeMap<String, String>,
    pub priority_class_name: Option<String>,
    pub security_context: Option<Value>,
    pub affinity: Option<Value>,
    pub tolerations: Vec<Value>,
    pub topology_spread_constraints: Vec<Value>,
    pub volumes: Vec<Value>,
    pub image_pull_secrets: Vec<Value>,
}

/// The proxy's own container.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    pub image: Option<String>,
    /// The image without its tag, which stays that of this release.
    pub image_repository: Option<String>,
    pub env: Vec<Value>,
    pub resources: Option<Value>,
    pub security_context: Option<Value>,
    pub volume_mounts: Vec<Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Service {
    pub name: Option<String>,
    pub annotations: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
    pub r#type: Option<ServiceType>,
    pub load_balancer_class: Option<String>,
    #[serde(rename = "loadBalancerIP")]
    pub load_balancer_ip: Option<String>,
    pub load_balancer_source_ranges: Vec<String>,
    pub allocate_load_balancer_node_ports: Option<bool>,
    pub external_traffic_policy: Option<ExternalTrafficPolicy>,
    pub patch: Option<Patch>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum ServiceType {
    ClusterIP,
    #[default]
    LoadBalancer,
    NodePort,
}

impl ServiceType {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClusterIP => "ClusterIP",
            Self::LoadBalancer => "LoadBalancer",
            Self::NodePort => "NodePort",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum ExternalTrafficPolicy {
    Local,
    Cluster,
}

impl ExternalTrafficPolicy {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "Local",
            Self::Cluster => "Cluster",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ServiceAccount {
    pub name: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DisruptionBudget {
    pub name: Option<String>,
    /// A number or a percentage.
    pub min_available: Option<Value>,
    /// A number or a percentage.
    pub max_unavailable: Option<Value>,
    pub patch: Option<Patch>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Autoscaler {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub min_replicas: Option<u32>,
    pub max_replicas: u32,
    #[serde(default)]
    pub metrics: Vec<Value>,
    #[serde(default)]
    pub behavior: Option<Value>,
    #[serde(default)]
    pub patch: Option<Patch>,
}

/// A change of an object that was made from all other fields.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Patch {
    #[serde(default)]
    pub r#type: PatchType,
    pub value: Value,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum PatchType {
    /// Lists of named things are merged by their names.
    #[default]
    StrategicMerge,
    /// RFC 7386: lists are replaced.
    JSONMerge,
}

impl Kubernetes {
    /// Checks what fields say together, as their CRD does.
    pub(super) fn check(&self) -> Result<(), String> {
        let root = "spec.provider.kubernetes";
        if self.envoy_deployment.is_some() && self.envoy_daemon_set.is_some() {
            return Err(format!("{root} has both envoyDeployment and envoyDaemonSet; one of the two is accepted"));
        }
        if self.envoy_hpa.is_some() && self.envoy_daemon_set.is_some() {
            return Err(format!("{root}.envoyHpa scales a Deployment, not a DaemonSet, which runs once on each node"));
        }
        if self.envoy_hpa.as_ref().is_some_and(|hpa| hpa.max_replicas < hpa.min_replicas.unwrap_or(1)) {
            return Err(format!("{root}.envoyHpa.maxReplicas is less than minReplicas"));
        }
        if self.envoy_pdb.as_ref().is_some_and(|pdb| pdb.min_available.is_some() && pdb.max_unavailable.is_some()) {
            return Err(format!(
                "{root}.envoyPDB has both minAvailable and maxUnavailable; one of the two is accepted"
            ));
        }
        for (field, patch) in self.patches() {
            if !patch.value.is_object() {
                return Err(format!("{root}.{field}.patch.value is no object"));
            }
        }
        Ok(())
    }

    fn patches(&self) -> impl Iterator<Item = (&'static str, &Patch)> {
        let deployment = self.envoy_deployment.as_ref().and_then(|deployment| deployment.patch.as_ref());
        let daemon_set = self.envoy_daemon_set.as_ref().and_then(|daemon_set| daemon_set.patch.as_ref());
        let budget = self.envoy_pdb.as_ref().and_then(|budget| budget.patch.as_ref());
        let scaler = self.envoy_hpa.as_ref().and_then(|scaler| scaler.patch.as_ref());
        let all = [
            ("envoyDeployment", deployment),
            ("envoyDaemonSet", daemon_set),
            ("envoyService", self.envoy_service.patch.as_ref()),
            ("envoyPDB", budget),
            ("envoyHpa", scaler),
        ];
        all.into_iter().filter_map(|(field, patch)| Some((field, patch?)))
    }
}
