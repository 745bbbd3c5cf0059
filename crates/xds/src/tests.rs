//! The channel whole, over pipes.
