//! Heads of requests and responses, strictly (RFC 9112 §2 to §6).

use super::chunk::ChunkDecoder;
use super::framing::BodyReader;
use super::grammar::{is_field_value, is_token, list, parse_length, split_field, take_line};
use crate::edge::Strict;
use crate::failure::What;
use crate::limits::Limits;
use crate::message::{BodyLength, Fields, RequestHead, ResponseHead, Scheme, Version};
use crate::violation::Violation;

/// The one protocol that connections are upgraded to.
const WEBSOCKET: &str = "websocket";
/// Bytes that a request line may take besides its target: a method and a version.
pub(crate) const REQUEST_LINE_REST_BYTES_MAX: usize = 64;

/// What a head said besides what the message itself holds.
#[derive(Debug)]
pub(crate) struct Parsed {
    /// Bytes of the head, its empty line included.
    pub(crate) consumed: usize,
    /// The sender is willing to use the connection again.
    pub(crate) keep_alive: bool,
    pub(crate) body: BodyReader,
}

/// What a request's parser must know of its connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestContext<'a> {
    pub(crate) scheme: Scheme,
    pub(crate) limits: &'a Limits,
    pub(crate) strict: Strict,
}

/// The fields that belong to the connection, gathered while the others are copied.
#[derive(Default)]
struct HopByHop {
    content_length: Option<u64>,
    /// What Transfer-Encoding said: chunked, or what is wrong with it.
    coding: Option<Result<(), Violation>>,
    close: bool,
    keep_alive: bool,
    upgrade_named: bool,
    upgrade: Option<String>,
    /// Names from Connection that ask for removal of end-to-end fields.
    named: Vec<Vec<u8>>,
    host: Option<Vec<u8>>,
    expect: Option<Vec<u8>>,
}

/// Reads a request's head into `head`, which the caller has cleared; `None` when it is not all there.
///
/// # Errors
/// What the client did wrong; the connection must close after the answer.
pub(crate) fn parse_request(
    bytes: &[u8],
    head: &mut RequestHead,
    context: RequestContext<'_>,
) -> Result<Option<Parsed>, Violation> {
    let limits = context.limits;
    // RFC 9112 §2.2: one empty line before the request line is ignored.
    let skipped = if bytes.starts_with(b"\r\n") { 2 } else { 0 };
    let Some((line, rest)) = take_line(&bytes[skipped..])? else {
        return incomplete(bytes, limits, Violation::TargetTooLong);
    };
    let (version, absolute) = request_line(line, head, context)?;
    let mut hop = HopByHop::default();
    let Some(rest) = read_fields(rest, &mut head.fields, &mut hop, limits)? else {
        return incomplete(bytes, limits, Violation::HeadTooLarge);
    };
    let consumed = bytes.len() - rest.len();
    if consumed > limits.head_bytes_max {
        return Err(Violation::HeadTooLarge);
    }
    head.version = version;
    head.scheme = context.scheme;
    set_host(head, version, absolute, hop.host.as_deref())?;
    let mut all_admitted = true;
    for (name, _) in head.fields.iter() {
        all_admitted &= context.strict.admits(name)?;
    }
    if !all_admitted {
        head.fields.retain(|name, _| context.strict.admits(name) == Ok(true));
    }
    remove_named(&mut head.fields, &hop.named);
    let body = request_body(version, &hop, limits)?;
    head.body = body_length(&body);
    head.expects_continue = version == Version::Http11 && expects_continue(hop.expect.as_deref())?;
    head.upgrade = websocket(version, head, &hop)?;
    let keep_alive = !hop.close && (version == Version::Http11 || hop.keep_alive);
    Ok(Some(Parsed { consumed, keep_alive, body }))
}

/// Reads a response's head; `None` when it is not all there. `method` is the request's.
///
/// # Errors
/// [`What::BadResponse`]: the connection must not be used again.
pub(crate) fn parse_response(
    bytes: &[u8],
    head: &mut ResponseHead,
    method: &str,
    limits: &Limits,
) -> Result<Option<Parsed>, What> {
    parse_response_strictly(bytes, head, method, limits).map_err(|Malformed| What::BadResponse)
}

