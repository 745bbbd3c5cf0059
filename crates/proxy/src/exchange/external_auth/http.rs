//! ExternalAuth over HTTP: the request's head goes to the server, whose 200 lets it pass.

use std::sync::Arc;

use gatewright_core::filter::external_auth::{ExternalAuth, take_over};

use super::{Reply, Verdict, denied, fields_sent};
use crate::message::{BodyLength, Fields, RequestHead, Version};

/// The request's method, path and Host, with what else of it is sent. `body` is the request's, if that is sent along.
pub(super) fn question(
    auth: &ExternalAuth,
    path_prefix: &str,
    head: &RequestHead,
    body: Option<&[u8]>,
) -> (RequestHead, Vec<u8>) {
    let body = body.unwrap_or_default().to_vec();
    let slash = if head.path.starts_with('/') || path_prefix.is_empty() { "" } else { "/" };
    let question = RequestHead {
        version: Version::Http11,
        scheme: head.scheme,
        method: head.method.clone(),
        path: [path_prefix, slash, &head.path].concat(),
        query: head.query.clone(),
        authority: head.authority.clone(),
        host: head.host.clone(),
        fields: fields_sent(auth, head),
        body: BodyLength::Known(body.len() as u64),
        upgrade: None,
        expects_continue: false,
    };
    (question, body)
}

/// Reads the verdict; a yes puts into the request what the answer gives it.
pub(super) fn judge(reply: Reply, response_headers: &[Arc<str>], head: &mut RequestHead) -> Verdict {
    match reply.head.status {
        200 => {
            take_over(response_headers, reply.head.fields.iter(), &mut head.fields);
            Verdict::Pass
        }
        // No success but 200 is one, and the client must not take it for its request's.
        201..300 => denied(403, Fields::default(), Vec::new(), head),
        status => denied(status, reply.head.fields, reply.body, head),
    }
}
