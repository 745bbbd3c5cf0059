//! A request's head from the codec's form to ours, with the strictness that the codec leaves to us (RFC 9113 §8.2, §8.3).

use h2::ext::Protocol;
use http::{HeaderMap, HeaderName, Method, header, request::Parts};

use crate::edge::Strict;
use crate::http2::{append, parse_length};
use crate::limits::Limits;
use crate::message::{BodyLength, Refused, RequestHead, Version};
use crate::violation::Violation;

/// How heads are read.
pub(super) struct Reading<'a> {
    pub(super) limits: &'a Limits,
    pub(super) strict: Strict,
}

/// Reads a request's head into `head`, which is cleared. `is_end` says that no body follows.
///
/// # Errors
/// What the client did wrong; its connection stays good.
pub(super) fn read_head(
    parts: &Parts,
    is_end: bool,
    head: &mut RequestHead,
    reading: &Reading<'_>,
) -> Result<(), Violation> {
    head.version = Version::Http2;
    read_method(parts, head)?;
    read_authority(parts, head)?;
    let length = read_fields(parts, head, reading)?;
    read_target(parts, head, reading)?;
    head.body = match length {
        // What follows an extended CONNECT is the tunnel's, and no body.
        _ if is_end || head.upgrade.is_some() => BodyLength::Empty,
        Some(length) => BodyLength::Known(length),
        None => BodyLength::Unknown,
    };
    Ok(())
}

/// Returns what can be told of a request that is refused.
pub(super) fn refuse(parts: &Parts, violation: Violation, mut head: Box<RequestHead>) -> Refused {
    let authority = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
    let authority = authority.or_else(|| Some(parts.headers.get(header::HOST)?.as_bytes())).unwrap_or_default();
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    head.glimpse(parts.method.as_str().as_bytes(), target.as_bytes(), authority);
    head.version = Version::Http2;
    Refused { violation, head }
}

fn read_method(parts: &Parts, head: &mut RequestHead) -> Result<(), Violation> {
    if parts.method != Method::CONNECT {
        head.method.push_str(parts.method.as_str());
        return Ok(());
    }
    // RFC 8441: in HTTP/1.1's terms it is a GET that asks for an upgrade. Plain CONNECT is for forward proxies.
    match parts.extensions.get::<Protocol>() {
        Some(protocol) if protocol.as_str().eq_ignore_ascii_case("websocket") => {
            head.method.push_str("GET");
            head.upgrade = Some("websocket".to_owned());
            // HTTP/1.1 backends want a key; HTTP/2 has none, and others leave it out again. 16 bytes in base64.
            let key: String = std::iter::repeat_with(fastrand::alphanumeric).take(21).chain("A==".chars()).collect();
            head.fields.push(b"sec-websocket-key", key.as_bytes());
            Ok(())
        }
        Some(_) | None => Err(Violation::Method),
    }
}

/// `:authority`, or Host in its absence; both must say the same (RFC 9113 §8.3.1).
fn read_authority(parts: &Parts, head: &mut RequestHead) -> Result<(), Violation> {
    if parts.uri.scheme_str().is_some_and(|scheme| scheme != "http" && scheme != "https") {
        return Err(Violation::Scheme);
    }
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let (host, another) = (hosts.next(), hosts.next());
    if another.is_some() {
        return Err(Violation::HostRepeated);
    }
    match (parts.uri.authority(), host) {
        (Some(authority), Some(host)) if !authority.as_str().as_bytes().eq_ignore_ascii_case(host.as_bytes()) => {
            Err(Violation::HostDiffers)
        }
        (Some(authority), _) => head.set_authority(authority.as_str().as_bytes()),
        (None, Some(host)) => head.set_authority(host.as_bytes()),
        (None, None) => Err(Violation::HostMissing),
    }
}

fn read_target(parts: &Parts, head: &mut RequestHead, reading: &Reading<'_>) -> Result<(), Violation> {
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    if target.len() > reading.limits.target_bytes_max {
        return Err(Violation::TargetTooLong);
    }
    if !target.starts_with('/') && target != "*" {
        return Err(Violation::TargetForm);
    }
    head.set_target(target.as_bytes(), reading.strict.path)
}

/// What a field counts beside its name and value (RFC 9113 §6.5.2).
const FIELD_BYTES: usize = 32;

/// Copies end-to-end fields; returns content-length.
fn read_fields(parts: &Parts, head: &mut RequestHead, reading: &Reading<'_>) -> Result<Option<u64>, Violation> {
    let map = &parts.headers;
    // `len` counts values, so that cookie crumbs count singly.
    if map.len() > reading.limits.head_fields_max {
        return Err(Violation::FieldsTooMany);
    }
    let target_bytes = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
    let mut bytes = parts.method.as_str().len() + target_bytes + head.authority.len();
    let mut length = None;
    for (name, value) in map {
        bytes += name.as_str().len() + value.len() + FIELD_BYTES;
        if bytes > reading.limits.head_bytes_max {
            return Err(Violation::HeadTooLarge);
        }
        if *name == header::CONTENT_LENGTH {
            // Equal ones too: what is next to us may read them otherwise.
            if length.replace(parse_length(value.as_bytes()).ok_or(Violation::ContentLength)?).is_some() {
                return Err(Violation::ContentLength);
            }
        } else if *name == header::EXPECT {
            if !value.as_bytes().eq_ignore_ascii_case(b"100-continue") {
                return Err(Violation::Expectation);
            }
            head.expects_continue = true;
        } else if !is_left_out(name) {
            if !reading.strict.admits(name.as_str().as_bytes())? {
                continue;
            }
            append(&mut head.fields, name, value)?;
        }
    }
    join_cookies(map, head)?;
    Ok(length)
}

/// Fields of this connection, and those that are handled apart.
fn is_left_out(name: &HeaderName) -> bool {
    *name == header::HOST || *name == header::TE || *name == header::COOKIE || name.as_str() == "http2-settings"
}

/// Crumbs become one field, as everything beyond HTTP/2 expects (RFC 9113 §8.2.3).
fn join_cookies(map: &HeaderMap, head: &mut RequestHead) -> Result<(), Violation> {
    let mut crumbs = map.get_all(header::COOKIE).iter();
    let Some(first) = crumbs.next() else { return Ok(()) };
    let Some(second) = crumbs.next() else { return append(&mut head.fields, &header::COOKIE, first) };
    let mut cookie = [first.as_bytes(), second.as_bytes()].join(&b"; "[..]);
    for crumb in crumbs {
        cookie.extend_from_slice(b"; ");
        cookie.extend_from_slice(crumb.as_bytes());
    }
    head.fields.push(b"cookie", &cookie);
    Ok(())
}
