//! RequestMirror.

#[cfg(test)]
mod tests;
#[cfg(feature = "translate")]
pub(crate) mod translate;

use serde::{Deserialize, Serialize};

use crate::plan::{BackendId, spread};

/// Sends a copy of the request to another backend, whose response is ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mirror {
    pub backend: BackendId,
    /// The share of requests that is copied: `numerator / denominator`, at most 1. Percent is over 100.
    pub numerator: u32,
    /// Above 0.
    pub denominator: u32,
}

impl Mirror {
    /// Whether request number `counter` of this filter is copied. The caller counts the requests that reach the filter;
    /// the counter may start anywhere and wrap.
    pub fn takes(&self, counter: u32) -> bool {
        u64::from(spread(counter)) * u64::from(self.denominator) < u64::from(self.numerator) << 32
    }
}