/// What is wrong with a response is nobody's to know but that it is.
struct Malformed;

impl From<Violation> for Malformed {
    fn from(_: Violation) -> Self {
        Self
    }
}

fn parse_response_strictly(
    bytes: &[u8],
    head: &mut ResponseHead,
    method: &str,
    limits: &Limits,
) -> Result<Option<Parsed>, Malformed> {
    let Some((line, rest)) = take_line(bytes)? else {
        return Ok(incomplete(bytes, limits, Violation::HeadTooLarge)?);
    };
    let (version, status) = status_line(line)?;
    head.status = status;
    let mut hop = HopByHop::default();
    let Some(rest) = read_fields(rest, &mut head.fields, &mut hop, limits)? else {
        return Ok(incomplete(bytes, limits, Violation::HeadTooLarge)?);
    };
    let consumed = bytes.len() - rest.len();
    if consumed > limits.head_bytes_max {
        return Err(Malformed);
    }
    if status == 101 && !(hop.upgrade_named && hop.upgrade.as_deref() == Some(WEBSOCKET)) {
        return Err(Malformed);
    }
    remove_named(&mut head.fields, &hop.named);
    let body = response_body(version, status, method, &hop, limits)?;
    head.body = body_length(&body);
    if let (BodyReader::Done, Some(length)) = (&body, hop.content_length)
        && (method == "HEAD" || status == 304)
    {
        // It tells of the body that a GET would have had (RFC 9110 §8.6).
        head.fields.push(b"content-length", itoa::Buffer::new().format(length).as_bytes());
    }
    let keep_alive =
        !hop.close && (version == Version::Http11 || hop.keep_alive) && !matches!(body, BodyReader::UntilClose);
    Ok(Some(Parsed { consumed, keep_alive, body }))
}

fn incomplete(bytes: &[u8], limits: &Limits, in_first_line: Violation) -> Result<Option<Parsed>, Violation> {
    if in_first_line == Violation::TargetTooLong && bytes.len() > limits.target_bytes_max + REQUEST_LINE_REST_BYTES_MAX
    {
        return Err(Violation::TargetTooLong);
    }
    if bytes.len() >= limits.head_bytes_max {
        return Err(Violation::HeadTooLarge);
    }
    Ok(None)
}

/// Reads `METHOD SP target SP version`; returns the version, and the authority of an absolute target.
fn request_line<'a>(
    line: &'a [u8],
    head: &mut RequestHead,
    context: RequestContext<'_>,
) -> Result<(Version, Option<&'a [u8]>), Violation> {
    let method_end = memchr::memchr(b' ', line).ok_or(Violation::RequestLine)?;
    let version_start = memchr::memrchr(b' ', line).ok_or(Violation::RequestLine)?;
    let version = match &line[version_start + 1..] {
        b"HTTP/1.1" => Version::Http11,
        b"HTTP/1.0" => Version::Http10,
        _ => return Err(Violation::Version),
    };
    let method = &line[..method_end];
    let target = line.get(method_end + 1..version_start).ok_or(Violation::RequestLine)?;
    if !is_token(method) || method == b"CONNECT" {
        return Err(Violation::Method);
    }
    if target.len() > context.limits.target_bytes_max {
        return Err(Violation::TargetTooLong);
    }
    head.method.push_str(std::str::from_utf8(method).map_err(|_| Violation::Method)?);
    let (authority, path) = split_target(target)?;
    head.set_target(path, context.strict.path)?;
    Ok((version, authority))
}

