//! URLRewrite of a route becomes a [`Rewrite`]; RequestRedirect shares its path and hostname.

use std::sync::Arc;

use super::{PathRewrite, Rewrite};
use crate::{
    api::http_route::{HttpPathModifier, HttpPathModifierType, UrlRewriteFilter},
    field::Field,
    plan::{Match, PathMatch},
    route::Fault,
};

/// Translates a URLRewrite of a rule with these `matches`.
///
/// # Errors
/// A path or hostname that cannot stand in a URL, or a prefix to be replaced that no match names.
pub(crate) fn translate(filter: &UrlRewriteFilter, matches: &[Match], field: &Field<'_>) -> Result<Rewrite, Fault> {
    Ok(Rewrite {
        hostname: hostname(filter.hostname.as_deref(), &field.name("hostname"))?,
        path: path(filter.path.as_ref(), matches, &field.name("path"))?,
    })
}

pub(crate) fn hostname(hostname: Option<&str>, field: &Field<'_>) -> Result<Option<Arc<str>>, Fault> {
    let Some(hostname) = hostname.filter(|hostname| !hostname.is_empty()) else { return Ok(None) };
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    if !hostname.bytes().all(is_host) {
        return Err(Fault::unsupported(field, format!("`{hostname}` is no hostname such as www.example.com")));
    }
    Ok(Some(hostname.to_ascii_lowercase().into()))
}

pub(crate) fn path(
    modifier: Option<&HttpPathModifier>,
    matches: &[Match],
    field: &Field<'_>,
) -> Result<Option<PathRewrite>, Fault> {
    let Some(modifier) = modifier else { return Ok(None) };
    match &modifier.r#type {
        HttpPathModifierType::ReplaceFullPath => {
            let field = field.name("replaceFullPath");
            let path = checked(modifier.replace_full_path.as_deref(), &field)?;
            Ok(Some(PathRewrite::Full(if path.is_empty() { "/".into() } else { path })))
        }
        HttpPathModifierType::ReplacePrefixMatch => {
            let replacement = checked(modifier.replace_prefix_match.as_deref(), &field.name("replacePrefixMatch"))?;
            if matches.iter().all(|found| matches!(found.path, PathMatch::Prefix(_))) {
                return Ok(Some(PathRewrite::Prefix(replacement)));
            }
            let message = "ReplacePrefixMatch needs a prefix to replace: give the rule's matches a path of type \
                           PathPrefix, or use ReplaceFullPath";
            Err(Fault::unsupported(&field.name("type"), message))
        }
        HttpPathModifierType::Unknown(text) => {
            let message = format!("`{text}` is no known path modifier; ReplaceFullPath and ReplacePrefixMatch are");
            Err(Fault::unsupported(&field.name("type"), message))
        }
    }
}

/// A path goes into a request line or a Location field as it stands: RFC 3986's path characters only.
fn checked(path: Option<&str>, field: &Field<'_>) -> Result<Arc<str>, Fault> {
    let path = path.ok_or_else(|| Fault::unsupported(field, "is missing; its `type` needs it"))?;
    let is_path = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@%".contains(&byte);
    match path.bytes().position(|byte| !is_path(byte)) {
        None if path.is_empty() || path.starts_with('/') => Ok(path.into()),
        None => Ok(format!("/{path}").into()),
        Some(at) => {
            let message =
                format!("`{path}` cannot stand in a path from byte {at} on; percent-encode what is meant as text");
            Err(Fault::unsupported(field, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What gets into a request line or a Location field is one word, and a host no more than a host.
        #[test]
        fn no_manifest_splits_a_request_line(text in "\\PC{0,8}|[\\x00-\\x7f]{0,8}|[/?#@a-z]{0,8}") {
            let field = Field::root("f");
            let modifier = HttpPathModifier {
                r#type: HttpPathModifierType::ReplaceFullPath,
                replace_full_path: Some(text.clone()),
                replace_prefix_match: None,
            };
            if let Ok(Some(PathRewrite::Full(path))) = path(Some(&modifier), &[], &field) {
                prop_assert!(path.starts_with('/'));
                prop_assert!(path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\\\"<>".contains(&byte)));
            }
            if let Ok(Some(hostname)) = hostname(Some(&text), &field) {
                prop_assert!(!hostname.contains(['/', '@', ':', ' ', '?', '#', '\r', '\n']));
            }
        }
    }
}
