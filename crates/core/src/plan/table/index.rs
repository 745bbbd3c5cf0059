//! A hash index from (host, path) to the entries under it, read-only once built.
//!
//! One allocation for the slots and one for the nodes, whatever the number of hosts: 5,000 hosts with a path each cost
//! what one host with 5,000 paths does. It knows nothing of path elements; the caller asks for each path it means.

use std::{hash::BuildHasher, sync::Arc};

use foldhash::fast::FixedState;

use super::Span;

/// Open addressing with linear probing, at most half full, so that a probe always ends.
pub(super) struct PathIndex {
    hasher: FixedState,
    slots: Box<[Slot]>,
    nodes: Box<[Node]>,
}

/// `node` is [`EMPTY`] or an index; `tag` spares most comparisons that would fail.
#[derive(Clone, Copy)]
struct Slot {
    tag: u32,
    node: u32,
}

const EMPTY: u32 = u32::MAX;

pub(super) struct Node {
    pub(super) key: Key<Arc<str>>,
    pub(super) entries: Span,
}

/// A path of one host, as an exact path or as a prefix.
#[derive(Hash)]
pub(super) struct Key<T> {
    pub(super) host: u32,
    pub(super) exact: bool,
    pub(super) path: T,
}

impl PathIndex {
    /// The keys of `nodes` differ from one another.
    pub(super) fn new(nodes: Vec<Node>) -> Self {
        let hasher = FixedState::default();
        let mut slots = vec![Slot { tag: 0, node: EMPTY }; (nodes.len() * 2).next_power_of_two()].into_boxed_slice();
        let mask = slots.len() - 1;
        for (number, node) in (0..EMPTY).zip(&nodes) {
            let hash = hasher.hash_one(node.key.borrowed());
            let mut at = hash as usize & mask;
            while slots[at].node != EMPTY {
                at = (at + 1) & mask;
            }
            slots[at] = Slot { tag: tag(hash), node: number };
        }
        Self { hasher, slots, nodes: nodes.into() }
    }

    pub(super) fn get(&self, key: &Key<&str>) -> Option<Span> {
        let hash = self.hasher.hash_one(key);
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot.node == EMPTY {
                return None;
            }
            if slot.tag == tag(hash) {
                let node = &self.nodes[slot.node as usize];
                if node.key.host == key.host && node.key.exact == key.exact && *node.key.path == *key.path {
                    return Some(node.entries);
                }
            }
            at = (at + 1) & mask;
        }
    }
}

impl Key<Arc<str>> {
    fn borrowed(&self) -> Key<&str> {
        Key { host: self.host, exact: self.exact, path: &self.path }
    }
}

/// The half of the hash that does not choose the slot.
fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}
