//! What the gateway answers itself.

use std::borrow::Cow;

use crate::budget::Permit;
use crate::failure::{Failure, grpc_response, grpc_status_of};
use crate::message::{BodyLength, Fields, RequestHead, ResponseHead};

/// An answer made here, with a body that is small and known.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) head: ResponseHead,
    pub(super) body: Cow<'static, [u8]>,
    /// For `body`, where it is large enough to need one.
    pub(super) _permit: Option<Permit>,
}

impl Answer {
    /// An answer without a body.
    pub(super) fn new(status: u16, fields: Fields) -> Self {
        Self { head: ResponseHead { status, fields, body: BodyLength::Empty }, body: Cow::Borrowed(b""), _permit: None }
    }

    /// The answer to what went wrong: a status code, or a gRPC status in a response of trailers alone.
    pub(super) fn failure(failure: &Failure, request: &RequestHead) -> Self {
        if request.is_grpc() {
            return Self { head: failure.grpc_response(), body: Cow::Borrowed(b""), _permit: None };
        }
        let mut fields = Fields::default();
        fields.push(b"content-type", b"text/plain; charset=utf-8");
        Self::with_body(failure.what.status(), fields, Cow::Borrowed(failure.message().as_bytes()), request)
    }

    /// An answer with a body, where the request and the status allow one.
    pub(super) fn with_body(status: u16, fields: Fields, body: Cow<'static, [u8]>, request: &RequestHead) -> Self {
        if request.method == "HEAD" || body.is_empty() || matches!(status, 204 | 304) {
            return Self::new(status, fields);
        }
        Self { head: ResponseHead { status, fields, body: BodyLength::Known(body.len() as u64) }, body, _permit: None }
    }

    /// What a gRPC client is told where an HTTP client would get `status`.
    pub(super) fn grpc_denial(status: u16) -> Self {
        let head = grpc_response(grpc_status_of(status), "denied by the authorization server");
        Self { head, body: Cow::Borrowed(b""), _permit: None }
    }
}
