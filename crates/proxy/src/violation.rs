//! The rules that a client's request can break, and what is said of it: to the client, in the log, in metrics.

use gatewright_core::plan::PathError;

use crate::failure::What;

/// Why a request was refused. Closed: each has a name that stays, for logs and metrics, and a phrase for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    RequestLine,
    Method,
    Version,
    TargetForm,
    TargetTooLong,
    PathByte,
    PathEscape,
    PathControl,
    EncodedSlash,
    PathAboveRoot,
    PathHiddenDots,
    Query,
    Fragment,
    Scheme,
    HostMissing,
    HostRepeated,
    HostInvalid,
    HostDiffers,
    BareLineFeed,
    FieldName,
    FieldValue,
    FieldsTooMany,
    Underscore,
    HeadTooLarge,
    ConnectionField,
    ContentLength,
    LengthAndCoding,
    TransferEncoding,
    CodingUnknown,
    Expectation,
    UpgradeWithBody,
    Chunk,
    ChunkExtension,
    Trailers,
    TrailersTooLarge,
    BodyFraming,
    BodyTooLarge,
    HeadTimeout,
    BodyTimeout,
}

/// Every rule at its index, with its name and its phrase.
const RULES: [(Violation, &str, &str); 39] = [
    (Violation::RequestLine, "request_line", "the request line is not METHOD SP target SP version"),
    (Violation::Method, "method", "the method is invalid or not served here"),
    (Violation::Version, "version", "the protocol version is not served here"),
    (Violation::TargetForm, "target_form", "the request target is not a path, an http URL or, for OPTIONS, *"),
    (Violation::TargetTooLong, "target_too_long", "request target too long"),
    (Violation::PathByte, "path_byte", "the path holds a character that must be percent-encoded"),
    (Violation::PathEscape, "path_escape", "the path holds a malformed percent-encoding"),
    (Violation::PathControl, "path_control", "the path holds an encoded control character"),
    (Violation::EncodedSlash, "encoded_slash", "the path holds an encoded slash (%2F or %5C)"),
    (Violation::PathAboveRoot, "path_above_root", "the path leads above the root"),
    (Violation::PathHiddenDots, "path_hidden_dots", "the path hides a dot segment (\"..;\" or \"..\" beside %2F)"),
    (Violation::Query, "query", "the query holds a character that must be percent-encoded"),
    (Violation::Fragment, "fragment", "the request target has a fragment (#)"),
    (Violation::Scheme, "scheme", "the scheme is not http or https"),
    (Violation::HostMissing, "host_missing", "the request has no host"),
    (Violation::HostRepeated, "host_repeated", "the request has more than one Host"),
    (Violation::HostInvalid, "host_invalid", "the host is not a name or address with an optional port"),
    (Violation::HostDiffers, "host_differs", ":authority and Host differ"),
    (Violation::BareLineFeed, "bare_line_feed", "a line of the head does not end with CR LF"),
    (Violation::FieldName, "field_name", "a header line is malformed: not \"name: value\""),
    (Violation::FieldValue, "field_value", "a header value holds a control character or white space at its edge"),
    (Violation::FieldsTooMany, "too_many_fields", "too many header fields"),
    (Violation::Underscore, "underscore", "a header name holds an underscore"),
    (Violation::HeadTooLarge, "head_too_large", "request head too large"),
    (Violation::ConnectionField, "connection_field", "the Connection header is malformed"),
    (Violation::ContentLength, "content_length", "Content-Length is not one number"),
    (Violation::LengthAndCoding, "length_and_coding", "the request has both Content-Length and Transfer-Encoding"),
    (Violation::TransferEncoding, "transfer_encoding", "Transfer-Encoding is not \"chunked\", once, in HTTP 1.1"),
    (Violation::CodingUnknown, "coding_unknown", "unknown transfer coding"),
    (Violation::Expectation, "expectation", "unknown expectation"),
    (Violation::UpgradeWithBody, "upgrade_with_body", "a request to upgrade the connection has a body"),
    (Violation::Chunk, "chunk", "a chunk of the body is malformed"),
    (Violation::ChunkExtension, "chunk_extension", "a chunk extension is malformed or too long"),
    (Violation::Trailers, "trailers", "a trailer line is malformed"),
    (Violation::TrailersTooLarge, "trailers_too_large", "the trailers are too large"),
    (Violation::BodyFraming, "body_framing", "the body does not match Content-Length, or its frames are out of order"),
    (Violation::BodyTooLarge, "body_too_large", "request body too large"),
    (Violation::HeadTimeout, "head_timeout", "the request head took too long to arrive"),
    (Violation::BodyTimeout, "body_timeout", "the request body took too long to arrive"),
];

