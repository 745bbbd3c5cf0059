//! The map.

use std::{cmp::Ordering, collections::BTreeMap, fmt, ops::Index, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::chunks::Chunks;

/// A sorted map. A clone costs a pointer for some dozens of entries, a change a copy of some dozens, and two of which one
/// was made of the other are compared at the cost of where they differ.
#[derive(Clone)]
pub struct SharedMap<K, V> {
    pub(crate) chunks: Chunks<K, V>,
    len: usize,
}

/// A key that may be different: what it had before and what it has now, of which one may be nothing.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference<'a, K, V> {
    pub key: &'a K,
    pub before: Option<&'a V>,
    pub now: Option<&'a V>,
}

impl<K, V> SharedMap<K, V> {
    pub const fn new() -> Self {
        Self { chunks: Chunks::new(), len: 0 }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// In the keys' order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + Clone {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).map(|(key, value)| (key, value))
    }

    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + Clone {
        self.iter().map(|(key, _)| key)
    }

    /// In the keys' order.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + Clone {
        self.iter().map(|(_, value)| value)
    }
}

impl<K: Ord + Clone, V: Clone> SharedMap<K, V> {
    pub fn get(&self, key: &K) -> Option<&V> {
        self.chunks.get(key)
    }

    pub fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Returns the value that was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let before = self.chunks.insert(key, value);
        self.len += usize::from(before.is_none());
        before
    }

    /// Returns the value that was there.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let before = self.chunks.remove(key);
        self.len -= usize::from(before.is_some());
        before
    }
}

impl<K: Ord, V> SharedMap<K, V> {
    /// Returns, in order, every key whose value is not the one that `before` has, and perhaps others that lie beside them:
    /// what both share is passed over unseen.
    pub fn differences<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = Difference<'a, K, V>> {
        let mut before = Walk::new(before);
        let mut now = Walk::new(self);
        std::iter::from_fn(move || {
            while before.is_where(&now) {
                before.skip();
                now.skip();
            }
            let order = match (before.peek(), now.peek()) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((had, _)), Some((has, _))) => had.cmp(has),
            };
            let had = if order.is_le() { before.next() } else { None };
            let has = if order.is_ge() { now.next() } else { None };
            let (key, _) = had.or(has)?;
            Some(Difference { key, before: had.map(|(_, value)| value), now: has.map(|(_, value)| value) })
        })
    }
}

/// A place in a map.
struct Walk<'a, K, V> {
    chunks: &'a [Arc<[(K, V)]>],
    /// What is left of the first chunk.
    rest: &'a [(K, V)],
}

impl<'a, K, V> Walk<'a, K, V> {
    fn new(map: &'a SharedMap<K, V>) -> Self {
        let chunks = map.chunks.as_slice();
        Self { chunks, rest: first(chunks) }
    }

    /// Whether both are at the beginning of the same chunk.
    fn is_where(&self, other: &Self) -> bool {
        let (Some(one), Some(another)) = (self.chunks.first(), other.chunks.first()) else { return false };
        Arc::ptr_eq(one, another) && self.rest.len() == one.len() && other.rest.len() == one.len()
    }

    fn skip(&mut self) {
        self.chunks = self.chunks.get(1..).unwrap_or_default();
        self.rest = first(self.chunks);
    }

    fn peek(&self) -> Option<&'a (K, V)> {
        self.rest.first()
    }

    fn next(&mut self) -> Option<&'a (K, V)> {
        let (entry, rest) = self.rest.split_first()?;
        self.rest = rest;
        if rest.is_empty() {
            self.skip();
        }
        Some(entry)
    }
}

fn first<T>(chunks: &[Arc<[T]>]) -> &[T] {
    chunks.first().map(AsRef::as_ref).unwrap_or_default()
}

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Ord, V: PartialEq> PartialEq for SharedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.differences(other).all(|Difference { before, now, .. }| before == now)
    }
}

impl<K: Ord, V: Eq> Eq for SharedMap<K, V> {}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SharedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for SharedMap<K, V> {
    /// Of a key that comes twice, the last value stays.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let sorted: BTreeMap<K, V> = entries.into_iter().collect();
        let entries: Vec<(K, V)> = sorted.into_iter().collect();
        Self { chunks: Chunks::of(&entries), len: entries.len() }
    }
}

impl<K: Ord + Clone, V: Clone, const N: usize> From<[(K, V); N]> for SharedMap<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K: Ord + Clone, V: Clone> Extend<(K, V)> for SharedMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: Ord + Clone, V: Clone> Index<&K> for SharedMap<K, V> {
    type Output = V;

    /// # Panics
    /// When there is no such key.
    fn index(&self, key: &K) -> &V {
        self.get(key).expect("the map has the key")
    }
}

impl<K: Serialize, V: Serialize> Serialize for SharedMap<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, K: Deserialize<'de> + Ord + Clone, V: Deserialize<'de> + Clone> Deserialize<'de> for SharedMap<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(BTreeMap::<K, V>::deserialize(deserializer)?.into_iter().collect())
    }
}
