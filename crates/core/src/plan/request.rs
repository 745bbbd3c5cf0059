//! What of a request decides its route.

use std::borrow::Cow;

/// A request's head as matches and filters read it. Whoever holds one implements this; nothing is copied to ask.
pub trait Request {
    /// Lower-case, without port or trailing dot.
    fn host(&self) -> &str;

    /// Upper-case as HTTP has it; it is case-sensitive.
    fn method(&self) -> &str;

    /// Canonical ([`super::canonicalize`]), without the query.
    fn path(&self) -> &str;

    /// What stands after the `?`, as sent.
    fn query(&self) -> Option<&str>;

    /// The value of a field by its lower-case name, `host` included; several lines of one name are joined by `,`.
    fn header(&self, name: &str) -> Option<Cow<'_, [u8]>>;

    /// Whether this is a gRPC call: routes of [`super::RouteKind::Grpc`] match no other.
    fn is_grpc(&self) -> bool;
}
