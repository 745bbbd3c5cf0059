//! The subcommands, one file or folder each.

pub(crate) mod check;
pub(crate) mod echo;
pub(crate) mod run;
pub(crate) mod status;
