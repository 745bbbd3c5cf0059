//! Sorted entries in runs that copies share.

use std::sync::Arc;

/// What a change copies, at most: entries of one chunk.
pub(crate) const CHUNK_MAX: usize = 64;
/// What a chunk has that is made with others: room for more before it is divided.
const CHUNK_FILL: usize = 48;
/// With fewer, a chunk is put together with its neighbour.
const CHUNK_MIN: usize = 16;

type Chunk<K, V> = Arc<[(K, V)]>;

/// Chunks in the order of their keys. None is empty, no key is there twice.
#[derive(Clone)]
pub(crate) struct Chunks<K, V>(Vec<Chunk<K, V>>);

impl<K, V> Chunks<K, V> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Chunk<K, V>> {
        self.0.iter()
    }

    pub(crate) fn as_slice(&self) -> &[Chunk<K, V>] {
        &self.0
    }
}

impl<K: Ord + Clone, V: Clone> Chunks<K, V> {
    /// `entries` are in the keys' order, no key twice.
    pub(crate) fn of(entries: &[(K, V)]) -> Self {
        Self(entries.chunks(CHUNK_FILL).map(Arc::from).collect())
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        let chunk = self.0.get(self.chunk_of(key))?;
        let place = chunk.binary_search_by(|(known, _)| known.cmp(key)).ok()?;
        Some(&chunk[place].1)
    }

    /// Returns the value that was there.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let at = self.chunk_of(&key);
        let Some(chunk) = self.0.get_mut(at) else {
            self.0.push(Arc::new([(key, value)]));
            return None;
        };
        match chunk.binary_search_by(|(known, _)| known.cmp(&key)) {
            Ok(place) => Some(std::mem::replace(&mut Arc::make_mut(chunk)[place].1, value)),
            Err(place) => {
                let (before, after) = chunk.split_at(place);
                let entries = before.iter().cloned().chain([(key, value)]).chain(after.iter().cloned()).collect();
                self.put(at, 1, entries);
                None
            }
        }
    }

    /// Returns the value that was there.
    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.chunk_of(key);
        let chunk = self.0.get(at)?;
        let place = chunk.binary_search_by(|(known, _)| known.cmp(key)).ok()?;
        let value = chunk[place].1.clone();
        let mut entries: Vec<(K, V)> = chunk[..place].iter().chain(&chunk[place + 1..]).cloned().collect();
        let mut count = 1;
        if entries.len() < CHUNK_MIN
            && let Some(next) = self.0.get(at + 1)
        {
            entries.extend(next.iter().cloned());
            count = 2;
        }
        self.put(at, count, entries);
        Some(value)
    }

    /// Returns the index of the chunk in which `key` is, or would be.
    fn chunk_of(&self, key: &K) -> usize {
        self.0.partition_point(|chunk| chunk[0].0 <= *key).saturating_sub(1)
    }

    /// Puts `entries` where `count` chunks are, in as many as it takes.
    fn put(&mut self, at: usize, count: usize, entries: Vec<(K, V)>) {
        let replaced = at..at + count;
        match entries.len() {
            0 => _ = self.0.splice(replaced, []),
            len if len <= CHUNK_MAX => _ = self.0.splice(replaced, [Arc::from(entries)]),
            len => {
                let (first, second) = entries.split_at(len / 2);
                self.0.splice(replaced, [Arc::from(first), Arc::from(second)]);
            }
        }
    }
}
