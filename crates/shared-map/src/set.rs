//! The set.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Difference, SharedMap};

/// A sorted set, cheap to copy and to compare as a [`SharedMap`] is.
#[derive(Clone)]
pub struct SharedSet<K>(SharedMap<K, ()>);

impl<K> SharedSet<K> {
    pub const fn new() -> Self {
        Self(SharedMap::new())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &K> + Clone {
        self.0.keys()
    }
}

impl<K: Ord + Clone> SharedSet<K> {
    pub fn contains(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }

    /// Returns whether it was not there.
    pub fn insert(&mut self, key: K) -> bool {
        !self.contains(&key) && self.0.insert(key, ()).is_none()
    }

    /// Returns whether it was there.
    pub fn remove(&mut self, key: &K) -> bool {
        self.0.remove(key).is_some()
    }
}

impl<K: Ord> SharedSet<K> {
    /// Returns what is in `before` and not in this, in order.
    pub fn removed_since<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = &'a K> {
        self.0.differences(&before.0).filter(|Difference { now, .. }| now.is_none()).map(|difference| difference.key)
    }

    /// Returns what is in this and not in `before`, in order.
    pub fn added_since<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = &'a K> {
        self.0
            .differences(&before.0)
            .filter(|Difference { before, .. }| before.is_none())
            .map(|difference| difference.key)
    }
}

impl<K> Default for SharedSet<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Ord> PartialEq for SharedSet<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K: Ord> Eq for SharedSet<K> {}

impl<K: fmt::Debug> fmt::Debug for SharedSet<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl<K: Ord + Clone> FromIterator<K> for SharedSet<K> {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        Self(keys.into_iter().map(|key| (key, ())).collect())
    }
}

impl<K: Ord + Clone, const N: usize> From<[K; N]> for SharedSet<K> {
    fn from(keys: [K; N]) -> Self {
        keys.into_iter().collect()
    }
}

impl<K: Serialize> Serialize for SharedSet<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de, K: Deserialize<'de> + Ord + Clone> Deserialize<'de> for SharedSet<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(BTreeSet::<K>::deserialize(deserializer)?.into_iter().collect())
    }
}
