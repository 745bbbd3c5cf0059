//! The control channel between the controller and its proxies: named resources, incrementally, over TLS.
//!
//! Carries bytes under names and versions. It knows neither what a resource means nor that Kubernetes exists: what is in
//! the bytes is `gatewright_core::plan`'s affair, and who may have them is decided by whoever starts the server.
