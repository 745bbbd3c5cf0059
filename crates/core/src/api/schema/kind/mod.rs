//! The kinds that Gatewright reads: group, scope, served versions, and where each one's schema is written.

mod backend_ref;
mod backend_tls_policy;
mod config;
mod endpoint_slice;
mod external_auth;
mod gateway;
mod gateway_class;
mod gateway_parameters;
mod grpc_route;
mod header;
mod http_filter;
mod http_route;
mod layer4_route;
mod listener;
mod listener_set;
mod mirror;
mod parent_ref;
mod reference;
mod reference_grant;
mod route;
mod service;
mod session_persistence;
mod x_backend;
mod x_backend_traffic_policy;
mod x_telemetry_policy;

use std::sync::{LazyLock, OnceLock};

use super::{
    metadata,
    shape::{Channel, Field, Schema, anything, object, optional},
};

/// One kind of one group.
pub(super) struct Kind {
    pub(super) group: &'static str,
    pub(super) name: &'static str,
    pub(super) scope: Scope,
    form: NameForm,
    pub(super) versions: Vec<Version>,
    metadata: OnceLock<Schema>,
}

/// One version of a kind, with its schema in each channel (standard, experimental), built when it is first asked for.
pub(super) struct Version {
    pub(super) name: &'static str,
    standard: Option<Lazy>,
    experimental: Option<Lazy>,
}

struct Lazy {
    build: fn(Channel) -> Schema,
    built: OnceLock<Schema>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Namespaced,
    Cluster,
}

/// Syntax of a kind's names, in the terms of DNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameForm {
    Subdomain,
    Label,
    /// A label that begins with a letter (DNS-1035).
    AlphabeticLabel,
    /// A subdomain, behind a signer's name if the object has one: the kind's own rule says.
    Signed,
}

/// Answer to the question for a kind.
pub(super) enum Found {
    Served(&'static Kind, &'static Version),
    /// The kind is there, in other versions or in the other channel only.
    NotServed {
        accepted: String,
    },
    Unknown,
}

pub(super) fn find(group: &str, version: &str, name: &str, channel: Channel) -> Found {
    let Some(kind) = KINDS.iter().find(|kind| kind.group == group && kind.name == name) else { return Found::Unknown };
    let served = || kind.versions.iter().filter(|version| version.is_served(channel));
    if let Some(version) = served().find(|served| served.name == version) {
        return Found::Served(kind, version);
    }
    let slash = if group.is_empty() { "" } else { "/" };
    let accepted: Vec<_> = served().map(|version| format!("{group}{slash}{}", version.name)).collect();
    let accepted = if accepted.is_empty() { "the experimental channel".to_owned() } else { accepted.join(", ") };
    Found::NotServed { accepted }
}

impl Kind {
    fn new(group: &'static str, name: &'static str, versions: Vec<Version>) -> Self {
        let (scope, form) = (Scope::Namespaced, NameForm::Subdomain);
        Self { group, name, scope, form, versions, metadata: OnceLock::new() }
    }

    fn cluster_scoped(mut self) -> Self {
        self.scope = Scope::Cluster;
        self
    }

    fn named(mut self, form: NameForm) -> Self {
        self.form = form;
        self
    }

    /// The schema of one version, which [`find`] found in this channel.
    pub(super) fn schema(&self, version: &'static Version, channel: Channel) -> &'static Schema {
        let lazy = version.lazy(channel).expect("only a served version is asked for its schema");
        lazy.built.get_or_init(|| (lazy.build)(channel))
    }

    /// Whether the kind belongs to another project, whose next version may have more fields than are known here.
    pub(super) fn is_read_in_part(&self) -> bool {
        self.group == ENVOY
    }

    pub(super) fn metadata(&self) -> &Schema {
        self.metadata.get_or_init(|| metadata::schema(self.form))
    }
}

impl Version {
    fn both(name: &'static str, build: fn(Channel) -> Schema) -> Self {
        Self { name, standard: Some(Lazy::new(build)), experimental: Some(Lazy::new(build)) }
    }

    fn experimental(name: &'static str, build: fn(Channel) -> Schema) -> Self {
        Self { name, standard: None, experimental: Some(Lazy::new(build)) }
    }

    pub(super) fn is_served(&self, channel: Channel) -> bool {
        self.lazy(channel).is_some()
    }

