//! An object that is not known, and why not: nobody made it, or nobody may look.

use std::fmt;

use crate::world::{Kind, ObjectRef, World};

/// What a message says in the place of an object. It reads as `Secret a/b does not exist`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent {
    pub object: ObjectRef,
    /// RBAC keeps the object from being read: it may exist.
    pub is_forbidden: bool,
}

impl Absent {
    pub fn new(world: &World, object: ObjectRef) -> Self {
        Self { is_forbidden: world.observed.is_forbidden(&object), object }
    }
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, is_forbidden } = self;
        let namespace = &object.key.namespace;
        match (is_forbidden, object.kind) {
            (false, _) => write!(f, "{object} does not exist"),
            (true, Kind::Secret) => write!(
                f,
                "{object} cannot be read: RBAC forbids the controller the Secrets of namespace {namespace:?}; allow them \
                 with `gatewright install --secrets-namespace {namespace}`"
            ),
            (true, kind) => {
                write!(f, "{object} cannot be read: ")?;
                forbidden(f, kind)
            }
        }
    }
}

/// Says that a kind cannot be read at all, and the mend.
pub(crate) struct Forbidden(pub(crate) Kind);

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        forbidden(f, self.0)
    }
}

fn forbidden(f: &mut fmt::Formatter<'_>, kind: Kind) -> fmt::Result {
    write!(f, "RBAC forbids the controller to read any {}; `gatewright install` gives it its roles", kind.name())
}
