//! What an answer was made of, so that it is given anew when that changed, and only then.

use std::collections::BTreeSet;

use super::Referrer;
use crate::world::{Kind, ObjectRef};

/// Something of a World that an answer can depend on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Read {
    /// One object, with what the compiler makes of it: of a Gateway or ListenerSet its listeners, of a Service how
    /// policies want it spoken to. That it does not exist is something, too.
    Object(ObjectRef),
    /// All ReferenceGrants of a namespace.
    Grants(String),
    /// Which Gateways there are, and which offer themselves to every route.
    EveryGateway,
}

/// Everything that one answer depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reads(pub(crate) BTreeSet<Read>);

impl Reads {
    pub(crate) fn object(&mut self, object: &ObjectRef) {
        self.0.insert(Read::Object(object.clone()));
    }

    pub(crate) fn namespace_labels(&mut self, name: &str) {
        self.0.insert(Read::Object(ObjectRef::new(Kind::Namespace, "", name)));
    }

    pub(crate) fn every_gateway(&mut self) {
        self.0.insert(Read::EveryGateway);
    }

    /// A reference, wherever it leads. One to a kind that is not known leads nowhere, whatever the World holds.
    pub(crate) fn reference(
        &mut self,
        from: Referrer<'_>,
        group: &str,
        kind: &str,
        namespace: Option<&str>,
        name: &str,
    ) {
        let Some(kind) = Kind::find(group, kind) else { return };
        let namespace = super::namespace_meant(from, namespace);
        if namespace != from.namespace {
            self.0.insert(Read::Grants(namespace.to_owned()));
        }
        self.0.insert(Read::Object(ObjectRef::new(kind, namespace, name)));
    }
}
