//! The subcommands, one file or folder each.

pub(crate) mod check;
pub(crate) mod controller;
pub(crate) mod echo;
pub(crate) mod install;
pub(crate) mod proxy;
pub(crate) mod run;
pub(crate) mod status;
mod yaml;
