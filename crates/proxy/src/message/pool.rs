//! Buffers that go from one exchange to the next, so that none is allocated while traffic is steady.

use std::cell::RefCell;

/// How many are kept: more exchanges than this at once pay for an allocation each. As heads they come to about 1 MiB.
const KEPT_MAX: usize = 1024;
/// Bytes a kept buffer may hold: what a large body grew is given back to the allocator.
const KEPT_BYTES_MAX: usize = 4 * 1024;

/// Byte buffers of one worker. The last one given is the next one taken: it is still in the cache.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    kept: RefCell<Vec<Vec<u8>>>,
}

impl Buffers {
    /// Returns an empty buffer.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.kept.borrow_mut().pop().unwrap_or_default()
    }

    pub(crate) fn give(&self, mut buffer: Vec<u8>) {
        let mut kept = self.kept.borrow_mut();
        if (1..=KEPT_BYTES_MAX).contains(&buffer.capacity()) && kept.len() < KEPT_MAX {
            buffer.clear();
            kept.push(buffer);
        }
    }
}

/// Values of another kind, likewise; whoever takes one clears it.
#[derive(Debug)]
pub(crate) struct Spares<T> {
    kept: RefCell<Vec<Box<T>>>,
}

impl<T> Default for Spares<T> {
    fn default() -> Self {
        Self { kept: RefCell::default() }
    }
}

impl<T: Default> Spares<T> {
    pub(crate) fn take(&self) -> Box<T> {
        self.kept.borrow_mut().pop().unwrap_or_default()
    }

    pub(crate) fn give(&self, spare: Box<T>) {
        let mut kept = self.kept.borrow_mut();
        if kept.len() < KEPT_MAX {
            kept.push(spare);
        }
    }
}
