//! RequestRedirect.

#[cfg(test)]
mod tests;
#[cfg(feature = "translate")]
pub(crate) mod translate;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::rewrite::PathRewrite;
use crate::plan::PathMatch;

/// `None` keeps the request's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    /// `http` or `https`.
    pub scheme: Option<Arc<str>>,
    pub hostname: Option<Arc<str>>,
    pub path: Option<PathRewrite>,
    pub port: Option<u16>,
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
}

/// What was asked for, of which a redirect keeps the parts that it does not name.
#[derive(Clone, Copy, Debug)]
pub struct Original<'a> {
    /// Of the client's connection: `http` or `https`.
    pub scheme: &'a str,
    /// Without port.
    pub host: &'a str,
    /// Of the listener.
    pub port: u16,
    /// Canonical, without the query.
    pub path: &'a str,
    pub query: Option<&'a str>,
    /// What `path` was matched by.
    pub matched: &'a PathMatch,
}

impl Redirect {
    /// Returns the value of the Location field. `seen` says at which port clients find one of that host's.
    pub fn location(&self, original: &Original<'_>, seen: impl FnOnce(&str, u16) -> u16) -> String {
        let scheme = self.scheme.as_deref().unwrap_or(original.scheme);
        let host = self.hostname.as_deref().unwrap_or(original.host);
        let mut location = format!("{scheme}://{host}");
        let port = seen(host, self.port(original));
        if well_known_port(scheme) != Some(port) {
            location.push_str(&format!(":{port}"));
        }
        match &self.path {
            Some(rewrite) => location.push_str(&rewrite.apply(original.path, original.matched)),
            None => location.push_str(original.path),
        }
        if let Some(query) = original.query {
            location.push('?');
            location.push_str(query);
        }
        location
    }

    /// The port given, else that of the scheme given, else the listener's.
    fn port(&self, original: &Original<'_>) -> u16 {
        self.port.or_else(|| well_known_port(self.scheme.as_deref()?)).unwrap_or(original.port)
    }
}

fn well_known_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}
