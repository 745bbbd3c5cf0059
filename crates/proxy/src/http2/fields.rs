//! Fields between the codec's map and our flat form.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::failure::What;
use crate::message::{Fields, may_be_trailer};
use crate::violation::Violation;

/// Copies one field, strictly (RFC 9113 §8.2.1): the codec has seen to upper case, CR, LF and NUL, and to the fields of
/// HTTP/1.1 connections.
///
/// # Errors
/// White space at an edge of the value.
pub(crate) fn append(fields: &mut Fields, name: &HeaderName, value: &HeaderValue) -> Result<(), Violation> {
    let value = value.as_bytes();
    if let [b' ' | b'\t', ..] | [.., b' ' | b'\t'] = value {
        return Err(Violation::FieldValue);
    }
    fields.push(name.as_str().as_bytes(), value);
    Ok(())
}

/// Reads trailers; fields that frame, route or authenticate are left out (RFC 9110 §6.5.1).
///
/// # Errors
/// When a value is malformed.
pub(crate) fn read_trailers(map: &HeaderMap) -> Result<Fields, Violation> {
    let mut fields = Fields::default();
    for (name, value) in map {
        if may_be_trailer(name.as_str().as_bytes()) {
            append(&mut fields, name, value).map_err(|_| Violation::Trailers)?;
        }
    }
    Ok(fields)
}

/// Writes `fields` into a map, names lower-case.
///
/// # Errors
/// `wrong` when a name or value is not HTTP's: a filter or backend made it, and it must not go on.
pub(crate) fn write_fields(map: &mut HeaderMap, fields: &Fields, wrong: What) -> Result<(), What> {
    map.reserve(fields.len());
    for (name, value) in fields.iter() {
        let name = HeaderName::from_bytes(name).map_err(|_| wrong)?;
        let value = HeaderValue::from_bytes(value).map_err(|_| wrong)?;
        map.append(name, value);
    }
    Ok(())
}

/// Reads a content-length: digits alone, within 63 bits.
pub(crate) fn parse_length(value: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok().filter(|length| *length <= i64::MAX as u64)
}