/// Splits an absolute-form target into authority and the rest; the other forms have no authority.
fn split_target(target: &[u8]) -> Result<(Option<&[u8]>, &[u8]), Violation> {
    if target.starts_with(b"/") || target == b"*" {
        return Ok((None, target));
    }
    let after_scheme = match target.get(..8) {
        Some(start) if start.eq_ignore_ascii_case(b"https://") => 8,
        Some(start) if start[..7].eq_ignore_ascii_case(b"http://") => 7,
        _ => return Err(Violation::TargetForm),
    };
    let rest = &target[after_scheme..];
    let path_start = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    Ok((Some(&rest[..path_start]), &rest[path_start..]))
}

fn status_line(line: &[u8]) -> Result<(Version, u16), Malformed> {
    let version = match line.get(..9) {
        Some(b"HTTP/1.1 ") => Version::Http11,
        Some(b"HTTP/1.0 ") => Version::Http10,
        _ => return Err(Malformed),
    };
    let (Some(digits), None | Some(b' ')) = (line.get(9..12), line.get(12)) else { return Err(Malformed) };
    if !digits.iter().all(u8::is_ascii_digit) || !(b'1'..=b'5').contains(&digits[0]) || !is_field_value(&line[12..]) {
        return Err(Malformed);
    }
    let status = digits.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    Ok((version, status))
}

/// Copies end-to-end fields to `fields` and gathers the others in `hop`; returns what follows the empty line.
fn read_fields<'a>(
    mut rest: &'a [u8],
    fields: &mut Fields,
    hop: &mut HopByHop,
    limits: &Limits,
) -> Result<Option<&'a [u8]>, Violation> {
    let mut count = 0;
    loop {
        let Some((line, after)) = take_line(rest)? else { return Ok(None) };
        rest = after;
        if line.is_empty() {
            return Ok(Some(rest));
        }
        let (name, value) = split_field(line)?;
        count += 1;
        if count > limits.head_fields_max {
            return Err(Violation::FieldsTooMany);
        }
        if !hop.take(name, value)? {
            fields.push(name, value);
        }
    }
}

impl HopByHop {
    /// Keeps the field if it belongs to the connection; `false` means that it is end-to-end.
    fn take(&mut self, name: &[u8], value: &[u8]) -> Result<bool, Violation> {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        match name.len() {
            2 => Ok(is("te")),
            4 if is("host") => {
                // RFC 9112 §3.2: more than one is a bad request.
                if self.host.replace(value.to_vec()).is_some() {
                    return Err(Violation::HostRepeated);
                }
                Ok(true)
            }
            6 if is("expect") => {
                if self.expect.replace(value.to_vec()).is_some() {
                    return Err(Violation::Expectation);
                }
                Ok(true)
            }
            7 if is("upgrade") => {
                // Several protocols offered at once are none that we would choose.
                let token = String::from_utf8_lossy(value).to_ascii_lowercase();
                self.upgrade = if self.upgrade.is_some() { Some(String::new()) } else { Some(token) };
                Ok(true)
            }
            10 if is("connection") => self.connection(value),
            10 => Ok(is("keep-alive")),
            14 if is("content-length") => {
                let length = parse_length(value).ok_or(Violation::ContentLength)?;
                if self.content_length.replace(length).is_some() {
                    return Err(Violation::ContentLength);
                }
                Ok(true)
            }
            14 => Ok(is("http2-settings")),
            16 => Ok(is("proxy-connection")),
            17 if is("transfer-encoding") => self.transfer_encoding(value),
            _ => Ok(false),
        }
    }

    fn connection(&mut self, value: &[u8]) -> Result<bool, Violation> {
        for token in list(value) {
            if !is_token(token) {
                return Err(Violation::ConnectionField);
            }
            if token.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if token.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if token.eq_ignore_ascii_case(b"upgrade") {
                self.upgrade_named = true;
            } else {
                self.named.push(token.to_vec());
            }
        }
        Ok(true)
    }

    fn transfer_encoding(&mut self, value: &[u8]) -> Result<bool, Violation> {
        let known = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
        let coding = if self.coding.is_some() {
            Err(Violation::TransferEncoding)
        } else if known(value) {
            Ok(())
        } else if list(value).all(is_token) && list(value).any(|coding| !known(coding)) {
            Err(Violation::CodingUnknown)
        } else {
            Err(Violation::TransferEncoding)
        };
        self.coding = Some(coding);
        Ok(true)
    }
}

