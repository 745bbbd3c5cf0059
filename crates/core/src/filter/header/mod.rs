//! RequestHeaderModifier and ResponseHeaderModifier.

use std::sync::Arc;

use serde::Serialize;

/// Applied as set, then add, then remove. No name occurs in two of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HeaderModifier {
    /// Names as written, values valid for HTTP.
    pub set: Vec<(Arc<str>, Arc<str>)>,
    pub add: Vec<(Arc<str>, Arc<str>)>,
    /// Lower-case.
    pub remove: Vec<Arc<str>>,
}
