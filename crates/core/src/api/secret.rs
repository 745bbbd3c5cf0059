//! Secret (core/v1).

use std::{collections::BTreeMap, fmt};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;

use super::meta::ObjectMeta;

/// A Secret as it is written: values in base64 or, beside them, as plain text. `Debug` shows the keys alone.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Secret {
    pub metadata: ObjectMeta,
    pub r#type: Option<String>,
    data: BTreeMap<String, String>,
    string_data: BTreeMap<String, String>,
    pub immutable: Option<bool>,
}

impl Secret {
    /// Returns the value under `key` as an API server would store it: `stringData` wins over `data`. `None` when it
    /// is absent or no base64.
    pub fn value(&self, key: &str) -> Option<Vec<u8>> {
        match (self.string_data.get(key), self.data.get(key)) {
            (Some(text), _) => Some(text.clone().into_bytes()),
            (None, Some(encoded)) => decode(encoded),
            (None, None) => None,
        }
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let more = self.string_data.keys().filter(|key| !self.data.contains_key(*key));
        self.data.keys().chain(more).map(String::as_str)
    }
}

/// Go's decoder, which reads an API server's input, skips line ends; so do people who wrap their base64.
fn decode(encoded: &str) -> Option<Vec<u8>> {
    let unwrapped: String = encoded.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    STANDARD.decode(unwrapped).ok()
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&str> = self.keys().collect();
        f.debug_struct("Secret")
            .field("metadata", &self.metadata)
            .field("type", &self.r#type)
            .field("keys", &keys)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_values_and_shows_none() {
        let secret: Secret = serde_json::from_value(serde_json::json!({
            "metadata": {"name": "s", "namespace": "n"}, "type": "kubernetes.io/tls",
            "data": {"a": "aGVs\nbG8=", "b": "aGVsbG8=", "c": "?"},
            "stringData": {"b": "plain", "d": "text"},
        }))
        .unwrap();
        assert_eq!(secret.value("a").as_deref(), Some(b"hello".as_slice()));
        assert_eq!(secret.value("b").as_deref(), Some(b"plain".as_slice()));
        assert_eq!(secret.value("c"), None);
        assert_eq!(secret.value("d").as_deref(), Some(b"text".as_slice()));
        assert_eq!(secret.value("e"), None);
        let shown = format!("{secret:?}");
        assert!(shown.contains(r#"["a", "b", "c", "d"]"#), "{shown}");
        assert!(!shown.contains("plain") && !shown.contains("aGVs"), "{shown}");
    }
}
