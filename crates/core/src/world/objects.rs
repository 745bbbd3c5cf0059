//! The objects of one kind.

use std::{collections::BTreeMap, ops::Deref};

use super::ObjectKey;
use crate::api::endpoint_slice::{EndpointSlice, SERVICE_NAME_LABEL};

/// The objects of one kind, by name. Only [`super::World`] changes them, so that it knows what was changed.
#[derive(Clone, Debug)]
pub struct Objects<T>(BTreeMap<ObjectKey, T>);

impl<T> Objects<T> {
    pub(super) fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Returns the older object of that name.
    pub(super) fn insert(&mut self, key: ObjectKey, object: T) -> Option<T> {
        self.0.insert(key, object)
    }

    pub(super) fn remove(&mut self, key: &ObjectKey) -> Option<T> {
        self.0.remove(key)
    }
}

impl<T> Deref for Objects<T> {
    type Target = BTreeMap<ObjectKey, T>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'a, T> IntoIterator for &'a Objects<T> {
    type Item = (&'a ObjectKey, &'a T);
    type IntoIter = std::collections::btree_map::Iter<'a, ObjectKey, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// Names the Service whose endpoints a slice holds.
pub(super) fn service_of(key: &ObjectKey, slice: &EndpointSlice) -> Option<ObjectKey> {
    let service = slice.metadata.labels.get(SERVICE_NAME_LABEL)?;
    Some(ObjectKey::new(&key.namespace, service))
}
