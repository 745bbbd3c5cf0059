//! What every family of cases needs: a gateway in front of an origin that records and misbehaves, and clients that
//! write raw bytes. Nothing here knows how the proxy works: it is reached by its public API and by sockets alone.

mod client;
mod gateway;
pub(crate) mod h2;
mod h2_origin;
pub(crate) mod hpack;
mod origin;
mod verdict;

use std::time::Duration;

pub(crate) use client::Client;
pub(crate) use gateway::{Gateway, forward, prefix, rule};
pub(crate) use h2_origin::{Arrived, H2Origin};
pub(crate) use origin::{Answer, Origin, Received};
pub(crate) use verdict::{Delivery, each, refuse, refuse_all, serves_on};

/// How long anything may take before the case that waits for it has failed. Nothing waits this long on success.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Shows bytes as a test's message can print them.
pub(crate) fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
