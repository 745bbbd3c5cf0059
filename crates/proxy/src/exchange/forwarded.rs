//! What the backend is told of the client. Whatever the client said of itself is overwritten, unless it is a proxy that is
//! trusted (HARDENING F1).

use crate::edge::is_forwarding;
use crate::message::{RequestHead, Scheme};
use crate::worker::Connection;

const FOR: &str = "x-forwarded-for";
const PROTO: &str = "x-forwarded-proto";
const HOST: &str = "x-forwarded-host";
const FORWARDED: &str = "forwarded";

/// Replaces all forwarding fields by what this gateway knows itself, or adds that to what a trusted proxy says.
pub(super) fn apply(head: &mut RequestHead, connection: &Connection) {
    if connection.is_trusted {
        return extend(head, connection);
    }
    head.fields.retain(|name, _| !is_forwarding(name));
    head.fields.push(FOR.as_bytes(), connection.client_text.as_bytes());
    head.fields.push(PROTO.as_bytes(), scheme(head).as_bytes());
    head.fields.push(HOST.as_bytes(), head.authority.as_bytes());
}

/// Adds the trusted proxy itself to its lists, and says what it leaves open. A field that must be single and is not, or
/// says what cannot be, is as good as none.
fn extend(head: &mut RequestHead, connection: &Connection) {
    let mut hops = head.fields.get_all(FOR).collect::<Vec<_>>().join(&b", "[..]);
    if !hops.is_empty() {
        hops.extend_from_slice(b", ");
    }
    hops.extend_from_slice(connection.client_text.as_bytes());
    head.fields.set(FOR, &hops);
    if !single(head, PROTO).is_some_and(|proto| proto == b"http" || proto == b"https") {
        head.fields.set(PROTO, scheme(head).as_bytes());
    }
    if single(head, HOST).is_none_or(<[u8]>::is_empty) {
        let authority = head.authority.clone();
        head.fields.set(HOST, authority.as_bytes());
    }
    if head.fields.get(FORWARDED).is_some() {
        // RFC 7239 §4 and §6: an address of IPv6 is in brackets, and both are quoted.
        let client = &connection.client_text;
        let node = if client.contains(':') { format!("[{client}]") } else { client.clone() };
        let element = format!("for=\"{node}\";host=\"{}\";proto={}", head.authority, scheme(head));
        head.fields.push(FORWARDED.as_bytes(), element.as_bytes());
    }
}

fn single<'h>(head: &'h RequestHead, name: &str) -> Option<&'h [u8]> {
    let mut values = head.fields.get_all(name);
    values.next().filter(|_| values.next().is_none())
}

fn scheme(head: &RequestHead) -> &'static str {
    match head.scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    }
}
