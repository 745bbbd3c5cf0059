//! Policies: what their owners demand of the objects that they target, attached once, before a Plan is assembled.

pub(crate) mod backend_tls;
pub(crate) mod unenforced;
