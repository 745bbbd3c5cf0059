//! The kinds that are read: one line each in [`kinds!`].

use serde_json::Value;

use super::{ObjectKey, ObjectRef, World};
use crate::api::{self, ENVOY_GATEWAY_GROUP, GATEWAY_GROUP, GATEWRIGHT_GROUP, X_GROUP, meta::ObjectMeta};

/// Defines [`Kind`], [`Object`] and how they reach the [`World`]'s fields.
macro_rules! kinds {
    ($($kind:ident = $name:literal, $group:expr, $versions:expr, $scope:ident, $field:ident: $type:ty;)*) => {
        /// A kind of object that the compiler reads.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($kind,)*
        }

        impl Kind {
            /// In the order of the table.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// As manifests spell it: `HTTPRoute`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// Empty for Kubernetes' own first group.
            pub fn group(self) -> &'static str {
                match self { $(Self::$kind => $group,)* }
            }

            /// The served versions, the newest first. All are read alike.
            pub fn versions(self) -> &'static [&'static str] {
                match self { $(Self::$kind => &$versions,)* }
            }

            pub fn is_namespaced(self) -> bool {
                match self { $(Self::$kind => matches!(Scope::$scope, Scope::Namespace),)* }
            }
        }

        /// An object of one of the kinds.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Object {
            $($kind(Box<$type>),)*
        }

        impl Object {
            pub fn kind(&self) -> Kind {
                match self { $(Self::$kind(_) => Kind::$kind,)* }
            }

            pub fn metadata(&self) -> &ObjectMeta {
                match self { $(Self::$kind(object) => &object.metadata,)* }
            }

            fn metadata_mut(&mut self) -> &mut ObjectMeta {
                match self { $(Self::$kind(object) => &mut object.metadata,)* }
            }

            fn typed(kind: Kind, value: Value) -> Result<Self, serde_json::Error> {
                Ok(match kind { $(Kind::$kind => Self::$kind(Box::new(serde_json::from_value(value)?)),)* })
            }
        }

        impl World {
            /// Puts an object in its place, and names it if it says something else than the older one there.
            pub(super) fn put(&mut self, key: ObjectKey, object: Object) -> Option<ObjectRef> {
                match object {$(
                    Object::$kind(object) => {
                        let version = object.metadata.resource_version.clone();
                        let old = self.$field.insert(key.clone(), *object);
                        let same = old.is_some_and(|mut old| {
                            old.metadata.resource_version = version;
                            self.$field.get(&key) == Some(&old)
                        });
                        (!same).then_some(ObjectRef { kind: Kind::$kind, key })
                    }
                )*}
            }

            /// Names the objects of a kind, in the order of their names.
            pub fn keys(&self, kind: Kind) -> Box<dyn Iterator<Item = &ObjectKey> + '_> {
                match kind { $(Kind::$kind => Box::new(self.$field.keys()),)* }
            }

            /// Takes an object out; says whether it was there.
            pub(super) fn take(&mut self, object: &ObjectRef) -> bool {
                match object.kind { $(Kind::$kind => self.$field.remove(&object.key).is_some(),)* }
            }

            pub fn contains(&self, object: &ObjectRef) -> bool {
                match object.kind { $(Kind::$kind => self.$field.contains_key(&object.key),)* }
            }

            /// `metadata` of an object that is there.
            pub fn metadata(&self, object: &ObjectRef) -> Option<&ObjectMeta> {
                match object.kind { $(Kind::$kind => self.$field.get(&object.key).map(|object| &object.metadata),)* }
            }

            /// Names every object, by kind and then by name.
            pub fn object_refs(&self) -> impl Iterator<Item = ObjectRef> {
                std::iter::empty()
                    $(.chain(self.$field.keys().map(|key| ObjectRef { kind: Kind::$kind, key: key.clone() })))*
            }
        }
    };
}

enum Scope {
    Cluster,
    Namespace,
}

