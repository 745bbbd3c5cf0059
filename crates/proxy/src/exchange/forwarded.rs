//! What the backend is told of the client. Whatever the client said of itself is overwritten (HARDENING F1).

use crate::message::{RequestHead, Scheme};
use crate::worker::Connection;

/// Replaces all forwarding fields by what this gateway knows itself.
pub(super) fn apply(head: &mut RequestHead, connection: &Connection) {
    head.fields.retain(|name, _| !is_forwarding(name));
    head.fields.push(b"x-forwarded-for", connection.client_text.as_bytes());
    let scheme: &[u8] = match head.scheme {
        Scheme::Http => b"http",
        Scheme::Https => b"https",
    };
    head.fields.push(b"x-forwarded-proto", scheme);
    head.fields.push(b"x-forwarded-host", head.authority.as_bytes());
}

/// Whether a field claims something of the hops before: X-Forwarded-*, Forwarded (RFC 7239) and X-Real-IP.
fn is_forwarding(name: &[u8]) -> bool {
    match name.len() {
        9 => name.eq_ignore_ascii_case(b"forwarded") || name.eq_ignore_ascii_case(b"x-real-ip"),
        13.. => name[..12].eq_ignore_ascii_case(b"x-forwarded-"),
        _ => false,
    }
}
