//! What the gateway answers itself.

use crate::failure::What;
use crate::message::{BodyLength, Fields, RequestHead, ResponseHead};

/// An answer made here, with a body that is small and known.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) head: ResponseHead,
    pub(super) body: &'static str,
}

impl Answer {
    /// An answer without a body.
    pub(super) fn new(status: u16, fields: Fields) -> Self {
        Self { head: ResponseHead { status, fields, body: BodyLength::Empty }, body: "" }
    }

    /// The answer to what went wrong: a status code, or a gRPC status in a response of trailers alone.
    pub(super) fn failure(what: What, request: &RequestHead) -> Self {
        if request.is_grpc() {
            return Self { head: what.grpc_response(), body: "" };
        }
        let mut fields = Fields::default();
        fields.push(b"content-type", b"text/plain; charset=utf-8");
        let status = what.status();
        if request.method == "HEAD" {
            return Self::new(status, fields);
        }
        let body = what.message();
        Self { head: ResponseHead { status, fields, body: BodyLength::Known(body.len() as u64) }, body }
    }
}
