//! The controller: watches a cluster, compiles what it sees, writes status, provisions data planes and publishes Plans.
//!
//! It only carries. What objects mean is decided by `gatewright_core`; this crate makes no routing decision.

mod aside;
mod authenticate;
mod authority;
#[cfg(test)]
mod double;
mod engine;
mod event;
mod interest;
mod leader;
mod picture;
pub mod provision;
mod publish;
mod relay;
mod start;
mod status;
mod vitals;
mod watch;

pub use start::{Settings, run};
pub use vitals::Vitals;
