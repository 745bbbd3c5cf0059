//! CORS (GEP-1767).

use std::{sync::Arc, time::Duration};

use serde::Serialize;

/// Who may read the response from another origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cors {
    /// `*`, or `scheme://host[:port]` with an optional `*` label run at the left of the host, lower-case.
    pub allow_origins: Vec<Arc<str>>,
    pub allow_credentials: bool,
    /// `*` or upper-case methods.
    pub allow_methods: Vec<Arc<str>>,
    /// `*` or header names.
    pub allow_headers: Vec<Arc<str>>,
    pub expose_headers: Vec<Arc<str>>,
    pub max_age: Duration,
}
