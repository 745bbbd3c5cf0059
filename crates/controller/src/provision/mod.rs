//! Data planes as objects of the cluster: made, mended, found again and taken away.
//!
//! What is to be there is decided by `gatewright_core::infrastructure`; here it becomes objects ([`desired`]), and the
//! cluster is made to have them ([`Provisioner`]). Objects that somebody else made are never touched.

mod desired;
mod job;
mod kind;
mod label;
mod paced;
mod patch;
mod provisioner;
mod round;
mod seen;
mod stock;

pub use desired::{Settings, desired};
pub(crate) use provisioner::Provisioner;
pub use provisioner::Wanted;
pub use seen::Seen;
