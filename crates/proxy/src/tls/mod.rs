//! TLS on both sides: from a Plan's certificates and policies to rustls configurations, built off the workers.
//!
//! [`Material`] outlives the snapshots and makes again only what changed; [`Acceptor`] answers clients of one port,
//! [`Connector`] speaks to one backend. Nothing here knows HTTP beyond the names of ALPN, nor where sockets come from.

mod acceptor;
mod certificate;
mod client;
mod connector;
mod material;
mod misdirected;
mod verifier;

#[cfg(test)]
mod tests;

pub(crate) use acceptor::Acceptor;
pub(crate) use client::ClientTrust;
pub(crate) use connector::Connector;
pub(crate) use material::Material;
pub(crate) use misdirected::misdirected;

/// ALPN's names of what we speak (RFC 7301 §6, RFC 9113 §3.2).
const ALPN_H2: &[u8] = b"h2";
const ALPN_HTTP11: &[u8] = b"http/1.1";
