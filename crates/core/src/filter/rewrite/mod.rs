//! URLRewrite.

#[cfg(test)]
mod tests;
#[cfg(feature = "translate")]
pub(crate) mod translate;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::plan::{PathMatch, is_forbidden_in_path};

/// `None` keeps the request's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewrite {
    pub hostname: Option<Arc<str>>,
    pub path: Option<PathRewrite>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PathRewrite {
    Full(Arc<str>),
    /// Replaces the prefix that the matched [`crate::plan::PathMatch::Prefix`] names.
    Prefix(Arc<str>),
}

impl PathRewrite {
    /// Returns the path that replaces `path` (canonical, no query), which `matched` holds for.
    ///
    /// It begins with `/` and holds no byte that a path may not, whatever the manifest says. A prefix replaces nothing
    /// where no prefix matched; status refuses such a rule.
    pub fn apply(&self, path: &str, matched: &PathMatch) -> String {
        match (self, matched) {
            (Self::Full(full), _) => joined(full, ""),
            (Self::Prefix(replacement), PathMatch::Prefix(prefix)) => {
                // The prefix `/` has no element; the path's own slash stays with what follows.
                let rest = path.strip_prefix(prefix.trim_end_matches('/'));
                rest.map_or_else(|| path.into(), |rest| joined(replacement.trim_end_matches('/'), rest))
            }
            (Self::Prefix(_), PathMatch::Exact(_) | PathMatch::Regex(_)) => path.into(),
        }
    }
}

/// Returns `replacement` with what may not stand in a path escaped, then `rest`.
fn joined(replacement: &str, rest: &str) -> String {
    let mut path = String::with_capacity(replacement.len() + rest.len() + 1);
    let slash_comes = replacement.starts_with('/') || (replacement.is_empty() && rest.starts_with('/'));
    if !slash_comes {
        path.push('/');
    }
    for byte in replacement.bytes() {
        if is_forbidden_in_path(byte) {
            path.push_str(&format!("%{byte:02X}"));
        } else {
            path.push(char::from(byte));
        }
    }
    path.push_str(rest);
    path
}
