//! Heads towards and from a backend, between our form and the codec's.

use base64::Engine as _;
use bytes::{BufMut as _, Bytes, BytesMut};
use h2::ext::Protocol;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};

use crate::failure::What;
use crate::http2::{append, parse_length, write_fields};
use crate::limits::Limits;
use crate::message::{BodyLength, RequestHead, ResponseHead, Scheme};

/// Builds a request. `scheme` is that of the backend's connection.
///
/// # Errors
/// [`What::BadRequest`] when something in it is not HTTP/2's.
pub(super) fn write_request(head: &RequestHead, scheme: Scheme) -> Result<Request<()>, What> {
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(head.method.as_bytes()).map_err(|_| What::BadRequest)?;
    *request.uri_mut() = uri(head, scheme)?;
    let headers = request.headers_mut();
    write_fields(headers, &head.fields, What::BadRequest)?;
    if let BodyLength::Known(length) = head.body {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    if head.expects_continue {
        headers.insert(header::EXPECT, HeaderValue::from_static("100-continue"));
    }
    if head.is_grpc() {
        // gRPC's protocol has it on every call; ours to say again, being of one connection only.
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    if let Some(protocol) = &head.upgrade {
        // RFC 8441 §5: these prove things that HTTP/2 has no doubt about.
        headers.remove(header::SEC_WEBSOCKET_KEY);
        *request.method_mut() = Method::CONNECT;
        request.extensions_mut().insert(Protocol::from(protocol.as_str()));
    }
    Ok(request)
}

fn uri(head: &RequestHead, scheme: Scheme) -> Result<Uri, What> {
    let authority = Bytes::copy_from_slice(head.authority.as_bytes());
    let mut target = BytesMut::with_capacity(head.path.len() + 1 + head.query.as_ref().map_or(0, String::len));
    target.put_slice(head.path.as_bytes());
    if let Some(query) = &head.query {
        target.put_u8(b'?');
        target.put_slice(query.as_bytes());
    }
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(match scheme {
        Scheme::Http => http::uri::Scheme::HTTP,
        Scheme::Https => http::uri::Scheme::HTTPS,
    });
    parts.authority = Some(Authority::from_maybe_shared(authority).map_err(|_| What::BadRequest)?);
    parts.path_and_query = Some(PathAndQuery::from_maybe_shared(target.freeze()).map_err(|_| What::BadRequest)?);
    Uri::from_parts(parts).map_err(|_| What::BadRequest)
}

/// What proves to an HTTP/1.1 client that its WebSocket handshake was understood (RFC 6455 §4.2.2): HTTP/2 has no such
/// proof, so it is ours to give.
pub(super) fn websocket_accept(key: &[u8]) -> String {
    let mut text = key.to_vec();
    text.extend_from_slice(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &text);
    base64::engine::general_purpose::STANDARD.encode(digest)
}

/// Reads a response's head into `head`. `is_end` says that no body follows.
///
/// # Errors
/// [`What::BadResponse`].
pub(super) fn read_response(
    status: u16,
    fields: &HeaderMap,
    is_end: bool,
    head: &mut ResponseHead,
    limits: &Limits,
) -> Result<(), What> {
    if status == 101 || fields.len() > limits.head_fields_max {
        return Err(What::BadResponse);
    }
    head.status = status;
    head.fields.clear();
    let mut length = None;
    for (name, value) in fields {
        if *name == header::CONTENT_LENGTH {
            // Equal ones too: what is next to us may read them otherwise.
            if length.replace(parse_length(value.as_bytes()).ok_or(What::BadResponse)?).is_some() {
                return Err(What::BadResponse);
            }
        } else if *name != header::TE {
            append(&mut head.fields, name, value).map_err(|_| What::BadResponse)?;
        }
    }
    head.body = match length {
        Some(1..) if is_end => {
            // Beside no body, it tells of the one that a GET would have had (RFC 9110 §8.6).
            let length = fields.get(header::CONTENT_LENGTH).ok_or(What::BadResponse)?;
            append(&mut head.fields, &header::CONTENT_LENGTH, length).map_err(|_| What::BadResponse)?;
            BodyLength::Empty
        }
        _ if is_end => BodyLength::Empty,
        Some(length) => BodyLength::Known(length),
        None => BodyLength::Unknown,
    };
    Ok(())
}
