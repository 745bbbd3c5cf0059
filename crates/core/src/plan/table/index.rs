//! A hash index from (scope, text) to a value, read-only once built.
//!
//! A lookup that succeeds costs two cache lines, however many texts there are: one of slots, and the node, which holds
//! its text itself unless that is long. What a scope stands for and what its texts are is the caller's affair.

use std::{hash::BuildHasher, sync::Arc};

use foldhash::fast::FixedState;

/// Open addressing with linear probing, at most half full, so that a probe always ends.
pub(super) struct Index<V> {
    slots: Box<[Slot]>,
    nodes: Box<[Node<V>]>,
}

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

/// With it, a node of two words' value and a scope is one cache line.
const SHORT_BYTES: usize = 30;

impl<V> Node<V> {
    pub(super) fn new(scope: u32, text: &Arc<str>, value: V) -> Self {
        Self { scope, text: Text::new(text), value }
    }

    pub(super) fn text(&self) -> &[u8] {
        self.text.as_bytes()
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

impl<V> Index<V> {
    /// No two of `nodes` have both scope and text in common.
    pub(super) fn new(nodes: Vec<Node<V>>) -> Self {
        let mut slots = vec![Slot { tag: 0, node: EMPTY }; (nodes.len() * 2).next_power_of_two()].into_boxed_slice();
        let mask = slots.len() - 1;
        for (number, node) in (0..EMPTY).zip(&nodes) {
            let hash = hash(node.scope, node.text());
            let mut at = hash as usize & mask;
            while slots[at].node != EMPTY {
                at = (at + 1) & mask;
            }
            slots[at] = Slot { tag: tag(hash), node: number };
        }
        Self { slots, nodes: nodes.into() }
    }

    pub(super) fn get(&self, scope: u32, text: &[u8]) -> Option<&V> {
        let hash = hash(scope, text);
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

    pub(super) fn nodes(&self) -> &[Node<V>] {
        &self.nodes
    }
}

fn hash(scope: u32, text: &[u8]) -> u64 {
    FixedState::default().hash_one((scope, text))
}

/// The half of the hash that does not choose the slot.
fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}
