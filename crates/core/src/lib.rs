//! The core of Gatewright: everything that can be decided without I/O.
//!
//! [`plan`] is what a proxy executes and how a request finds its rule in it; it builds without Kubernetes. Behind the
//! feature `translate` live the Gateway API itself and the compiler from a `World` of objects to status and Plans.
//!
//! This crate opens no file or socket, reads no clock, environment or random number, and logs nothing.

#[cfg(feature = "translate")]
pub mod api;
#[cfg(feature = "translate")]
mod backend;
#[cfg(feature = "translate")]
mod compile;
#[cfg(feature = "translate")]
mod field;
pub mod filter;
#[cfg(feature = "translate")]
pub mod gateway;
#[cfg(test)]
#[cfg(feature = "translate")]
mod golden;
#[cfg(feature = "translate")]
pub mod infrastructure;
pub mod plan;
#[cfg(feature = "translate")]
mod policy;
#[cfg(feature = "translate")]
pub mod reference;
#[cfg(feature = "translate")]
mod route;
#[cfg(feature = "translate")]
pub mod status;
#[cfg(feature = "translate")]
mod trust;
#[cfg(feature = "translate")]
pub mod verdict;
#[cfg(feature = "translate")]
pub mod world;

#[cfg(feature = "translate")]
pub use backend::unserving::find as find_unserving_endpoints;
#[cfg(feature = "translate")]
pub use compile::{Compiler, Delta, Outcome, PlanDelta, compile};
#[cfg(feature = "translate")]
pub use route::shadowed::find as find_shadowed_matches;
