//! ExternalAuth over gRPC: Envoy's `envoy.service.auth.v3.Authorization/Check`.

use std::collections::HashMap;
use std::time::SystemTime;

use gatewright_core::filter::external_auth::{AuthProtocol, ExternalAuth};
use gatewright_core::filter::header::is_reserved;
use prost::Message as _;

use super::super::prepare::{Change, How, Prepared};
use super::message::{
    Address, AppendAction, AttributeContext, CheckRequest, CheckResponse, DeniedHttpResponse, HeaderValue,
    HeaderValueOption, HttpRequest, HttpResponse, OkHttpResponse, Peer, QueryParameter, Request, SocketAddress,
    Timestamp,
};
use super::{Reply, Verdict, denied, fields_sent};
use crate::failure::{Failure, What};
use crate::http1::{is_field_value, is_token};
use crate::message::{BodyLength, Fields, RequestHead, Scheme, Version};
use crate::worker::Connection;

const METHOD: &str = "/envoy.service.auth.v3.Authorization/Check";
/// Before each message of gRPC: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// The call, and its one message.
pub(super) fn question(
    auth: &ExternalAuth,
    head: &RequestHead,
    connection: &Connection,
    body: Option<&[u8]>,
) -> (RequestHead, Vec<u8>) {
    let message = CheckRequest { attributes: Some(attributes(auth, head, connection, body)) };
    let mut framed = vec![0; PREFIX_BYTES];
    message.encode(&mut framed).expect("a Vec has room for everything");
    let length = (framed.len() - PREFIX_BYTES) as u32;
    framed[1..PREFIX_BYTES].copy_from_slice(&length.to_be_bytes());
    let authority = match &auth.protocol {
        AuthProtocol::Grpc { authority, .. } => authority.to_string(),
        AuthProtocol::Http { .. } => head.authority.clone(),
    };
    let mut fields = Fields::default();
    fields.push(b"content-type", b"application/grpc");
    let question = RequestHead {
        version: Version::Http2,
        method: "POST".into(),
        path: METHOD.into(),
        host: authority.clone(),
        authority,
        fields,
        body: BodyLength::Unknown,
        ..RequestHead::default()
    };
    (question, framed)
}

fn attributes(
    auth: &ExternalAuth,
    head: &RequestHead,
    connection: &Connection,
    body: Option<&[u8]>,
) -> AttributeContext {
    let address = connection.client_text.clone();
    let socket_address = Some(SocketAddress { address, port_value: connection.client.port().into() });
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let path = match &head.query {
        Some(query) => [&head.path, "?", query].concat(),
        None => head.path.clone(),
    };
    let (text, raw_body) = match body.map(<[u8]>::to_vec).map(String::from_utf8) {
        None => (String::new(), Vec::new()),
        Some(Ok(text)) => (text, Vec::new()),
        Some(Err(raw)) => (String::new(), raw.into_bytes()),
    };
    let http = HttpRequest {
        method: head.method.clone(),
        headers: headers(auth, head, &path),
        path,
        host: head.authority.clone(),
        scheme: scheme(head).into(),
        size: match head.body {
            BodyLength::Empty => 0,
            BodyLength::Known(bytes) => i64::try_from(bytes).unwrap_or(-1),
            BodyLength::Unknown => body.map_or(-1, |body| body.len() as i64),
        },
        protocol: match head.version {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
            Version::Http2 => "HTTP/2",
        }
        .into(),
        body: text,
        raw_body,
    };
    AttributeContext {
        source: Some(Peer { address: Some(Address { socket_address }) }),
        request: Some(Request {
            time: Some(Timestamp { seconds: now.as_secs() as i64, nanos: now.subsec_nanos() as i32 }),
            http: Some(http),
        }),
    }
}

/// The fields that are sent along; where all are, the request line among them, as Envoy has it.
fn headers(auth: &ExternalAuth, head: &RequestHead, path: &str) -> HashMap<String, String> {
    let mut headers: HashMap<String, String> = HashMap::new();
    for (name, value) in
        [(":authority", &*head.authority), (":method", &head.method), (":path", path), (":scheme", scheme(head))]
    {
        if auth.sends(name.as_bytes()) {
            headers.insert(name.into(), value.into());
        }
    }
    for (name, value) in fields_sent(auth, head).iter() {
        let value = String::from_utf8_lossy(value);
        headers
            .entry(String::from_utf8_lossy(name).to_ascii_lowercase())
            .and_modify(|values| {
                values.push(',');
                values.push_str(&value);
            })
            .or_insert_with(|| value.clone().into_owned());
    }
    headers
}

fn scheme(head: &RequestHead) -> &'static str {
    match head.scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    }
}

/// Reads the verdict; a yes puts into the request what the answer gives it.
///
/// # Errors
/// [`What::AuthFailed`] when the call failed, or its answer is none or asks what is not allowed.
pub(super) fn judge(reply: &Reply, head: &mut RequestHead, prepared: &mut Prepared<'_>) -> Result<Verdict, Failure> {
    let answer = message(reply).ok_or(What::AuthFailed)?;
    let is_ok = answer.status.as_ref().is_none_or(|status| status.code == 0);
    match (is_ok, answer.http_response) {
        (true, None) => Ok(Verdict::Pass),
        (true, Some(HttpResponse::Ok(ok))) => {
            pass(ok, head, prepared)?;
            Ok(Verdict::Pass)
        }
        (_, Some(HttpResponse::Denied(no))) => deny(no, head),
        (false, Some(HttpResponse::Ok(_)) | None) => Ok(denied(403, Fields::default(), Vec::new(), head)),
    }
}

