//! The Gateway API as Rust types, and the pieces of Kubernetes' own that it leans on.
//!
//! Plain data, one module per kind, hand-written from the v1.7.0 types: every field of both channels, with the defaults
//! that the CRDs fill in, so that an object reads the same whether or not an API server has seen it; [`schema`] gives the
//! verdict that the CRDs would give. Knows how to read and write the API's words; decides nothing.

pub mod backend_tls_policy;
pub mod cluster_trust_bundle;
pub mod config_map;
pub mod endpoint_slice;
pub mod gateway;
pub mod gateway_class;
pub mod grpc_route;
pub mod http_route;
pub mod listener_set;
pub mod meta;
pub mod namespace;
pub mod parameters;
pub mod reference_grant;
pub mod schema;
pub mod secret;
pub mod service;
pub mod shared;
pub mod tcp_route;
pub mod tls_route;
pub mod udp_route;
pub mod x_backend;
pub mod x_backend_traffic_policy;
pub mod x_mesh;
pub mod x_telemetry_policy;

/// Group of the Gateway API's kinds.
pub const GATEWAY_GROUP: &str = "gateway.networking.k8s.io";
/// Group of its experimental kinds (`XBackend` and its like).
pub const X_GROUP: &str = "gateway.networking.x-k8s.io";
/// Group of Gatewright's own kinds.
pub const GATEWRIGHT_GROUP: &str = "gatewright.dev";
/// Group whose kinds are read as aliases of Gatewright's.
pub const ENVOY_GATEWAY_GROUP: &str = "gateway.envoyproxy.io";
