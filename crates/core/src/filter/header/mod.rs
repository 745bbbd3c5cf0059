//! RequestHeaderModifier and ResponseHeaderModifier.
//!
//! Fields that frame a message or say where it goes are not theirs to change: Host belongs to URLRewrite, the rest to the
//! connection. A manifest that tries is told so in its status; here such a name is passed over.

#[cfg(test)]
pub(in crate::filter) mod tests;
#[cfg(feature = "translate")]
pub(crate) mod translate;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::plan::tight;

/// Applied as set, then add, then remove. No name occurs in two of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderModifier {
    /// Names as written, values valid for HTTP.
    #[serde(deserialize_with = "tight")]
    pub set: Vec<(Arc<str>, Arc<str>)>,
    #[serde(deserialize_with = "tight")]
    pub add: Vec<(Arc<str>, Arc<str>)>,
    /// Lower-case.
    #[serde(deserialize_with = "tight")]
    pub remove: Vec<Arc<str>>,
}

/// The fields of a message as filters change them. Names compare without case.
pub trait Headers {
    /// Replaces all values of `name` by one.
    fn set(&mut self, name: &str, value: &[u8]);

    /// Appends a value, after those of `name` that are there.
    fn add(&mut self, name: &str, value: &[u8]);

    fn remove(&mut self, name: &str);
}

/// RFC 9110 §7.2 and §7.6.1, RFC 9112 §6.
const RESERVED: [&str; 9] = [
    "host",
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether no header modifier may set, add or remove the field.
pub fn is_reserved(name: &str) -> bool {
    RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name))
}

impl HeaderModifier {
    pub fn apply(&self, headers: &mut impl Headers) {
        for (name, value) in self.set.iter().filter(|(name, _)| !is_reserved(name)) {
            headers.set(name, value.as_bytes());
        }
        for (name, value) in self.add.iter().filter(|(name, _)| !is_reserved(name)) {
            headers.add(name, value.as_bytes());
        }
        for name in self.remove.iter().filter(|name| !is_reserved(name)) {
            headers.remove(name);
        }
    }
}
