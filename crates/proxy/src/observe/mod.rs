//! What happened, for people and machines: metrics that are summed up when they are scraped, and the access log.
//!
//! Each worker counts into memory that no other worker writes, and a line of the access log goes through the worker's
//! own bounded queue to one writer thread. Nothing here decides anything about traffic, and nothing here may slow it:
//! a full queue drops the line and counts it.

mod histogram;
mod log;
mod metrics;
mod recorder;
mod series;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, time::Duration};

pub use log::AccessLog;
pub use metrics::Observer;
pub(crate) use recorder::Recorder;
pub(crate) use series::Series;

use crate::{failure::What, message::Version, violation::Violation};

/// One finished exchange, however it ended. Borrowed from the exchange itself: with the access log off nothing is copied.
#[derive(Clone, Debug)]
pub(crate) struct Record<'a> {
    /// `None` when no listener takes the host.
    pub(crate) listener: Option<&'a Series>,
    /// `None` when no rule matched.
    pub(crate) route: Option<&'a Series>,
    /// Of the route's rules, as the manifest orders them.
    pub(crate) rule: Option<Rule<'a>>,
    /// Who answered; `None` when the gateway did.
    pub(crate) endpoint: Option<SocketAddr>,
    pub(crate) client: SocketAddr,
    pub(crate) version: Version,
    pub(crate) method: &'a str,
    /// As sent, with its port.
    pub(crate) authority: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    /// 0 when none was sent.
    pub(crate) status: u16,
    /// Of the bodies, in bytes, framing not counted.
    pub(crate) request_bytes: u64,
    pub(crate) response_bytes: u64,
    /// From the first byte of the request's head to the last of the response.
    pub(crate) duration: Duration,
    /// Until the backend's response head.
    pub(crate) backend_duration: Option<Duration>,
    pub(crate) retries: u32,
    pub(crate) failure: Option<What>,
    /// The rule that the request broke, if it was refused.
    pub(crate) violation: Option<Violation>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule<'a> {
    pub(crate) index: usize,
    pub(crate) name: Option<&'a str>,
}

/// Something that happens outside of an exchange, or several times in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    ConnectionOpened,
    ConnectionClosed,
    /// Closed at once: over the limit of connections.
    ConnectionRefused,
    HandshakeFailed,
    BackendConnected,
    BackendConnectFailed,
    Retried,
    Mirrored,
    /// An authorization server denied a request.
    Denied,
    /// An endpoint was put aside because connections to it fail.
    EndpointEjected,
    /// Our own fault ended a request.
    Panicked,
    /// The access log's queue was full.
    LogDropped,
}

impl Event {
    const ALL: [Self; 12] = [
        Self::ConnectionOpened,
        Self::ConnectionClosed,
        Self::ConnectionRefused,
        Self::HandshakeFailed,
        Self::BackendConnected,
        Self::BackendConnectFailed,
        Self::Retried,
        Self::Mirrored,
        Self::Denied,
        Self::EndpointEjected,
        Self::Panicked,
        Self::LogDropped,
    ];
}

/// Every kind of failure with its name in metrics and logs.
const FAILURES: [(What, &str); 18] = [
    (What::BadRequest, "bad_request"),
    (What::ClientGone, "client_gone"),
    (What::ClientSlow, "client_slow"),
    (What::TargetTooLong, "target_too_long"),
    (What::HeadTooLarge, "head_too_large"),
    (What::BodyTooLarge, "body_too_large"),
    (What::ExpectationFailed, "expectation_failed"),
    (What::CodingUnknown, "coding_unknown"),
    (What::Misdirected, "misdirected"),
    (What::NoRoute, "no_route"),
    (What::Broken, "broken"),
    (What::AuthFailed, "authorization_failed"),
    (What::NoEndpoint, "no_endpoint"),
    (What::ConnectFailed, "connect_failed"),
    (What::BackendGone, "backend_gone"),
    (What::BadResponse, "bad_response"),
    (What::Timeout, "timeout"),
    (What::Overloaded, "overloaded"),
];

fn failure_name(what: What) -> &'static str {
    FAILURES[what as usize].1
}

fn version_name(version: Version) -> &'static str {
    match version {
        Version::Http10 => "HTTP/1.0",
        Version::Http11 => "HTTP/1.1",
        Version::Http2 => "HTTP/2",
    }
}
