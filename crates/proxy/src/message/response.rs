//! The head of a response.

use super::{BodyLength, Fields};

#[derive(Clone, Debug)]
pub(crate) struct ResponseHead {
    pub(crate) status: u16,
    /// End-to-end fields alone, as in a request.
    pub(crate) fields: Fields,
    pub(crate) body: BodyLength,
}

impl Default for ResponseHead {
    fn default() -> Self {
        Self { status: 0, fields: Fields::default(), body: BodyLength::Empty }
    }
}
