//! RequestMirror.

use serde::Serialize;

use crate::plan::BackendId;

/// Sends a copy of the request to another backend, whose response is ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mirror {
    pub backend: BackendId,
    /// The share of requests that is copied: `numerator / denominator`, at most 1. Percent is over 100.
    pub numerator: u32,
    /// Above 0.
    pub denominator: u32,
}
