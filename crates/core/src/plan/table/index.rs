//! A hash index from (scope, text) to a run of entries, read-only once built.
//!
//! One allocation for the slots and one for the nodes, whatever the number of scopes: 5,000 hosts with a path each cost
//! what one host with 5,000 paths does. What a scope stands for and what its texts are is the caller's affair.

use std::{hash::BuildHasher, sync::Arc};

use foldhash::fast::FixedState;

use super::Run;

/// Open addressing with linear probing, at most half full, so that a probe always ends.
pub(super) struct Index {
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
    pub(super) scope: u32,
    pub(super) text: Arc<str>,
    pub(super) run: Run,
}

impl Index {
    /// No two of `nodes` have both scope and text in common.
    pub(super) fn new(nodes: Vec<Node>) -> Self {
        let hasher = FixedState::default();
        let mut slots = vec![Slot { tag: 0, node: EMPTY }; (nodes.len() * 2).next_power_of_two()].into_boxed_slice();
        let mask = slots.len() - 1;
        for (number, node) in (0..EMPTY).zip(&nodes) {
            let hash = hasher.hash_one((node.scope, node.text.as_bytes()));
            let mut at = hash as usize & mask;
            while slots[at].node != EMPTY {
                at = (at + 1) & mask;
            }
            slots[at] = Slot { tag: tag(hash), node: number };
        }
        Self { hasher, slots, nodes: nodes.into() }
    }

    pub(super) fn get(&self, scope: u32, text: &[u8]) -> Option<&Run> {
        let hash = self.hasher.hash_one((scope, text));
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot.node == EMPTY {
                return None;
            }
            if slot.tag == tag(hash) {
                let node = &self.nodes[slot.node as usize];
                if node.scope == scope && node.text.as_bytes() == text {
                    return Some(&node.run);
                }
            }
            at = (at + 1) & mask;
        }
    }
}

/// The half of the hash that does not choose the slot.
fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}
