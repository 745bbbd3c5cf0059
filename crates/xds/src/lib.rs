//! The control channel between the controller and its proxies: named resources, incrementally, over TLS.
//!
//! Carries bytes under names and versions. It knows neither what a resource means nor that Kubernetes exists: what is in
//! the bytes is `gatewright_core::plan`'s affair, and who may have them is decided by whoever starts the server.
//!
//! ```text
//! Server::publish → Snapshot of a plane → stream of pieces → client: Event → whoever executes it
//! Server::standing ← Ledger ← acknowledgement, rejections by name ← Acknowledgement
//! ```
//!
//! The protocol is incremental xDS (`envoy.service.discovery.v3`, `DeltaAggregatedResources`) with one type of resource.
//! A snapshot is sent in pieces, what is added before what is removed; a last resource, [`MARKER`], says that it is
//! complete and what its version is, so that a client goes from one consistent whole to the next.

mod client;
mod message;
mod method;
mod plane;
mod relay;
mod resource;
mod server;
mod standing;
#[cfg(test)]
mod tests;

pub use client::{Acknowledgement, Client, Connection, Dial, Event, TlsDial, Trust};
pub use relay::{forward, knock};
pub use resource::{BODY_BYTES_MAX, Change, NoVersion, Resource, Version};
pub use server::{Authentication, Authenticator, Denial, Identity, Peer, Server};
pub use standing::{Confirmation, Standing};

/// The name of the resource that ends a snapshot. It has no body; its version is the snapshot's.
pub const MARKER: &str = "gatewright.dev/snapshot";