/// Chooses the authority: an absolute target's wins over Host (RFC 9112 §3.2.2).
fn set_host(
    head: &mut RequestHead,
    version: Version,
    absolute: Option<&[u8]>,
    host: Option<&[u8]>,
) -> Result<(), Violation> {
    match (absolute, host) {
        (None, None) if version == Version::Http10 => Ok(()),
        (_, None) if version == Version::Http11 => Err(Violation::HostMissing),
        (Some(authority), host) => {
            if let Some(host) = host {
                head.set_authority(host)?;
            }
            head.set_authority(authority)
        }
        (None, Some(host)) => head.set_authority(host),
        (None, None) => Err(Violation::HostMissing),
    }
}

fn remove_named(fields: &mut Fields, named: &[Vec<u8>]) {
    if !named.is_empty() {
        fields.retain(|name, _| !named.iter().any(|other| other.eq_ignore_ascii_case(name)));
    }
}

fn request_body(version: Version, hop: &HopByHop, limits: &Limits) -> Result<BodyReader, Violation> {
    match (hop.coding, hop.content_length) {
        (Some(_), Some(_)) => Err(Violation::LengthAndCoding),
        (Some(_), None) if version == Version::Http10 => Err(Violation::TransferEncoding),
        (Some(coding), None) => coding.map(|()| BodyReader::Chunked(Box::new(ChunkDecoder::new(limits)))),
        (None, Some(length)) => Ok(BodyReader::Length(length)),
        (None, None) => Ok(BodyReader::Done),
    }
}

fn response_body(
    version: Version,
    status: u16,
    method: &str,
    hop: &HopByHop,
    limits: &Limits,
) -> Result<BodyReader, Malformed> {
    match (hop.coding, hop.content_length) {
        (Some(_), Some(_)) | (Some(Err(_)), None) => return Err(Malformed),
        (Some(Ok(())), None) if version == Version::Http10 || status < 200 || status == 204 => {
            return Err(Malformed);
        }
        (None, Some(length)) if length > 0 && (status < 200 || status == 204) => return Err(Malformed),
        _ => {}
    }
    if method == "HEAD" || status < 200 || status == 204 || status == 304 {
        return Ok(BodyReader::Done);
    }
    Ok(match (hop.coding, hop.content_length) {
        (Some(_), _) => BodyReader::Chunked(Box::new(ChunkDecoder::new(limits))),
        (None, Some(length)) => BodyReader::Length(length),
        (None, None) => BodyReader::UntilClose,
    })
}

fn body_length(body: &BodyReader) -> BodyLength {
    match body {
        BodyReader::Done => BodyLength::Empty,
        BodyReader::Length(length) => BodyLength::Known(*length),
        BodyReader::Chunked(_) | BodyReader::UntilClose => BodyLength::Unknown,
    }
}

fn expects_continue(expect: Option<&[u8]>) -> Result<bool, Violation> {
    match expect {
        None => Ok(false),
        Some(value) if value.eq_ignore_ascii_case(b"100-continue") => Ok(true),
        Some(_) => Err(Violation::Expectation),
    }
}

/// Returns the protocol if the client asked for one that we carry. Others, h2c among them, are asked in vain: the
/// request goes on as plain HTTP (RFC 9110 §7.8).
fn websocket(version: Version, head: &RequestHead, hop: &HopByHop) -> Result<Option<String>, Violation> {
    let asked = version == Version::Http11 && hop.upgrade_named && head.method == "GET";
    match &hop.upgrade {
        Some(protocol) if asked && protocol == WEBSOCKET => match head.body {
            BodyLength::Empty | BodyLength::Known(0) => Ok(Some(protocol.clone())),
            BodyLength::Known(_) | BodyLength::Unknown => Err(Violation::UpgradeWithBody),
        },
        _ => Ok(None),
    }
}
