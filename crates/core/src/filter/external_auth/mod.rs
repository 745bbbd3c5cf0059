//! ExternalAuth (GEP-1494): asks another server whether a request may pass, and lets it add to the request.
//!
//! A server that cannot be asked, or does not answer as it should, lets nothing pass. What the answer may change of a
//! request is decided here; asking is the proxy's.

#[cfg(test)]
mod tests;
#[cfg(feature = "translate")]
pub(crate) mod translate;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::header::{Headers, is_reserved};
use crate::plan::{BackendId, tight};

/// Whom to ask, how, and with how much of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalAuth {
    pub backend: BackendId,
    pub protocol: AuthProtocol,
    /// Bytes of the request's body that are sent along, at most [`ExternalAuth::BODY_BYTES_MAX`]; a longer body is
    /// refused. 0 sends no body.
    pub body_bytes_max: u32,
}

/// What is spoken to the authorization server. Names of fields are lower-case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum AuthProtocol {
    /// The request's own method, path and Host; the answer 200 lets it pass.
    Http {
        /// Stands before the request's path: empty, or with a leading slash and no trailing one.
        path_prefix: Arc<str>,
        /// Sent along with what always is.
        #[serde(deserialize_with = "tight")]
        request_headers: Vec<Arc<str>>,
        /// Of the answer, taken over into the request; a client's own are not let through. Empty is all.
        #[serde(deserialize_with = "tight")]
        response_headers: Vec<Arc<str>>,
    },
    /// Envoy's `envoy.service.auth.v3.Authorization`.
    Grpc {
        /// What the server is called: `service.namespace.svc:port`.
        authority: Arc<str>,
        /// Sent along; empty is all.
        #[serde(deserialize_with = "tight")]
        request_headers: Vec<Arc<str>>,
    },
}

/// What is sent of a request over HTTP whatever the manifest says. Host, method, path and Content-Length are no plain
/// fields and always go along.
const ALWAYS_SENT: &str = "authorization";

/// What describes the body of the answer, or its making, and says nothing of the request (RFC 9110 §8, §10.2).
const OF_THE_ANSWER: [&str; 9] = [
    "content-type",
    "content-encoding",
    "content-language",
    "content-location",
    "content-range",
    "date",
    "server",
    "last-modified",
    "etag",
];

impl ExternalAuth {
    /// What a manifest may ask to be held of one request's body: the requests under way are thousands.
    pub const BODY_BYTES_MAX: u32 = 10 * 1024 * 1024;

    /// Whether a field of the request is sent along.
    pub fn sends(&self, name: &[u8]) -> bool {
        match &self.protocol {
            AuthProtocol::Http { request_headers, .. } => {
                name.eq_ignore_ascii_case(ALWAYS_SENT.as_bytes()) || names(request_headers, name)
            }
            AuthProtocol::Grpc { request_headers, .. } => request_headers.is_empty() || names(request_headers, name),
        }
    }
}

/// Takes over into `request` the fields of an HTTP answer that are among `listed`; the first of a name replaces the
/// request's own, and a listed one that the answer lacks is gone: it would be the client's word for the server's.
/// Where none is listed, all are taken over but those that frame a message, Host, and those that only describe the
/// answer.
pub fn take_over<'a>(
    listed: &[Arc<str>],
    answer: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    request: &mut impl Headers,
) {
    for name in listed.iter().filter(|name| !is_reserved(name)) {
        request.remove(name);
    }
    let taken = |name: &str| match listed.is_empty() {
        true => !OF_THE_ANSWER.iter().any(|own| own.eq_ignore_ascii_case(name)),
        false => names(listed, name.as_bytes()),
    };
    let answer = answer.filter_map(|(name, value)| Some((std::str::from_utf8(name).ok()?, value)));
    let answer = answer.filter(|(name, _)| !is_reserved(name) && taken(name));
    for (name, _) in answer.clone() {
        request.remove(name);
    }
    for (name, value) in answer {
        request.add(name, value);
    }
}

fn names(listed: &[Arc<str>], name: &[u8]) -> bool {
    listed.iter().any(|listed| listed.as_bytes().eq_ignore_ascii_case(name))
}
