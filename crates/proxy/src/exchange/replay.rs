//! A request's body kept back, so that another try can send it again.

use crate::message::Fields;

/// The beginning of a body, as far as it fits, and the trailers at its end.
#[derive(Debug)]
pub(super) struct Replay {
    bytes: Vec<u8>,
    /// Bounded where they were read.
    pub(super) trailers: Option<Fields>,
    bytes_max: usize,
    /// More went by than is kept: the body cannot be sent again.
    lost: bool,
}

impl Replay {
    /// Keeps up to `bytes_max` bytes; with 0, a body that has begun cannot be sent again.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes: Vec::new(), trailers: None, bytes_max, lost: false }
    }

    /// All of a body, read before the first try.
    pub(super) fn whole(bytes: Vec<u8>, trailers: Option<Fields>) -> Self {
        Self { bytes_max: bytes.len(), bytes, trailers, lost: false }
    }

    pub(super) fn record(&mut self, piece: &[u8]) {
        if self.lost || self.bytes.len() + piece.len() > self.bytes_max {
            self.lost = true;
            self.bytes = Vec::new();
        } else {
            self.bytes.extend_from_slice(piece);
        }
    }

    /// What has been sent so far, if all of it is still here.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        (!self.lost).then_some(&self.bytes)
    }
}

#[cfg(test)]
mod tests;
