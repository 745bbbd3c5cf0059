//! How the API server calls the kinds that it serves.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use gatewright_core::world::Kind;
use kube::api::ApiResource;

/// The kinds that are served, each by its newest version. Clones share.
#[derive(Clone, Default)]
pub(crate) struct Kinds(Arc<RwLock<BTreeMap<Kind, ApiResource>>>);

impl Kinds {
    pub(crate) fn set(&self, kinds: BTreeMap<Kind, ApiResource>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = kinds;
    }

    pub(super) fn all(&self) -> BTreeMap<Kind, ApiResource> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns how a kind is called, if it is served.
    pub(crate) fn get(&self, kind: Kind) -> Option<ApiResource> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&kind).cloned()
    }
}
