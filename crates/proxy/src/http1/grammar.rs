//! The byte classes and small grammars that heads, chunks and trailers share (RFC 9110 §5.5, §5.6.2).

use crate::message::Fields;
use crate::violation::Violation;

/// Bytes of a token.
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        table[byte] = b.is_ascii_alphanumeric()
            || matches!(
                b,
                b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
            );
        byte += 1;
    }
    table
};

pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| TOKEN[byte as usize])
}

/// Whether a field value holds no control byte other than a tab; bytes above 127 (obs-text) pass.
pub(crate) fn is_field_value(bytes: &[u8]) -> bool {
    // Without a branch per byte, so that the compiler can take many at a time.
    bytes.iter().fold(0_u8, |bad, &b| bad | (u8::from(b < 0x20) & u8::from(b != b'\t')) | u8::from(b == 0x7f)) == 0
}

/// Removes the optional white space around a field value.
pub(super) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// A line without its end, and what follows it.
pub(super) type LineAndRest<'a> = (&'a [u8], &'a [u8]);

/// Splits `bytes` at its first line end, CRLF and nothing else; `None` when the line is not all there yet.
///
/// # Errors
/// A bare LF (RFC 9112 §2.2 allows it; we do not: the next parser may disagree).
pub(super) fn take_line(bytes: &[u8]) -> Result<Option<LineAndRest<'_>>, Violation> {
    match memchr::memchr(b'\n', bytes) {
        None => Ok(None),
        Some(at) if at > 0 && bytes[at - 1] == b'\r' => Ok(Some((&bytes[..at - 1], &bytes[at + 1..]))),
        Some(_) => Err(Violation::BareLineFeed),
    }
}

/// Splits one field line into name and value.
pub(super) fn split_field(line: &[u8]) -> Result<(&[u8], &[u8]), Violation> {
    let colon = memchr::memchr(b':', line).ok_or(Violation::FieldName)?;
    let (name, value) = (&line[..colon], trim(&line[colon + 1..]));
    if !is_token(name) {
        return Err(Violation::FieldName);
    }
    if !is_field_value(value) {
        return Err(Violation::FieldValue);
    }
    Ok((name, value))
}

/// Reads trailer lines, those that may not be trailers left out (RFC 9110 §6.5.1).
pub(super) fn parse_trailers(mut bytes: &[u8], fields_max: usize) -> Result<Fields, Violation> {
    let mut fields = Fields::default();
    let mut count = 0;
    while let Some((line, rest)) = take_line(bytes)? {
        if line.is_empty() {
            break;
        }
        let (name, value) = split_field(line).map_err(|_| Violation::Trailers)?;
        count += 1;
        if count > fields_max {
            return Err(Violation::TrailersTooLarge);
        }
        if crate::message::may_be_trailer(name) {
            fields.push(name, value);
        }
        bytes = rest;
    }
    Ok(fields)
}

/// The elements of a comma-separated list, empty ones left out.
pub(super) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim).filter(|element| !element.is_empty())
}

/// A content-length: digits alone, within 63 bits.
pub(super) fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 19 || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let length =
        value.iter().try_fold(0_u64, |sum, &digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))?;
    (length <= i64::MAX as u64).then_some(length)
}
