//! What a match asks of a request besides its host and the path it was found by.

use std::borrow::Cow;

use super::super::{Match, PathMatch, QueryMatch, Request, StringMatch};

impl Match {
    /// Whether it asks for nothing but a path.
    pub(super) fn is_path_alone(&self) -> bool {
        self.method.is_none() && self.headers.is_empty() && self.query.is_empty()
    }

    /// Whether method, headers and query are as asked, and the path is, where that is an expression.
    pub(super) fn conditions_hold(&self, request: &impl Request) -> bool {
        self.takes_method(request.method())
            && self
                .headers
                .iter()
                .all(|header| request.header(&header.name).is_some_and(|value| header.value.matches(&value)))
            && self.target_holds(request)
    }

    pub(super) fn takes_method(&self, method: &str) -> bool {
        self.method.as_ref().is_none_or(|wanted| *wanted.0 == *method)
    }

    /// Whether the query is as asked, and the path is, where that is an expression.
    pub(super) fn target_holds(&self, request: &impl Request) -> bool {
        self.query.iter().all(|query| query.holds(request))
            && match &self.path {
                PathMatch::Regex(pattern) => pattern.is_match(request.path().as_bytes()),
                PathMatch::Exact(_) | PathMatch::Prefix(_) => true,
            }
    }
}

impl QueryMatch {
    fn holds(&self, request: &impl Request) -> bool {
        let Some(value) = first_value(request, &self.name) else { return false };
        match &self.value {
            StringMatch::Exact(text) => unescape(value).eq(text.bytes()),
            StringMatch::Regex(pattern) => pattern.is_match(&unescaped(value)),
        }
    }
}

/// Returns the first value of the query parameter `name`, decoded.
pub(super) fn query_value<'a>(request: &'a impl Request, name: &str) -> Option<Cow<'a, [u8]>> {
    first_value(request, name).map(unescaped)
}

/// Returns the first value of the query parameter `name`, as sent.
fn first_value<'a>(request: &'a impl Request, name: &str) -> Option<&'a str> {
    let parameters = request.query()?.split('&').map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")));
    parameters.into_iter().find(|(have, _)| unescape(have).eq(name.bytes())).map(|(_, value)| value)
}

fn unescaped(text: &str) -> Cow<'_, [u8]> {
    if text.contains('%') { unescape(text).collect() } else { text.as_bytes().into() }
}

/// Decodes `%XX`; a `%` that begins no escape stands for itself, and so does `+` (RFC 3986 §2.4, which is not a form).
fn unescape(text: &str) -> impl Iterator<Item = u8> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let (&byte, after) = rest.split_first()?;
        if byte == b'%'
            && let [high, low, ..] = after
            && let (Some(high), Some(low)) = (char::from(*high).to_digit(16), char::from(*low).to_digit(16))
        {
            rest = &after[2..];
            return Some((high << 4 | low) as u8);
        }
        rest = after;
        Some(byte)
    })
}
