//! A hash index from (scope, text) to a value, never modified: a changed one shares all but small pieces with the one
//! before, so that a change costs no more among many texts than among few, in time and in memory.
//!
//! A lookup that succeeds costs two cache lines, however many texts there are: one of slots, and the node, which holds
//! its text itself unless that is long. What a scope stands for and what its texts are is the caller's affair.

use std::{hash::BuildHasher, sync::Arc};

use foldhash::fast::FixedState;

/// A power of two of shards; the upper bits of a text's hash say which is its own.
pub(super) struct Index<V> {
    shards: Box<[Shard<V>]>,
    len: usize,
}

/// Open addressing with linear probing, at most half full, so that a probe always ends.
#[derive(Clone)]
struct Shard<V> {
    slots: Arc<[Slot]>,
    nodes: Arc<[Node<V>]>,
}

/// What a change copies of nodes, at most, for each text.
const SHARD_NODES_MAX: usize = 128;
/// With fewer, there are too many shards.
const SHARD_NODES_MIN: usize = 16;

/// `node` is [`EMPTY`] or an index; `tag` spares most comparisons that would fail.
#[derive(Clone, Copy)]
struct Slot {
    tag: u32,
    node: u32,
}

const EMPTY: u32 = u32::MAX;

/// On a cache line of its own.
#[derive(Clone)]
#[repr(align(64))]
pub(super) struct Node<V> {
    pub(super) scope: u32,
    text: Text,
    pub(super) value: V,
}

/// A text where it is needed: most hostnames and paths are short.
#[derive(Clone)]
enum Text {
    Short { len: u8, bytes: [u8; SHORT_BYTES] },
    Long(Arc<str>),
}

/// With it, a node of three words' value and a scope is one cache line.
const SHORT_BYTES: usize = 30;

/// What stands under a text from now on.
pub(super) struct Edit<V> {
    pub(super) scope: u32,
    pub(super) text: Arc<str>,
    pub(super) value: Option<V>,
}

impl<V> Node<V> {
    pub(super) fn new(scope: u32, text: &Arc<str>, value: V) -> Self {
        Self { scope, text: Text::new(text), value }
    }

    pub(super) fn text(&self) -> &[u8] {
        self.text.as_bytes()
    }

    fn hash(&self) -> u64 {
        hash(self.scope, self.text())
    }
}

impl Text {
    fn new(text: &Arc<str>) -> Self {
        let mut bytes = [0; SHORT_BYTES];
        match bytes.get_mut(..text.len()) {
            Some(room) => {
                room.copy_from_slice(text.as_bytes());
                Self::Short { len: text.len() as u8, bytes }
            }
            None => Self::Long(Arc::clone(text)),
        }
    }

    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short { len, bytes } => &bytes[..usize::from(*len)],
            Self::Long(text) => text.as_bytes(),
        }
    }
}

impl<V> Edit<V> {
    /// Returns what it brings, if it brings anything.
    pub(super) fn into_node(self) -> Option<Node<V>> {
        Some(Node::new(self.scope, &self.text, self.value?))
    }

    fn is_of(&self, node: &Node<V>) -> bool {
        self.scope == node.scope && self.text.as_bytes() == node.text()
    }
}

impl<V> Shard<V> {
    fn new(nodes: Vec<Node<V>>) -> Self {
        let mut slots = vec![Slot { tag: 0, node: EMPTY }; (nodes.len() * 2).next_power_of_two()];
        let mask = slots.len() - 1;
        for (number, node) in (0..EMPTY).zip(&nodes) {
            let hash = node.hash();
            let mut at = hash as usize & mask;
            while slots[at].node != EMPTY {
                at = (at + 1) & mask;
            }
            slots[at] = Slot { tag: tag(hash), node: number };
        }
        Self { slots: slots.into(), nodes: nodes.into() }
    }

    fn get(&self, hash: u64, scope: u32, text: &[u8]) -> Option<&V> {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot.node == EMPTY {
                return None;
            }
            if slot.tag == tag(hash) {
                let node = &self.nodes[slot.node as usize];
                if node.scope == scope && node.text() == text {
                    return Some(&node.value);
                }
            }
            at = (at + 1) & mask;
        }
    }
}

impl<V> Index<V> {
    /// No two of `nodes` have both scope and text in common.
    pub(super) fn new(nodes: Vec<Node<V>>) -> Self {
        let len = nodes.len();
        let count = len.div_ceil(SHARD_NODES_MAX).next_power_of_two();
        if count == 1 {
            return Self { shards: Box::new([Shard::new(nodes)]), len };
        }
        let mut shards: Vec<Vec<Node<V>>> = (0..count).map(|_| Vec::new()).collect();
        for node in nodes {
            shards[shard(node.hash(), count)].push(node);
        }
        Self { shards: shards.into_iter().map(Shard::new).collect(), len }
    }

    pub(super) fn get(&self, scope: u32, text: &[u8]) -> Option<&V> {
        let hash = hash(scope, text);
        self.shards[shard(hash, self.shards.len())].get(hash, scope, text)
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node<V>> {
        self.shards.iter().flat_map(|shard| shard.nodes.iter())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<V: Clone> Index<V> {
    /// Returns this index with `edits` made, no two of the same scope and text.
    pub(super) fn changed(&self, edits: Vec<Edit<V>>) -> Self {
        let mut shards = self.shards.clone();
        let of = |edit: &Edit<V>| shard(hash(edit.scope, edit.text.as_bytes()), self.shards.len());
        let mut edits: Vec<(usize, Edit<V>)> = edits.into_iter().map(|edit| (of(&edit), edit)).collect();
        edits.sort_unstable_by_key(|(shard, _)| *shard);
        for together in edits.chunk_by(|(a, _), (b, _)| a == b) {
            let shard = &mut shards[together[0].0];
            let kept = shard.nodes.iter().filter(|node| !together.iter().any(|(_, edit)| edit.is_of(node)));
            let mut nodes: Vec<Node<V>> = kept.cloned().collect();
            nodes.extend(
                together.iter().filter_map(|(_, edit)| Some(Node::new(edit.scope, &edit.text, edit.value.clone()?))),
            );
            *shard = Shard::new(nodes);
        }
        let len = shards.iter().map(|shard| shard.nodes.len()).sum();
        let changed = Self { shards, len };
        let count = changed.shards.len();
        if len > count * SHARD_NODES_MAX || (count > 1 && len < count * SHARD_NODES_MIN) {
            return Self::new(changed.nodes().cloned().collect());
        }
        changed
    }
}

fn hash(scope: u32, text: &[u8]) -> u64 {
    FixedState::default().hash_one((scope, text))
}

/// Bits of the hash that choose neither the shard nor, unless it is crowded, the slot.
fn tag(hash: u64) -> u32 {
    (hash >> 16) as u32
}

/// `count` is a power of two.
fn shard(hash: u64, count: usize) -> usize {
    (hash >> 48) as usize & (count - 1)
}
