//! What is wrong with a rule itself, apart from what it refers to.

use std::fmt;

use crate::{field::Field, status::reason::RouteRejection};

/// A value that cannot be honoured. Its rule is not used as written; the route's status says why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub reason: RouteRejection,
    /// `spec.rules[0].matches[1].path`.
    pub field: String,
    /// What is wrong, and what would be accepted.
    pub message: String,
}

impl Fault {
    pub(crate) fn unsupported(field: &Field<'_>, message: impl Into<String>) -> Self {
        Self { reason: RouteRejection::UnsupportedValue, field: field.to_string(), message: message.into() }
    }

    pub(crate) fn incompatible(field: &Field<'_>, message: impl Into<String>) -> Self {
        Self { reason: RouteRejection::IncompatibleFilters, field: field.to_string(), message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}