kinds! {
    GatewayClass = "GatewayClass", GATEWAY_GROUP, ["v1", "v1beta1"], Cluster, gateway_classes: api::gateway_class::GatewayClass;
    Gateway = "Gateway", GATEWAY_GROUP, ["v1", "v1beta1"], Namespace, gateways: api::gateway::Gateway;
    ListenerSet = "ListenerSet", GATEWAY_GROUP, ["v1"], Namespace, listener_sets: api::listener_set::ListenerSet;
    HttpRoute = "HTTPRoute", GATEWAY_GROUP, ["v1", "v1beta1"], Namespace, http_routes: api::http_route::HttpRoute;
    GrpcRoute = "GRPCRoute", GATEWAY_GROUP, ["v1"], Namespace, grpc_routes: api::grpc_route::GrpcRoute;
    TlsRoute = "TLSRoute", GATEWAY_GROUP, ["v1", "v1alpha3", "v1alpha2"], Namespace, tls_routes: api::tls_route::TlsRoute;
    TcpRoute = "TCPRoute", GATEWAY_GROUP, ["v1", "v1alpha2"], Namespace, tcp_routes: api::tcp_route::TcpRoute;
    UdpRoute = "UDPRoute", GATEWAY_GROUP, ["v1", "v1alpha2"], Namespace, udp_routes: api::udp_route::UdpRoute;
    BackendTlsPolicy = "BackendTLSPolicy", GATEWAY_GROUP, ["v1", "v1alpha3"], Namespace, backend_tls_policies: api::backend_tls_policy::BackendTlsPolicy;
    ReferenceGrant = "ReferenceGrant", GATEWAY_GROUP, ["v1", "v1beta1"], Namespace, reference_grants: api::reference_grant::ReferenceGrant;
    XBackend = "XBackend", X_GROUP, ["v1alpha1"], Namespace, x_backends: api::x_backend::XBackend;
    XBackendTrafficPolicy = "XBackendTrafficPolicy", X_GROUP, ["v1alpha1"], Namespace, x_backend_traffic_policies: api::x_backend_traffic_policy::XBackendTrafficPolicy;
    XTelemetryPolicy = "XTelemetryPolicy", X_GROUP, ["v1alpha1"], Namespace, x_telemetry_policies: api::x_telemetry_policy::XTelemetryPolicy;
    XMesh = "XMesh", X_GROUP, ["v1alpha1"], Cluster, x_meshes: api::x_mesh::XMesh;
    GatewayParameters = "GatewayParameters", GATEWRIGHT_GROUP, ["v1alpha1"], Namespace, gateway_parameters: api::parameters::GatewayParameters;
    EnvoyProxy = "EnvoyProxy", ENVOY_GATEWAY_GROUP, ["v1alpha1"], Namespace, envoy_proxies: api::parameters::GatewayParameters;
    Service = "Service", "", ["v1"], Namespace, services: api::service::Service;
    EndpointSlice = "EndpointSlice", "discovery.k8s.io", ["v1"], Namespace, endpoint_slices: api::endpoint_slice::EndpointSlice;
    Secret = "Secret", "", ["v1"], Namespace, secrets: api::secret::Secret;
    ConfigMap = "ConfigMap", "", ["v1"], Namespace, config_maps: api::config_map::ConfigMap;
    ClusterTrustBundle = "ClusterTrustBundle", "certificates.k8s.io", ["v1", "v1beta1"], Cluster, cluster_trust_bundles: api::cluster_trust_bundle::ClusterTrustBundle;
    Namespace = "Namespace", "", ["v1"], Cluster, namespaces: api::namespace::Namespace;
}

impl Kind {
    /// Finds the kind that a reference names; versions do not matter there.
    pub fn find(group: &str, name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name && kind.group() == group)
    }

    /// Finds the kind of a manifest. `None` when the kind, or this version of it, is not read.
    pub fn of_manifest(api_version: &str, name: &str) -> Option<Self> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self::find(group, name).filter(|kind| kind.versions().contains(&version))
    }

    /// `apiVersion` of the newest version.
    pub fn api_version(self) -> String {
        match (self.group(), self.versions()[0]) {
            ("", version) => version.to_owned(),
            (group, version) => format!("{group}/{version}"),
        }
    }
}

/// Why a manifest is no [`Object`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectError {
    /// Not among the kinds and versions that are read.
    UnknownKind { api_version: String, kind: String },
    /// Does not have the kind's shape.
    Malformed(String),
}

impl std::fmt::Display for ObjectError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownKind { api_version, kind } => {
                write!(f, "kind {kind:?} of apiVersion {api_version:?} is not read")
            }
            Self::Malformed(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ObjectError {}

impl Object {
    /// Reads a manifest. A namespaced object that names no namespace is in `default`. A status is left out: it is what
    /// the compiler says, and means nothing to it.
    ///
    /// # Errors
    /// The kind is not read, or the object does not have its shape.
    pub fn from_value(mut value: Value) -> Result<Self, ObjectError> {
        if let Some(fields) = value.as_object_mut() {
            fields.remove("status");
        }
        let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        let Some(kind) = Kind::of_manifest(&api_version, &kind) else {
            return Err(ObjectError::UnknownKind { api_version, kind });
        };
        let mut object = Self::typed(kind, value).map_err(|error| ObjectError::Malformed(error.to_string()))?;
        if object.metadata().name.is_empty() {
            return Err(ObjectError::Malformed("metadata.name is missing".to_owned()));
        }
        let namespace = &mut object.metadata_mut().namespace;
        if !kind.is_namespaced() {
            namespace.clear();
        } else if namespace.is_empty() {
            "default".clone_into(namespace);
        }
        Ok(object)
    }

    pub fn key(&self) -> ObjectKey {
        let metadata = self.metadata();
        ObjectKey::new(&metadata.namespace, &metadata.name)
    }

    pub fn object_ref(&self) -> ObjectRef {
        ObjectRef { kind: self.kind(), key: self.key() }
    }
}