impl Violation {
    /// How many rules there are.
    pub(crate) const COUNT: usize = RULES.len();

    /// Returns every rule with its name.
    pub(crate) fn all() -> impl Iterator<Item = (Self, &'static str)> {
        RULES.iter().map(|(rule, name, _)| (*rule, *name))
    }

    /// Returns what logs and metrics call it.
    pub(crate) fn name(self) -> &'static str {
        RULES[self as usize].1
    }

    /// Returns what the client is told.
    pub(crate) fn phrase(self) -> &'static str {
        RULES[self as usize].2
    }

    /// Returns the failure that it makes of the request, and with that its status.
    pub(crate) fn what(self) -> What {
        match self {
            Self::TargetTooLong => What::TargetTooLong,
            Self::HeadTooLarge | Self::FieldsTooMany | Self::TrailersTooLarge => What::HeadTooLarge,
            Self::CodingUnknown => What::CodingUnknown,
            Self::Expectation => What::ExpectationFailed,
            Self::BodyTooLarge => What::BodyTooLarge,
            Self::HeadTimeout | Self::BodyTimeout => What::ClientSlow,
            Self::RequestLine
            | Self::Method
            | Self::Version
            | Self::TargetForm
            | Self::PathByte
            | Self::PathEscape
            | Self::PathControl
            | Self::EncodedSlash
            | Self::PathAboveRoot
            | Self::PathHiddenDots
            | Self::Query
            | Self::Fragment
            | Self::Scheme
            | Self::HostMissing
            | Self::HostRepeated
            | Self::HostInvalid
            | Self::HostDiffers
            | Self::BareLineFeed
            | Self::FieldName
            | Self::FieldValue
            | Self::Underscore
            | Self::ConnectionField
            | Self::ContentLength
            | Self::LengthAndCoding
            | Self::TransferEncoding
            | Self::UpgradeWithBody
            | Self::Chunk
            | Self::ChunkExtension
            | Self::Trailers
            | Self::BodyFraming => What::BadRequest,
        }
    }
}

impl From<PathError> for Violation {
    fn from(error: PathError) -> Self {
        match error {
            PathError::NotAbsolute => Self::TargetForm,
            PathError::Byte(b'#') => Self::Fragment,
            PathError::Byte(_) => Self::PathByte,
            PathError::Escape => Self::PathEscape,
            PathError::EscapedControl(_) => Self::PathControl,
            PathError::EscapedSlash => Self::EncodedSlash,
            PathError::AboveRoot => Self::PathAboveRoot,
            PathError::HiddenDots => Self::PathHiddenDots,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_rule_lies_at_its_index_with_a_name_of_its_own() {
        for (index, (rule, name, phrase)) in RULES.iter().enumerate() {
            assert_eq!(*rule as usize, index);
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert!(!phrase.is_empty() && phrase.is_ascii(), "{name}");
            assert!((400..=501).contains(&rule.what().status()), "{name}");
        }
        assert_eq!(Violation::all().map(|(_, name)| name).collect::<BTreeSet<_>>().len(), Violation::COUNT);
    }
}
