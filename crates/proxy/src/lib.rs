//! The data plane of Gatewright: executes a [`Plan`](gatewright_core::plan::Plan) and knows nothing of Kubernetes.

pub mod limits;
pub mod observe;

mod failure;
mod message;
mod tls;
