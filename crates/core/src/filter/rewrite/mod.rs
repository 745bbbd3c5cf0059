//! URLRewrite.

use std::sync::Arc;

use serde::Serialize;

/// `None` keeps the request's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rewrite {
    pub hostname: Option<Arc<str>>,
    pub path: Option<PathRewrite>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum PathRewrite {
    Full(Arc<str>),
    /// Replaces the prefix that the matched [`crate::plan::PathMatch::Prefix`] names.
    Prefix(Arc<str>),
}
