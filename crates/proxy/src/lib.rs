//! The data plane of Gatewright: executes a [`Plan`](gatewright_core::plan::Plan) and knows nothing of Kubernetes.
//!
//! ```text
//! Proxy::publish: Plan → Snapshot (built off the workers) → every Worker
//! Worker: listen → accept → tls → downstream (h1, h2) → exchange → upstream
//! ```

pub mod edge;
pub mod limits;

mod budget;
mod date;
mod downstream;
mod exchange;
mod failure;
mod forward;
mod http1;
mod http2;
mod message;
mod observe;
mod proxy;
mod snapshot;
mod stall;
#[cfg(test)]
mod testbed;
mod tls;
mod upstream;
mod violation;
mod watchdog;
mod worker;

pub use observe::{AccessLog, Observer};
pub use proxy::{Proxy, Report, Settings};
