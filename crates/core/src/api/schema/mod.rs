//! Validation of Kubernetes objects as they were written, before they become typed.
//!
//! Works on untyped values with positions; knows nothing of files, of other objects, or of what an object will do.

mod value;

pub use value::{Entry, Map, Node, Position, Value};