    fn lazy(&self, channel: Channel) -> Option<&Lazy> {
        match channel {
            Channel::Standard => self.standard.as_ref(),
            Channel::Experimental => self.experimental.as_ref(),
        }
    }
}

impl Lazy {
    fn new(build: fn(Channel) -> Schema) -> Self {
        Self { build, built: OnceLock::new() }
    }
}

/// An object with these fields beside those that every object has.
fn root<const N: usize>(fields: [Field; N]) -> Schema {
    let mut root =
        object([optional("apiVersion", anything()), optional("kind", anything()), optional("metadata", anything())]);
    root.fields.extend(fields);
    root.into()
}

const GATEWAY: &str = "gateway.networking.k8s.io";
const EXPERIMENTAL: &str = "gateway.networking.x-k8s.io";
const OWN: &str = "gatewright.dev";
const ENVOY: &str = "gateway.envoyproxy.io";

pub(super) static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    vec![
        Kind::new(
            GATEWAY,
            "GatewayClass",
            vec![Version::both("v1", gateway_class::schema), Version::both("v1beta1", gateway_class::schema)],
        )
        .cluster_scoped(),
        Kind::new(
            GATEWAY,
            "Gateway",
            vec![Version::both("v1", gateway::schema), Version::both("v1beta1", gateway::schema)],
        ),
        Kind::new(GATEWAY, "ListenerSet", vec![Version::both("v1", listener_set::schema)]),
        Kind::new(
            GATEWAY,
            "HTTPRoute",
            vec![Version::both("v1", http_route::schema), Version::both("v1beta1", http_route::schema)],
        ),
        Kind::new(GATEWAY, "GRPCRoute", vec![Version::both("v1", grpc_route::schema)]),
        Kind::new(
            GATEWAY,
            "TLSRoute",
            vec![
                Version::both("v1", layer4_route::tls),
                Version::experimental("v1alpha3", layer4_route::tls),
                Version::experimental("v1alpha2", layer4_route::tls_v1alpha2),
            ],
        ),
        Kind::new(
            GATEWAY,
            "TCPRoute",
            vec![
                Version::both("v1", layer4_route::tcp_or_udp),
                Version::experimental("v1alpha2", layer4_route::tcp_or_udp_v1alpha2),
            ],
        ),
        Kind::new(
            GATEWAY,
            "UDPRoute",
            vec![
                Version::both("v1", layer4_route::tcp_or_udp),
                Version::experimental("v1alpha2", layer4_route::tcp_or_udp_v1alpha2),
            ],
        ),
        Kind::new(
            GATEWAY,
            "BackendTLSPolicy",
            vec![
                Version::both("v1", backend_tls_policy::schema),
                Version::experimental("v1alpha3", backend_tls_policy::schema),
            ],
        ),
        Kind::new(
            GATEWAY,
            "ReferenceGrant",
            vec![Version::both("v1", reference_grant::schema), Version::both("v1beta1", reference_grant::schema)],
        ),
        Kind::new(EXPERIMENTAL, "XBackend", vec![Version::experimental("v1alpha1", x_backend::schema)]),
        Kind::new(
            EXPERIMENTAL,
            "XBackendTrafficPolicy",
            vec![Version::experimental("v1alpha1", x_backend_traffic_policy::schema)],
        ),
        Kind::new(
            EXPERIMENTAL,
            "XTelemetryPolicy",
            vec![Version::experimental("v1alpha1", x_telemetry_policy::schema)],
        ),
        Kind::new(EXPERIMENTAL, "XMesh", vec![Version::experimental("v1alpha1", gateway_class::schema)])
            .cluster_scoped(),
        Kind::new("", "Service", vec![Version::both("v1", service::schema)]).named(NameForm::AlphabeticLabel),
        Kind::new("", "Secret", vec![Version::both("v1", config::secret)]),
        Kind::new("", "ConfigMap", vec![Version::both("v1", config::config_map)]),
        Kind::new(
            "certificates.k8s.io",
            "ClusterTrustBundle",
            vec![
                Version::both("v1", config::cluster_trust_bundle),
                Version::both("v1beta1", config::cluster_trust_bundle),
            ],
        )
        .cluster_scoped()
        .named(NameForm::Signed),
        Kind::new("", "Namespace", vec![Version::both("v1", config::namespace)])
            .cluster_scoped()
            .named(NameForm::Label),
        Kind::new("discovery.k8s.io", "EndpointSlice", vec![Version::both("v1", endpoint_slice::schema)]),
        Kind::new(OWN, "GatewayParameters", vec![Version::both("v1alpha1", gateway_parameters::schema)]),
        Kind::new(ENVOY, "EnvoyProxy", vec![Version::both("v1alpha1", gateway_parameters::schema)]),
    ]
});
