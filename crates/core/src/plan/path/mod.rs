//! The one form of a request's path that serves matching, policy and forwarding alike (HARDENING P1).
//!
//! Two spellings of one resource become one text, and what no two servers would read the same way is refused. Bytes that
//! mean the same in every form stay as sent. It knows nothing of queries: the caller has cut them off.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

/// What is done where servers differ. The default is the strict one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathOptions {
    pub encoded_slash: EncodedSlash,
    pub empty_segments: EmptySegments,
}

/// `%2F` and `%5C`: a separator to some servers, a character to others. They are never decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EncodedSlash {
    #[default]
    Reject,
    /// Kept as a character of their element.
    Keep,
}

/// `//`: an empty element to some servers, one separator to others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmptySegments {
    /// One separator, for matching and upstream together.
    #[default]
    Merge,
    Keep,
}

/// Why a path has no canonical form. The client's fault: 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError {
    /// It does not begin with `/`.
    NotAbsolute,
    /// A byte that a path cannot hold as it stands: a control, space, `#`, `?`, `\`, DEL or beyond ASCII.
    Byte(u8),
    /// `%` without two hexadecimal digits, or an overlong UTF-8 sequence.
    Escape,
    /// `%00` to `%1F` or `%7F`: no resource has a control in its name, and a backend that decodes one into a header, a
    /// log or a file name is led astray.
    EscapedControl(u8),
    /// `%2F` or `%5C`, unless kept.
    EscapedSlash,
    /// `..` above the root.
    AboveRoot,
    /// A dot segment to some servers and a name to others: `..;x`, or `..` beside an escaped slash.
    HiddenDots,
}

/// Returns the canonical form of `path`: dot segments resolved (RFC 3986 §5.2.4), escapes of unreserved characters
/// decoded and other escapes in upper case (§6.2.2). It is borrowed when `path` has that form already, which one scan
/// finds out for nearly all of them.
///
/// # Errors
/// What makes the path ambiguous or malformed.
pub fn canonicalize(path: &[u8], options: PathOptions) -> Result<Cow<'_, str>, PathError> {
    if path.first() != Some(&b'/') {
        return Err(PathError::NotAbsolute);
    }
    // Every byte is looked at, whatever the ones before were: without an early end the scan is vectorized.
    let unusual = path.iter().fold(false, |found, &byte| found | (byte == b'%') | is_forbidden_in_path(byte));
    let follows = path.iter().zip(&path[1..]);
    let segments = follows.fold(false, |found, (&a, &b)| found | ((a == b'/') & ((b == b'/') | (b == b'.'))));
    if !unusual
        && !segments
        && let Ok(path) = std::str::from_utf8(path)
    {
        return Ok(path.into());
    }
    let canonical = rebuild(path, options)?;
    Ok(match std::str::from_utf8(path) {
        Ok(path) if path == canonical => path.into(),
        _ => canonical.into(),
    })
}

/// Appends the path one segment at a time, so that `..` takes back the last one.
fn rebuild(path: &[u8], options: PathOptions) -> Result<String, PathError> {
    let mut canonical = String::with_capacity(path.len());
    let mut segments = path[1..].split(|&byte| byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        let start = canonical.len();
        canonical.push('/');
        push_decoded(&mut canonical, segment, options)?;
        match &canonical[start + 1..] {
            "" if last || options.empty_segments == EmptySegments::Keep => continue,
            "" | "." => canonical.truncate(start),
            ".." => {
                let parent = canonical[..start].rfind('/').ok_or(PathError::AboveRoot)?;
                canonical.truncate(parent);
            }
            segment if hides_dots(segment) => return Err(PathError::HiddenDots),
            _ => continue,
        }
        if last {
            canonical.push('/');
        }
    }
    Ok(canonical)
}

fn push_decoded(canonical: &mut String, segment: &[u8], options: PathOptions) -> Result<(), PathError> {
    let mut rest = segment;
    let mut before = None;
    while let [byte, after @ ..] = rest {
        if is_forbidden_in_path(*byte) {
            return Err(PathError::Byte(*byte));
        }
        if *byte != b'%' {
            canonical.push(char::from(*byte));
            (rest, before) = (after, None);
            continue;
        }
        let escaped = escaped_byte(after)?;
        match escaped {
            0..=0x1f | 0x7f => return Err(PathError::EscapedControl(escaped)),
            _ if before.is_some_and(|before| is_overlong(before, escaped)) => return Err(PathError::Escape),
            b'/' | b'\\' if options.encoded_slash == EncodedSlash::Reject => return Err(PathError::EscapedSlash),
            _ if is_unreserved(escaped) => canonical.push(char::from(escaped)),
            _ => {
                canonical.push('%');
                canonical.extend(after[..2].iter().map(|digit| char::from(digit.to_ascii_uppercase())));
            }
        }
        (rest, before) = (&after[2..], Some(escaped));
    }
    Ok(())
}

fn escaped_byte(digits: &[u8]) -> Result<u8, PathError> {
    let digit = |at: usize| digits.get(at).and_then(|&digit| char::from(digit).to_digit(16)).ok_or(PathError::Escape);
    Ok((digit(0)? << 4 | digit(1)?) as u8)
}

/// RFC 9112 §3.2 and RFC 3986 §3.3, less the printable characters that clients send raw (`[`, `|`, `"` and the like).
pub(crate) fn is_forbidden_in_path(byte: u8) -> bool {
    byte <= b' ' || byte >= 0x7f || byte == b'#' || byte == b'?' || byte == b'\\'
}

/// RFC 3986 §2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Whether the two bytes begin a UTF-8 sequence longer than its character needs: `%C0%AF` is a `/` to lax decoders.
fn is_overlong(lead: u8, next: u8) -> bool {
    match lead {
        0xc0 | 0xc1 => (0x80..=0xbf).contains(&next),
        0xe0 => (0x80..=0x9f).contains(&next),
        0xf0 => (0x80..=0x8f).contains(&next),
        0xf8 => (0x80..=0x87).contains(&next),
        0xfc => (0x80..=0x83).contains(&next),
        _ => false,
    }
}

/// Whether a server that decodes slashes or drops `;parameters` would find a dot segment in this one. It is not one
/// itself.
fn hides_dots(segment: &str) -> bool {
    segment
        .split("%2F")
        .flat_map(|part| part.split("%5C"))
        .filter_map(|part| part.split("%3B").next()?.split(';').next())
        .any(|name| name == "." || name == "..")
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAbsolute => f.write_str("the path does not begin with \"/\""),
            Self::Byte(byte) => write!(f, "the path holds the byte 0x{byte:02x}, which must be percent-encoded"),
            Self::Escape => f.write_str("the path holds a \"%\" sequence that is malformed or overlong UTF-8"),
            Self::EscapedControl(byte) => write!(f, "the path holds an encoded control character (%{byte:02X})"),
            Self::EscapedSlash => f.write_str("the path holds an escaped slash (%2F or %5C)"),
            Self::AboveRoot => f.write_str("the path leads above the root"),
            Self::HiddenDots => f.write_str("the path hides a dot segment (\"..;\" or \"..\" beside an escaped slash)"),
        }
    }
}

impl std::error::Error for PathError {}

#[cfg(test)]
mod tests;
