//! Wrong traffic: what went wrong, on whose side, and the one place that makes it a status code.

use std::io;

use crate::message::{BodyLength, Fields, ResponseHead};
use crate::violation::Violation;

/// Why an exchange could not go on as asked.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) what: What,
    /// The rule that the client's request broke, if that is why.
    pub(crate) violation: Option<Violation>,
    /// The transport's own words, for the log.
    pub(crate) source: Option<io::Error>,
    /// No backend has acted on the request: it can be sent again without harm, whatever its method (RFC 9110 §9.2.2,
    /// RFC 9113 §8.7).
    pub(crate) unprocessed: bool,
}

/// Everything that can go wrong with traffic, with the code it becomes ([`What::status`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The client's message breaks the protocol's rules.
    BadRequest,
    /// The client went away, or broke its connection.
    ClientGone,
    /// The client was too slow to send its head or body.
    ClientSlow,
    /// Target too long.
    TargetTooLong,
    /// Head too large, or too many fields.
    HeadTooLarge,
    /// The body is over the limit where it must be buffered.
    BodyTooLarge,
    /// An Expect that is not 100-continue.
    ExpectationFailed,
    /// A transfer coding we do not know.
    CodingUnknown,
    /// The connection's certificate belongs to another listener than the request's host.
    Misdirected,
    /// No listener or no rule for this request.
    NoRoute,
    /// The rule's backend cannot be used: see the route's status.
    Broken,
    /// An authorization server gave no answer that lets the request pass, or denies it.
    AuthFailed,
    /// No endpoint is there to take it.
    NoEndpoint,
    /// No connection to the backend could be made.
    ConnectFailed,
    /// The backend broke off before its response began.
    BackendGone,
    /// The backend's response breaks the protocol's rules.
    BadResponse,
    /// The route's timeout ran out, or the backend made no progress.
    Timeout,
    /// The request needs more than is left of the process's budget.
    Overloaded,
}

impl What {
    /// Returns the HTTP status that tells the client.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::BadRequest | Self::ClientGone => 400,
            Self::ClientSlow => 408,
            Self::TargetTooLong => 414,
            Self::HeadTooLarge => 431,
            Self::BodyTooLarge => 413,
            Self::ExpectationFailed => 417,
            Self::CodingUnknown => 501,
            Self::Misdirected => 421,
            Self::NoRoute => 404,
            Self::Broken => 500,
            Self::NoEndpoint | Self::AuthFailed | Self::Overloaded => 503,
            Self::ConnectFailed | Self::BackendGone | Self::BadResponse => 502,
            Self::Timeout => 504,
        }
    }

    /// Returns the gRPC status code that tells a gRPC client (the table of gRPC's `http-grpc-status-mapping.md`, except
    /// where the Gateway API says more: no rule is UNIMPLEMENTED, a broken backend UNAVAILABLE).
    pub(crate) fn grpc_status(self) -> u8 {
        match self {
            Self::BadRequest | Self::ExpectationFailed => 13,
            Self::ClientGone => 1,
            Self::Timeout | Self::ClientSlow => 4,
            Self::TargetTooLong | Self::HeadTooLarge | Self::BodyTooLarge => 8,
            Self::CodingUnknown | Self::NoRoute => 12,
            Self::Misdirected => 2,
            Self::Broken
            | Self::AuthFailed
            | Self::NoEndpoint
            | Self::ConnectFailed
            | Self::BackendGone
            | Self::BadResponse
            | Self::Overloaded => 14,
        }
    }

    /// Returns what a person reads: in the response's body, the log and the gRPC message.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::BadRequest => "malformed request",
            Self::ClientGone => "client went away",
            Self::ClientSlow => "request took too long to arrive",
            Self::TargetTooLong => "request target too long",
            Self::HeadTooLarge => "request head too large",
            Self::BodyTooLarge => "request body too large",
            Self::ExpectationFailed => "unknown expectation",
            Self::CodingUnknown => "unknown transfer coding",
            Self::Misdirected => "this connection does not serve that host",
            Self::NoRoute => "no route for this request",
            Self::Broken => "the route's backend cannot be used; see the route's status",
            Self::AuthFailed => "the authorization server gave no answer",
            Self::NoEndpoint => "no endpoint is ready",
            Self::ConnectFailed => "cannot connect to the backend",
            Self::BackendGone => "the backend closed the connection before it answered",
            Self::BadResponse => "malformed response from the backend",
            Self::Timeout => "the backend took too long",
            Self::Overloaded => "the gateway is overloaded",
        }
    }
}

/// Returns a response of trailers alone.
pub(crate) fn grpc_response(status: u8, message: &str) -> ResponseHead {
    let mut fields = Fields::default();
    fields.push(b"content-type", b"application/grpc");
    fields.push(b"grpc-status", itoa::Buffer::new().format(status).as_bytes());
    fields.push(b"grpc-message", message.as_bytes());
    ResponseHead { status: 200, fields, body: BodyLength::Empty }
}

/// Returns the gRPC status code that a client makes of an HTTP status (gRPC's `http-grpc-status-mapping.md`).
pub(crate) fn grpc_status_of(status: u16) -> u8 {
    match status {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => 2,
    }
}

impl From<What> for Failure {
    fn from(what: What) -> Self {
        Self { what, violation: None, source: None, unprocessed: false }
    }
}

impl From<Violation> for Failure {
    fn from(violation: Violation) -> Self {
        Self { violation: Some(violation), ..violation.what().into() }
    }
}

impl Failure {
    pub(crate) fn because(what: What, source: io::Error) -> Self {
        Self { source: Some(source), ..what.into() }
    }

    /// Returns what a person reads: in the response's body and the gRPC message.
    pub(crate) fn message(&self) -> &'static str {
        self.violation.map_or_else(|| self.what.message(), Violation::phrase)
    }

    /// Returns the response that tells a gRPC client: trailers alone, in the head (gRPC over HTTP/2, "Responses").
    pub(crate) fn grpc_response(&self) -> ResponseHead {
        grpc_response(self.what.grpc_status(), self.message())
    }

    /// The same, of a request that no backend has acted on.
    pub(crate) fn unprocessed(self) -> Self {
        Self { unprocessed: true, ..self }
    }
}
