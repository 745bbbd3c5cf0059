//! Filters: what a rule does to a request and its response besides forwarding it.
//!
//! Each folder holds one filter: its data, its effect as a pure function, and, behind `translate`, how the API's words
//! become it.

pub mod cors;
pub mod external_auth;
pub mod header;
pub mod mirror;
pub mod redirect;
pub mod rewrite;

use serde::{Deserialize, Serialize};

use crate::plan::Refusal;

/// One filter of a rule or of a backend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Filter {
    RequestHeader(header::HeaderModifier),
    ResponseHeader(header::HeaderModifier),
    Redirect(redirect::Redirect),
    Rewrite(rewrite::Rewrite),
    Mirror(mirror::Mirror),
    /// These are large, and few routes have them.
    Cors(Box<cors::Cors>),
    ExternalAuth(Box<external_auth::ExternalAuth>),
    /// A filter that cannot be honoured fails the request; it is never skipped.
    Refuse(Refusal),
}
