//! The head of a request.

use super::{BodyLength, Fields};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Http10,
    Http11,
    Http2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

/// A request's head, already strict and canonical: what is in it may be matched and forwarded as it stands.
#[derive(Clone, Debug)]
pub(crate) struct RequestHead {
    pub(crate) version: Version,
    /// Of the client's connection.
    pub(crate) scheme: Scheme,
    pub(crate) method: String,
    /// Canonical path (HARDENING P1), never empty; `*` for `OPTIONS *`.
    pub(crate) path: String,
    /// What stands after the `?`, if there is one.
    pub(crate) query: Option<String>,
    /// Host and port as sent, forwarded unmodified.
    pub(crate) authority: String,
    /// Of `authority`: lower-case, without port or trailing dot. What listeners and routes match.
    pub(crate) host: String,
    /// End-to-end fields alone: Host, framing, Connection and what it names are gone.
    pub(crate) fields: Fields,
    pub(crate) body: BodyLength,
    /// The client asked for the connection to become this protocol (`websocket`): an HTTP/1.1 Upgrade or RFC 8441's
    /// `:protocol`.
    pub(crate) upgrade: Option<String>,
    /// The client waits for a 100 before its body.
    pub(crate) expects_continue: bool,
}

impl Default for RequestHead {
    fn default() -> Self {
        Self {
            version: Version::Http11,
            scheme: Scheme::Http,
            method: String::new(),
            path: String::new(),
            query: None,
            authority: String::new(),
            host: String::new(),
            fields: Fields::default(),
            body: BodyLength::Empty,
            upgrade: None,
            expects_continue: false,
        }
    }
}

impl RequestHead {
    /// Whether this is a gRPC call: then whatever the gateway answers itself is a gRPC status.
    pub(crate) fn is_grpc(&self) -> bool {
        self.version == Version::Http2
            && self.fields.get("content-type").is_some_and(|value| value.starts_with(b"application/grpc"))
    }
}
