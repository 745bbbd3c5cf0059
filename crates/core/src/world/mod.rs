//! Everything that is known: the objects by kind and name, what was observed of the running data planes, and how this
//! installation is set up.
//!
//! Holds and looks up; judges nothing. Objects get here typed, hence structurally valid: a reference may still lead
//! nowhere.

mod changes;
mod kind;
mod objects;
mod observed;

use std::collections::{BTreeMap, BTreeSet};

pub use changes::Changes;
pub use kind::{Kind, Object, ObjectError};
pub use objects::Objects;
pub use observed::{Bundle, DataPlane, DataPlaneState, Observed};

use crate::api::{
    backend_tls_policy::BackendTlsPolicy, cluster_trust_bundle::ClusterTrustBundle, config_map::ConfigMap,
    endpoint_slice::EndpointSlice, gateway::Gateway, gateway_class::GatewayClass, grpc_route::GrpcRoute,
    http_route::HttpRoute, listener_set::ListenerSet, namespace::Namespace, parameters::GatewayParameters,
    reference_grant::ReferenceGrant, secret::Secret, service::Service, tcp_route::TcpRoute, tls_route::TlsRoute,
    udp_route::UdpRoute, x_backend::XBackend, x_backend_traffic_policy::XBackendTrafficPolicy, x_mesh::XMesh,
    x_telemetry_policy::XTelemetryPolicy,
};

/// Where an object is among those of its kind. `namespace` is empty for cluster-scoped kinds.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    pub namespace: String,
    pub name: String,
}

impl ObjectKey {
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The key of an object of a cluster-scoped kind.
    pub fn cluster(name: impl Into<String>) -> Self {
        Self::new("", name)
    }
}

/// `namespace/name`, or the name alone of cluster-scoped kinds.
impl std::fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.namespace.as_str() {
            "" => f.write_str(&self.name),
            namespace => write!(f, "{namespace}/{}", self.name),
        }
    }
}

impl std::fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// Names one object of any kind.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    pub kind: Kind,
    pub key: ObjectKey,
}

impl ObjectRef {
    pub fn new(kind: Kind, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind, key: ObjectKey::new(namespace, name) }
    }
}

/// `HTTPRoute namespace/name`.
impl std::fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind.name(), self.key)
    }
}

impl std::fmt::Debug for ObjectRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// The input of the compiler. Equal worlds give equal outcomes, in whichever order their objects came.
#[derive(Clone, Debug)]
pub struct World {
    pub gateway_classes: Objects<GatewayClass>,
    pub gateways: Objects<Gateway>,
    pub listener_sets: Objects<ListenerSet>,
    pub http_routes: Objects<HttpRoute>,
    pub grpc_routes: Objects<GrpcRoute>,
    pub tls_routes: Objects<TlsRoute>,
    pub tcp_routes: Objects<TcpRoute>,
    pub udp_routes: Objects<UdpRoute>,
    pub backend_tls_policies: Objects<BackendTlsPolicy>,
    pub reference_grants: Objects<ReferenceGrant>,
    pub x_backends: Objects<XBackend>,
    pub x_backend_traffic_policies: Objects<XBackendTrafficPolicy>,
    pub x_telemetry_policies: Objects<XTelemetryPolicy>,
    pub x_meshes: Objects<XMesh>,
    pub gateway_parameters: Objects<GatewayParameters>,
    /// Read as GatewayParameters.
    pub envoy_proxies: Objects<GatewayParameters>,
    pub services: Objects<Service>,
    pub endpoint_slices: Objects<EndpointSlice>,
    pub secrets: Objects<Secret>,
    pub config_maps: Objects<ConfigMap>,
    pub cluster_trust_bundles: Objects<ClusterTrustBundle>,
    pub namespaces: Objects<Namespace>,
    /// What was observed may be replaced at any time.
    pub observed: Observed,
    /// Never changes once there are objects.
    pub(crate) settings: Settings,
    slices_by_service: BTreeMap<ObjectKey, BTreeSet<ObjectKey>>,
    changes: Changes,
}

/// How this installation is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name under which statuses are written where a class names no controller of ours.
    pub controllers: Controllers,
    /// Whether all Gateways share one data plane, as standalone.
    pub merge_gateways: bool,
    pub inspect: Inspect,
}

/// Whose GatewayClasses are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Controllers {
    /// Standalone: nobody else is there.
    All,
    Named(Vec<String>),
}

impl Controllers {
    pub fn serve(&self, controller_name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.iter().any(|name| name == controller_name),
        }
    }
}

/// The cryptography that the core does not have. Each function is pure: equal bytes, equal answer.
#[derive(Clone, Copy, Debug)]
pub struct Inspect {
    /// Reads a certificate chain and its private key, both PEM, or says why they cannot be served.
    pub key_pair: fn(chain_pem: &[u8], key_pem: &[u8]) -> Result<CertificateInfo, String>,
    /// Counts the trust anchors in a PEM file, or says why it holds none.
    pub trust_anchors: fn(pem: &[u8]) -> Result<usize, String>,
}

/// What a served certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateInfo {
    /// Lower-case, wildcards as `*.example.com`.
    pub dns_names: Vec<String>,
    /// Seconds since 1970.
    pub not_after_unix: u64,
    /// SHA-256 of the leaf, in hexadecimal.
    pub fingerprint: String,
}

impl World {
    /// A world without objects.
    pub fn new(settings: Settings) -> Self {
        Self {
            gateway_classes: Objects::new(),
            gateways: Objects::new(),
            listener_sets: Objects::new(),
            http_routes: Objects::new(),
            grpc_routes: Objects::new(),
            tls_routes: Objects::new(),
            tcp_routes: Objects::new(),
            udp_routes: Objects::new(),
            backend_tls_policies: Objects::new(),
            reference_grants: Objects::new(),
            x_backends: Objects::new(),
            x_backend_traffic_policies: Objects::new(),
            x_telemetry_policies: Objects::new(),
            x_meshes: Objects::new(),
            gateway_parameters: Objects::new(),
            envoy_proxies: Objects::new(),
            services: Objects::new(),
            endpoint_slices: Objects::new(),
            secrets: Objects::new(),
            config_maps: Objects::new(),
            cluster_trust_bundles: Objects::new(),
            namespaces: Objects::new(),
            observed: Observed::default(),
            settings,
            slices_by_service: BTreeMap::new(),
            changes: Changes::default(),
        }
    }

    /// Whether GatewayClasses of a controller of this name are ours.
    pub fn serves(&self, controller_name: &str) -> bool {
        self.settings.controllers.serve(controller_name)
    }

    /// Returns the labels of a namespace. One that no object describes exists all the same, with the label that
    /// Kubernetes gives to every namespace.
    pub fn namespace_labels(&self, name: &str) -> BTreeMap<String, String> {
        let mut labels = self
            .namespaces
            .get(&ObjectKey::cluster(name))
            .map(|namespace| namespace.metadata.labels.clone())
            .unwrap_or_default();
        labels.insert(NAMESPACE_NAME_LABEL.to_owned(), name.to_owned());
        labels
    }
}

const NAMESPACE_NAME_LABEL: &str = "kubernetes.io/metadata.name";

#[cfg(test)]
mod tests;
