//! The hostname pattern of a listener or route.

use std::{borrow::Cow, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// A hostname as listeners and routes write it, lower-case.
///
/// The order is precedence: an exact name before a wildcard, a longer one before a shorter, [`Hostname::Any`] last.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Hostname {
    /// `www.example.com`: this name alone.
    Exact(Arc<str>),
    /// `*.example.com`, kept as `.example.com`: any name with at least one label before it, never the name itself.
    Wildcard(Arc<str>),
    /// No hostname given.
    Any,
}

impl Hostname {
    /// Reads a hostname of the API; absent and empty both mean any.
    pub fn parse(text: Option<&str>) -> Self {
        match text {
            None | Some("" | "*") => Self::Any,
            Some(text) => {
                let text = text.to_ascii_lowercase();
                match text.strip_prefix('*') {
                    Some(suffix) => Self::Wildcard(suffix.into()),
                    None => Self::Exact(text.into()),
                }
            }
        }
    }

    /// Whether the host of a request (lower-case, no port) is one that this pattern means.
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => **name == *host,
            Self::Wildcard(suffix) => host.len() > suffix.len() && host.ends_with(&**suffix),
            Self::Any => true,
        }
    }

    /// Whether some host is meant by both patterns.
    pub fn intersects(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::Exact(name), pattern) | (pattern, Self::Exact(name)) => pattern.matches(name),
            (Self::Wildcard(a), Self::Wildcard(b)) => a.ends_with(&**b) || b.ends_with(&**a),
        }
    }

    fn rank(&self) -> (u8, std::cmp::Reverse<usize>) {
        match self {
            Self::Exact(name) => (0, std::cmp::Reverse(name.len())),
            Self::Wildcard(suffix) => (1, std::cmp::Reverse(suffix.len())),
            Self::Any => (2, std::cmp::Reverse(0)),
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Exact(text) | Self::Wildcard(text) => text,
            Self::Any => "",
        }
    }
}

impl Ord for Hostname {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank()).then_with(|| self.text().cmp(other.text()))
    }
}

impl PartialOrd for Hostname {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Wildcard(suffix) => write!(f, "*{suffix}"),
            Self::Any => f.write_str("*"),
        }
    }
}

impl fmt::Debug for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Hostname {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hostname {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::parse(Some(&<Cow<'de, str>>::deserialize(deserializer)?)))
    }
}
