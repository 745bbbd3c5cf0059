//! Makes a Snapshot of a Plan at the cost of what changed since the one before.
//!
//! What a Plan shares with its predecessor, it shares by `Arc`: a comparison of addresses tells what is the same, and
//! one of contents what is not told so.

mod backend;
mod port;
mod route;
mod slots;

use std::collections::BTreeMap;
use std::sync::Arc;

use gatewright_core::plan::{CertificateId, Plan};

use self::{
    backend::Backends,
    port::{Listeners, Parts},
    route::Routes,
};
use super::Snapshot;
use crate::observe::Observer;
use crate::tls;

/// Makes Snapshots, and remembers from one to the next what may be kept.
pub(crate) struct Builder {
    material: tls::Material,
    observer: Arc<Observer>,
    backends: Backends,
    routes: Routes,
    listeners: Listeners,
}

impl Builder {
    /// # Errors
    /// When the machine has no randomness for TLS.
    pub(crate) fn new(observer: Arc<Observer>) -> Result<Self, rustls::Error> {
        Ok(Self {
            material: tls::Material::new()?,
            observer,
            backends: Backends::default(),
            routes: Routes::default(),
            listeners: Listeners::default(),
        })
    }

    /// Makes `plan` ready. Returns also which certificates cannot be used, and why.
    ///
    /// # Errors
    /// When the machine has no randomness for TLS.
    pub(crate) fn build(&mut self, plan: &Plan) -> Result<(Snapshot, BTreeMap<CertificateId, String>), rustls::Error> {
        let wrong = self.material.load(plan);
        self.backends.follow(plan, &mut self.material);
        let changes = self.routes.follow(plan, &mut self.backends, &self.observer);
        let parts = Parts { routes: &self.routes, changes: &changes, observer: &self.observer };
        let ports = self.listeners.follow(plan, &parts, &mut self.material)?;
        Ok((Snapshot { ports, backends: self.backends.snapshot(), slots: self.routes.slots() }, wrong))
    }
}
