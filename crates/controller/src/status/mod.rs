//! Statuses on their way to the API server.
//!
//! What is said is the core's; here is decided only whether, when and onto what it is written.

mod desk;
#[cfg(test)]
mod sample;
mod settle;
mod speaker;
mod writer;

pub(crate) use desk::Desk;
pub(crate) use speaker::Speaker;
pub(crate) use writer::run;
