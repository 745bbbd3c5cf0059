//! Heads onto the wire, always rebuilt from their parsed form.

use super::framing::BodyWriter;
use crate::message::{BodyLength, Fields, RequestHead, ResponseHead, Version};

pub(super) fn write_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn write_fields(out: &mut Vec<u8>, fields: &Fields) {
    for (name, value) in fields.iter() {
        write_field(out, name, value);
    }
}

/// Appends a request's head and returns the framing its body needs.
pub(crate) fn write_request(out: &mut Vec<u8>, head: &RequestHead) -> BodyWriter {
    out.extend_from_slice(head.method.as_bytes());
    out.push(b' ');
    out.extend_from_slice(head.path.as_bytes());
    if let Some(query) = &head.query {
        out.push(b'?');
        out.extend_from_slice(query.as_bytes());
    }
    out.extend_from_slice(b" HTTP/1.1\r\nhost: ");
    out.extend_from_slice(head.authority.as_bytes());
    out.extend_from_slice(b"\r\n");
    write_fields(out, &head.fields);
    if let Some(protocol) = &head.upgrade {
        out.extend_from_slice(b"connection: upgrade\r\n");
        write_field(out, b"upgrade", protocol.as_bytes());
    }
    if head.expects_continue {
        out.extend_from_slice(b"expect: 100-continue\r\n");
    }
    let body = match head.body {
        BodyLength::Empty => BodyWriter::Done,
        BodyLength::Known(length) => content_length(out, length),
        BodyLength::Unknown => chunked(out),
    };
    out.extend_from_slice(b"\r\n");
    body
}

/// Appends a response's head and returns the framing its body needs. `version` and `method` are the request's;
/// `keep_alive` is whether the connection stays.
pub(crate) fn write_response(
    out: &mut Vec<u8>,
    head: &ResponseHead,
    version: Version,
    method: &str,
    keep_alive: &mut bool,
) -> BodyWriter {
    write_status(out, head.status);
    write_fields(out, &head.fields);
    let bodiless = method == "HEAD" || head.status < 200 || head.status == 204 || head.status == 304;
    let body = match head.body {
        _ if bodiless => BodyWriter::Done,
        BodyLength::Empty => content_length(out, 0),
        BodyLength::Known(length) => content_length(out, length),
        BodyLength::Unknown if version == Version::Http11 => chunked(out),
        BodyLength::Unknown => {
            *keep_alive = false;
            BodyWriter::UntilClose
        }
    };
    match (version, *keep_alive) {
        (Version::Http11, false) => out.extend_from_slice(b"connection: close\r\n"),
        (Version::Http10, true) => out.extend_from_slice(b"connection: keep-alive\r\n"),
        _ => {}
    }
    out.extend_from_slice(b"\r\n");
    body
}

/// Appends a 1xx head; of a 101, with the protocol that the connection now speaks.
pub(crate) fn write_interim(out: &mut Vec<u8>, head: &ResponseHead, upgrade: Option<&str>) {
    write_status(out, head.status);
    write_fields(out, &head.fields);
    if let Some(protocol) = upgrade {
        out.extend_from_slice(b"connection: upgrade\r\n");
        write_field(out, b"upgrade", protocol.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

fn write_status(out: &mut Vec<u8>, status: u16) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(itoa::Buffer::new().format(status).as_bytes());
    out.push(b' ');
    out.extend_from_slice(reason(status).as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn content_length(out: &mut Vec<u8>, length: u64) -> BodyWriter {
    write_field(out, b"content-length", itoa::Buffer::new().format(length).as_bytes());
    if length == 0 { BodyWriter::Done } else { BodyWriter::Length(length) }
}

fn chunked(out: &mut Vec<u8>) -> BodyWriter {
    out.extend_from_slice(b"transfer-encoding: chunked\r\n");
    BodyWriter::Chunked
}

/// Returns the registered reason phrase, or nothing.
fn reason(status: u16) -> &'static str {
    http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("")
}
