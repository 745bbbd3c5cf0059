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
    pub mend: Option<Mend>,
}

/// What would make a [`Verdict`] go away, as far as the compiler can tell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mend {
    /// A manifest to add, in YAML.
    Manifest(String),
}
