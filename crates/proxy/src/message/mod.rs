//! A message as every protocol shares it: heads in one flat form, and bodies as a [`Source`] or [`Sink`] of bytes.
//!
//! Protocols parse into these and write from them; what stands between (routing, filters, forwarding) knows no
//! protocol. Nothing here does I/O of its own.

mod fields;
mod pool;
mod request;
mod response;

use std::task::{Context, Poll};

pub(crate) use fields::Fields;
pub(crate) use pool::{Buffers, Spares};
pub(crate) use request::{Refused, RequestHead, Scheme, Version};
pub(crate) use response::ResponseHead;

use crate::failure::Failure;

/// How long a body is, as its head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyLength {
    /// There is none, not even an empty one to wait for.
    Empty,
    Known(u64),
    /// Chunked, until close, or HTTP/2 without content-length.
    Unknown,
}

/// What a [`Source`] had to give.
#[derive(Debug)]
pub(crate) enum Read {
    /// The first `bytes` of the buffer are body; after `last` there is nothing more to read.
    Data { bytes: usize, last: bool },
    /// The body ended with trailers.
    Trailers(Fields),
    /// The body ended.
    End,
}

/// The reading side of a body: a client's request or a backend's response.
pub(crate) trait Source {
    /// Reads body bytes, without their framing, into `buffer`.
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<Read, Failure>>;
}

/// The writing side of a body: a request to a backend or a response to a client.
pub(crate) trait Sink {
    /// Ready when earlier bytes are out, with how many more are welcome now (above 0).
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Failure>>;

    /// Takes all of `data`, at most what `poll_ready` allowed; `last` ends the body.
    fn write(&mut self, cx: &mut Context<'_>, data: &[u8], last: bool) -> Result<(), Failure>;

    /// Ends the body, with trailers if there are any.
    fn finish(&mut self, cx: &mut Context<'_>, trailers: Option<Fields>) -> Result<(), Failure>;

    /// Ready when everything is with the transport.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>>;
}

/// Whether a field may be sent as a trailer: not one that frames, routes, authenticates or describes the message
/// (RFC 9110 §6.5.1).
pub(crate) fn may_be_trailer(name: &[u8]) -> bool {
    const FORBIDDEN: [&str; 24] = [
        "transfer-encoding",
        "content-length",
        "host",
        "connection",
        "keep-alive",
        "proxy-connection",
        "upgrade",
        "te",
        "trailer",
        "authorization",
        "proxy-authorization",
        "www-authenticate",
        "proxy-authenticate",
        "cookie",
        "set-cookie",
        "cache-control",
        "expect",
        "max-forwards",
        "range",
        "content-encoding",
        "content-type",
        "content-range",
        "forwarded",
        "location",
    ];
    let forwarding = name.get(..12).is_some_and(|start| start.eq_ignore_ascii_case(b"x-forwarded-"));
    !forwarding && !FORBIDDEN.iter().any(|forbidden| name.eq_ignore_ascii_case(forbidden.as_bytes()))
}
