//! Sorted maps and sets whose copies share what did not change.
//!
//! A Plan of thousands of routes goes from version to version by one route at a time, and each version is kept while it is
//! in force: a copy must cost next to nothing, and what differs between two must be found without a walk over all.

mod chunks;
mod map;
mod set;
#[cfg(test)]
mod tests;

pub use map::{Difference, SharedMap};
pub use set::SharedSet;
