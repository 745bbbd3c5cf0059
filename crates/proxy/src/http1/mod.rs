//! HTTP/1.1 on the wire (RFC 9112), as a server and as a client.
//!
//! Strict: what the grammar does not allow is refused, never repaired and forwarded (HARDENING 1.3). Both directions
//! share it. It knows bytes and heads, not routes, connections or time.

mod body;
mod chunk;
mod framing;
mod glimpse;
mod grammar;
mod head;
mod transport;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use body::{Incoming, Outgoing, Trouble};
pub(crate) use framing::{BodyReader, BodyWriter};
pub(crate) use glimpse::glimpse;
pub(crate) use grammar::{is_field_value, is_token};
pub(crate) use head::{Parsed, REQUEST_LINE_REST_BYTES_MAX, RequestContext, parse_request, parse_response};
pub(crate) use transport::Transport;
pub(crate) use write::{write_interim, write_request, write_response};