/// The one message of a call that went well.
fn message(reply: &Reply) -> Option<CheckResponse> {
    let fields = reply.trailers.as_ref().unwrap_or(&reply.head.fields);
    if reply.head.status != 200 || fields.get("grpc-status") != Some(b"0") {
        tracing::warn!(
            status = reply.head.status,
            grpc_status = fields.get("grpc-status").map(String::from_utf8_lossy).as_deref(),
            grpc_message = fields.get("grpc-message").map(String::from_utf8_lossy).as_deref(),
            "the authorization server failed"
        );
        return None;
    }
    let (prefix, message) = reply.body.split_first_chunk::<PREFIX_BYTES>()?;
    let [compressed, length @ ..] = *prefix;
    if compressed != 0 || u32::from_be_bytes(length) as usize != message.len() {
        return None;
    }
    CheckResponse::decode(message).ok()
}

fn pass(ok: OkHttpResponse, head: &mut RequestHead, prepared: &mut Prepared<'_>) -> Result<(), Failure> {
    let changes = changes(ok.headers)?;
    let on_response = self::changes(ok.response_headers_to_add)?;
    for name in &ok.headers_to_remove {
        check_name(name)?;
    }
    for name in ok.headers_to_remove.iter().filter(|name| !is_reserved(name)) {
        head.fields.remove(name);
    }
    changes.iter().for_each(|change| change.apply(&mut head.fields));
    if !on_response.is_empty() {
        prepared.change_response(on_response);
    }
    for key in &ok.query_parameters_to_remove {
        set_query(head, key, None);
    }
    for QueryParameter { key, value } in &ok.query_parameters_to_set {
        set_query(head, key, Some(value));
    }
    Ok(())
}

fn deny(no: DeniedHttpResponse, head: &RequestHead) -> Result<Verdict, Failure> {
    let mut fields = Fields::default();
    for change in changes(no.headers)? {
        change.apply(&mut fields);
    }
    let status = no.status.and_then(|status| u16::try_from(status.code).ok());
    let status = status.filter(|status| (200..600).contains(status)).unwrap_or(403);
    Ok(denied(status, fields, no.body.into_bytes(), head))
}

/// Reads what is to become of fields. Those that frame a message or belong to one connection are passed over.
///
/// # Errors
/// [`What::AuthFailed`] for Host, for what is written like a pseudo-field, and for what is no field.
fn changes(options: Vec<HeaderValueOption>) -> Result<Vec<Change>, Failure> {
    let mut changes = Vec::with_capacity(options.len());
    for option in options {
        let how = how(&option);
        let HeaderValue { key, value, raw_value } = option.header.unwrap_or_default();
        let value = if raw_value.is_empty() { value.into_bytes() } else { raw_value };
        check_name(&key)?;
        if !is_field_value(&value) {
            return Err(unusable(&key, "its value is none that a field may have"));
        }
        if !is_reserved(&key) {
            changes.push(Change { name: key, value, how });
        }
    }
    Ok(changes)
}

/// Where nothing is said, a field is replaced: that is so in these messages alone.
fn how(option: &HeaderValueOption) -> How {
    if let Some(append) = &option.append {
        return if append.value { How::Add } else { How::Replace };
    }
    match AppendAction::try_from(option.append_action) {
        Ok(AppendAction::AddIfAbsent) => How::AddIfAbsent,
        Ok(AppendAction::OverwriteIfExists) => How::ReplaceIfPresent,
        Ok(AppendAction::Unsaid | AppendAction::Overwrite) | Err(_) => How::Replace,
    }
}

/// Which listener takes the request is decided by its Host, and that it stays so is not the server's to change
/// (GEP-5224).
fn check_name(name: &str) -> Result<(), Failure> {
    if name.starts_with(':') || name.eq_ignore_ascii_case("host") {
        return Err(unusable(name, "it decides where the request goes"));
    }
    if !is_token(name.as_bytes()) {
        return Err(unusable(name, "it is no name of a field"));
    }
    Ok(())
}

fn unusable(name: &str, why: &str) -> Failure {
    tracing::warn!(name, why, "the authorization server asks for a change that is not made: the request is refused");
    What::AuthFailed.into()
}

/// Puts `value`, or nothing, in the place of all values of the query's parameter `key`.
fn set_query(head: &mut RequestHead, key: &str, value: Option<&str>) {
    let key = escaped(key);
    let before = head.query.take().unwrap_or_default();
    let is_other = |pair: &&str| !pair.is_empty() && pair.split('=').next() != Some(&*key);
    let mut pairs: Vec<String> = before.split('&').filter(is_other).map(Into::into).collect();
    pairs.extend(value.map(|value| format!("{key}={}", escaped(value))));
    head.query = (!pairs.is_empty()).then(|| pairs.join("&"));
}

/// Escapes what would end a parameter or is no character of a query (RFC 3986 §3.4).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(byte.into()),
            _ => {
                escaped.push('%');
                escaped.extend([byte >> 4, byte & 15].map(|digit| b"0123456789ABCDEF"[usize::from(digit)] as char));
            }
        }
    }
    escaped
}
