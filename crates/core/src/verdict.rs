//! What the compiler tells people about their objects, besides status.

use crate::world::ObjectRef;

/// Something that is wrong with an object, or that has no effect, and what would mend it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Verdict {
    pub object: ObjectRef,
    /// `spec.listeners[0].tls.certificateRefs[0]`; empty when it is about the whole object.
    pub field: String,
    /// What is wrong with the value, which the text names, and what would be accepted.
    pub message: String,
    pub severity: Severity,
    pub mend: Option<Mend>,
}

/// How much a [`Verdict`] costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The object works, and something in it has no effect or nobody to serve yet.
    Warning,
    /// The object, or a part of it, does not work.
    Error,
}

impl Verdict {
    pub(crate) fn error(object: &ObjectRef, field: impl Into<String>, message: impl Into<String>) -> Self {
        let (object, field, message) = (object.clone(), field.into(), message.into());
        Self { object, field, message, severity: Severity::Error, mend: None }
    }

    pub(crate) fn warning(object: &ObjectRef, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(object, field, message) }
    }
}

/// What would make a [`Verdict`] go away, as far as the compiler can tell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mend {
    /// A manifest to add, in YAML.
    Manifest(String),
}
