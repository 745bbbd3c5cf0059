//! A request's body kept back, so that another try can send it again.

use super::external_auth::Held;
use crate::budget::{Budget, Permit};
use crate::message::Fields;

/// The beginning of a body, as far as it fits, and the trailers at its end.
#[derive(Debug)]
pub(super) struct Replay {
    bytes: Vec<u8>,
    /// Bounded where they were read.
    pub(super) trailers: Option<Fields>,
    bytes_max: usize,
    /// For what `bytes` holds.
    permit: Option<Permit>,
    /// More went by than is kept: the body cannot be sent again.
    lost: bool,
}

impl Replay {
    /// Keeps up to `bytes_max` bytes; with 0, a body that has begun cannot be sent again.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes: Vec::new(), trailers: None, bytes_max, permit: None, lost: false }
    }

    /// All of a body, read before the first try.
    pub(super) fn whole(held: Held) -> Self {
        let Held { bytes, trailers, permit } = held;
        Self { bytes_max: bytes.len(), bytes, trailers, permit, lost: false }
    }

    /// Keeps `piece` as well, where there is room for it and the process has the bytes to spare.
    pub(super) fn record(&mut self, piece: &[u8], budget: &Budget) {
        let fits = !self.lost && self.bytes.len() + piece.len() <= self.bytes_max;
        if fits && budget.extend(&mut self.permit, piece.len()) {
            self.bytes.extend_from_slice(piece);
        } else {
            self.lost = true;
            self.bytes = Vec::new();
            self.permit = None;
        }
    }

    /// What has been sent so far, if all of it is still here.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        (!self.lost).then_some(&self.bytes)
    }
}

#[cfg(test)]
mod tests;
