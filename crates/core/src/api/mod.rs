//! The Kubernetes side of the core: the Gateway API's kinds and their validation.

pub mod schema;
