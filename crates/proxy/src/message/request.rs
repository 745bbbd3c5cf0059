//! The head of a request.

use std::borrow::Cow;

use gatewright_core::plan::{PathOptions, Request, canonicalize};

use super::{BodyLength, Fields};
use crate::violation::Violation;

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

/// A request that is not served, and what can be told of it: its head is neither canonical nor whole.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) violation: Violation,
    pub(crate) head: Box<RequestHead>,
}

/// Bytes of each part that are kept of a head that is refused: enough to find it again.
const GLIMPSE_BYTES_MAX: usize = 1024;

impl RequestHead {
    /// Takes method and target as they were sent, for the log of a request that is refused.
    pub(crate) fn glimpse(&mut self, method: &[u8], target: &[u8], authority: &[u8]) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(GLIMPSE_BYTES_MAX)]).into_owned();
        self.clear();
        self.method = text(method);
        self.authority = text(authority);
        match memchr::memchr(b'?', target) {
            Some(at) => (self.path, self.query) = (text(&target[..at]), Some(text(&target[at + 1..]))),
            None => self.path = text(target),
        }
    }

    /// Whether this is a gRPC call: then whatever the gateway answers itself is a gRPC status.
    pub(crate) fn is_grpc(&self) -> bool {
        self.version == Version::Http2
            && self.fields.get("content-type").is_some_and(|value| value.starts_with(b"application/grpc"))
    }

    /// Makes it as new, keeping the room it has.
    pub(crate) fn clear(&mut self) {
        self.method.clear();
        self.path.clear();
        self.query = None;
        self.authority.clear();
        self.host.clear();
        self.fields.clear();
        self.body = BodyLength::Empty;
        self.upgrade = None;
        self.expects_continue = false;
    }

    /// Takes path and query of a target in origin form (or `*`, or nothing, which is the root).
    ///
    /// # Errors
    /// Where the path has no canonical form, or the query a byte that no URI has.
    pub(crate) fn set_target(&mut self, target: &[u8], options: PathOptions) -> Result<(), Violation> {
        if target == b"*" {
            self.path.push('*');
            return if self.method == "OPTIONS" { Ok(()) } else { Err(Violation::TargetForm) };
        }
        let (path, query) = match memchr::memchr(b'?', target) {
            Some(at) => (&target[..at], Some(&target[at + 1..])),
            None => (target, None),
        };
        let path = if path.is_empty() { b"/" } else { path };
        self.path.push_str(&canonicalize(path, options)?);
        if let Some(query) = query {
            if query.contains(&b'#') {
                return Err(Violation::Fragment);
            }
            if query.iter().any(|&byte| byte <= b' ' || byte == 0x7f) {
                return Err(Violation::Query);
            }
            self.query = Some(std::str::from_utf8(query).map_err(|_| Violation::Query)?.to_owned());
        }
        Ok(())
    }

    /// Takes the authority, and the host out of it.
    ///
    /// # Errors
    /// For what is no `host [":" port]` (RFC 3986 §3.2.2; user information is refused, RFC 9110
    /// §4.2.4).
    pub(crate) fn set_authority(&mut self, authority: &[u8]) -> Result<(), Violation> {
        let text = std::str::from_utf8(authority).map_err(|_| Violation::HostInvalid)?;
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => {
                (&text[..address.len() + 2], port)
            }
            Some(_) => return Err(Violation::HostInvalid),
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        let name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        let port_fits = port.is_empty()
            || port.strip_prefix(':').is_some_and(|port| {
                port.is_empty() || port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
            });
        if host.is_empty() || !port_fits || !(host.starts_with('[') || host.bytes().all(name)) {
            return Err(Violation::HostInvalid);
        }
        self.authority.clear();
        self.authority.push_str(text);
        self.host.clear();
        self.host.push_str(host.strip_suffix('.').unwrap_or(host));
        self.host.make_ascii_lowercase();
        Ok(())
    }
}

impl Request for RequestHead {
    fn host(&self) -> &str {
        &self.host
    }

    fn method(&self) -> &str {
        &self.method
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    fn header(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        if name == "host" {
            return Some(self.authority.as_bytes().into());
        }
        let mut values = self.fields.get_all(name);
        let first = values.next()?;
        let Some(second) = values.next() else { return Some(first.into()) };
        let mut joined = [first, second].join(&b',');
        for value in values {
            joined.push(b',');
            joined.extend_from_slice(value);
        }
        Some(joined.into())
    }

    fn is_grpc(&self) -> bool {
        RequestHead::is_grpc(self)
    }
}

#[cfg(test)]
mod tests;
