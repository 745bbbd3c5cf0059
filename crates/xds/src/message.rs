//! The messages on the wire: those of `envoy.service.discovery.v3` and what they hold, as far as this channel uses them,
//! with their own field numbers; fields that are not here are skipped when read. The relay's are ours alone.

use std::collections::HashMap;

use bytes::Bytes;

/// What `DeltaDiscoveryRequest.type_url` says of every resource of this channel.
pub(crate) const RESOURCE_TYPE: &str = "type.googleapis.com/gatewright.plan.v1.Resource";
/// What a detail of a refusal is: a [`Rejection`].
pub(crate) const REJECTION_TYPE: &str = "type.googleapis.com/gatewright.plan.v1.Rejection";

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DeltaDiscoveryRequest {
    /// In the first request of a stream.
    #[prost(message, optional, tag = "1")]
    pub(crate) node: Option<Node>,
    #[prost(string, tag = "2")]
    pub(crate) type_url: String,
    #[prost(string, repeated, tag = "3")]
    pub(crate) resource_names_subscribe: Vec<String>,
    /// What a client that reconnects has already: names and versions. In the first request of a stream.
    #[prost(map = "string, string", tag = "5")]
    pub(crate) initial_resource_versions: HashMap<String, String>,
    /// Of the response that is answered.
    #[prost(string, tag = "6")]
    pub(crate) response_nonce: String,
    /// What of that response could not be used.
    #[prost(message, optional, tag = "7")]
    pub(crate) error_detail: Option<Status>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DeltaDiscoveryResponse {
    /// The version of everything together, once this snapshot is complete.
    #[prost(string, tag = "1")]
    pub(crate) system_version_info: String,
    #[prost(message, repeated, tag = "2")]
    pub(crate) resources: Vec<Resource>,
    #[prost(string, tag = "4")]
    pub(crate) type_url: String,
    #[prost(string, tag = "5")]
    pub(crate) nonce: String,
    #[prost(string, repeated, tag = "6")]
    pub(crate) removed_resources: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Resource {
    #[prost(string, tag = "1")]
    pub(crate) version: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) resource: Option<Any>,
    #[prost(string, tag = "3")]
    pub(crate) name: String,
}

/// `envoy.config.core.v3.Node`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Node {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    #[prost(string, tag = "6")]
    pub(crate) user_agent_name: String,
    #[prost(string, tag = "7")]
    pub(crate) user_agent_version: String,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Any {
    #[prost(string, tag = "1")]
    pub(crate) type_url: String,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) value: Bytes,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Status {
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
    #[prost(message, repeated, tag = "3")]
    pub(crate) details: Vec<Any>,
}

/// A resource that a proxy does not use as it was sent.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Rejection {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) reason: String,
}

/// All proxies of one data plane that the sending controller serves: replaces what it said of that data plane before.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RelayReport {
    #[prost(string, tag = "1")]
    pub(crate) plane: String,
    #[prost(message, repeated, tag = "2")]
    pub(crate) proxies: Vec<RelayedProxy>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RelayedProxy {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    /// Empty: it has confirmed nothing yet.
    #[prost(string, tag = "2")]
    pub(crate) version: String,
    #[prost(message, repeated, tag = "3")]
    pub(crate) rejected: Vec<Rejection>,
}

/// What the leader answers when a relay ends.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RelayEnd {}
