//! What each object's status is and what it ought to be, and which of them are due to be written.

mod paper;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use gatewright_core::{
    api::{
        meta::Time,
        shared::{PolicyStatus, RouteStatus},
    },
    status::Status,
    world::{Controllers, Kind, ObjectRef},
};
use serde_json::Value;
use tokio::sync::Notify;

use self::paper::{Paper, Papers, is_older};
use super::settle::settle;
use crate::watch::{Stored, Subject};

/// The finalizer that keeps a GatewayClass while Gateways use it.
const FINALIZER: &str = "gateway-exists-finalizer.gateway.networking.k8s.io";

/// Shared by the loop, which lays statuses and sights of objects on it, and the writer, which takes what is due.
pub(crate) struct Desk {
    controllers: Controllers,
    papers: Mutex<Papers>,
    /// Something became due.
    pub(super) due: Notify,
}

/// One write to an object, guarded by its resourceVersion.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Write {
    Status(Value),
    Finalizers(Vec<String>),
}

/// Whether the kind has a status that we write.
pub(crate) fn has_status(kind: Kind) -> bool {
    match kind {
        Kind::GatewayClass
        | Kind::Gateway
        | Kind::ListenerSet
        | Kind::HttpRoute
        | Kind::GrpcRoute
        | Kind::TlsRoute
        | Kind::TcpRoute
        | Kind::UdpRoute
        | Kind::BackendTlsPolicy
        | Kind::XBackend
        | Kind::XBackendTrafficPolicy
        | Kind::XTelemetryPolicy => true,
        Kind::ReferenceGrant
        | Kind::XMesh
        | Kind::GatewayParameters
        | Kind::EnvoyProxy
        | Kind::Service
        | Kind::EndpointSlice
        | Kind::Secret
        | Kind::ConfigMap
        | Kind::ClusterTrustBundle
        | Kind::Namespace => false,
    }
}

impl Desk {
    pub(crate) fn new(controllers: Controllers) -> Self {
        Self { controllers, papers: Mutex::default(), due: Notify::new() }
    }

    /// Whether entries under this controller's name are ours.
    pub(super) fn is_ours(&self, controller_name: &str) -> bool {
        self.controllers.serve(controller_name)
    }

    fn papers(&self) -> MutexGuard<'_, Papers> {
        self.papers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An object was seen as it is stored.
    pub(crate) fn saw(&self, object: &ObjectRef, stored: Stored) {
        if !has_status(object.kind) {
            return;
        }
        let mut papers = self.papers();
        let Papers { objects, due, newcomers, .. } = &mut *papers;
        let paper = objects.entry(object.clone()).or_default();
        // After a write of ours, the watch may still tell of what was before it.
        if paper.stored.as_ref().is_some_and(|known| is_older(&stored, known)) {
            return;
        }
        if !paper.is_of(&stored.uid) {
            // Nothing that was said of another of this name is known to be true of it.
            *paper = Paper { is_in_use: paper.is_in_use, ..Paper::default() };
            newcomers.insert(object.clone());
        }
        paper.stored = Some(stored);
        due.insert(object.clone());
        self.due.notify_one();
    }

    /// An object is gone.
    pub(crate) fn lost(&self, object: &ObjectRef) {
        self.papers().remove(object);
    }

    /// The object that a write was for is gone. Another of its name may be here by now.
    pub(super) fn gone(&self, object: &ObjectRef, uid: &str) {
        let mut papers = self.papers();
        if papers.objects.get(object).is_some_and(|paper| paper.is_of(uid)) {
            papers.remove(object);
        }
    }

    /// A list is complete: what of the subject is not in it is gone.
    pub(crate) fn keep(&self, subject: &Subject, listed: &BTreeSet<ObjectRef>) {
        let mut papers = self.papers();
        let is_gone = |object: &ObjectRef| subject.covers(object) && !listed.contains(object);
        papers.objects.retain(|object, _| !is_gone(object));
        papers.due.retain(|object| !is_gone(object));
    }

    /// Returns the objects that are here since the last call. One that went and came again is among them, though the
    /// compiler, which saw only what it came to, may find nothing changed.
    pub(crate) fn newcomers(&self) -> BTreeSet<ObjectRef> {
        std::mem::take(&mut self.papers().newcomers)
    }

    /// The compiler has spoken: of these objects it says what is in `statuses`, or nothing any more. None of it is written
    /// before [`Self::say`].
    pub(crate) fn draft(&self, of: &BTreeSet<ObjectRef>, statuses: &BTreeMap<ObjectRef, Status>) {
        let mut papers = self.papers();
        for object in of {
            if let Some(paper) = papers.objects.get_mut(object) {
                paper.draft = Some(statuses.get(object).cloned());
            }
        }
    }

    /// What was drafted of these objects is true. What the compiler does not speak of is cleaned of what we wrote.
    pub(crate) fn say(&self, of: &BTreeSet<ObjectRef>) {
        let mut papers = self.papers();
        let Papers { objects, due, .. } = &mut *papers;
        for object in of {
            // An object that went and came again meanwhile has no draft: it is another.
            if let Some(paper) = objects.get_mut(object)
                && let Some(draft) = paper.draft.take()
            {
                paper.computed = Some(draft);
                due.insert(object.clone());
            }
        }
        self.due.notify_one();
    }

    /// Says of each GatewayClass of ours whether Gateways use it.
    pub(crate) fn use_classes(&self, in_use: &BTreeMap<ObjectRef, bool>) {
        let mut papers = self.papers();
        let Papers { objects, due, .. } = &mut *papers;
        // GatewayClasses are the first of all kinds.
        for (object, paper) in objects.iter_mut().take_while(|(object, _)| object.kind == Kind::GatewayClass) {
            let is_in_use = in_use.get(object).copied();
            if is_in_use != paper.is_in_use {
                paper.is_in_use = is_in_use;
                due.insert(object.clone());
                self.due.notify_one();
            }
        }
    }

    /// What the compiler said is as true as it gets: from now on it is given out.
    pub(crate) fn open(&self) {
        self.papers().is_open = true;
        self.reconsider();
    }

    /// Returns the empty status for an object that is no longer ours, if it still has entries of ours.
    fn farewell(&self, kind: Kind, stored: &Stored) -> Option<Status> {
        let Controllers::Named(names) = &self.controllers else { return None };
        if !names.iter().any(|name| stored.status.contains(name.as_str())) {
            return None;
        }
        match kind {
            Kind::HttpRoute | Kind::GrpcRoute | Kind::TlsRoute | Kind::TcpRoute | Kind::UdpRoute => {
                Some(Status::Route(RouteStatus::default()))
            }
            Kind::BackendTlsPolicy | Kind::XBackend | Kind::XBackendTrafficPolicy | Kind::XTelemetryPolicy => {
                Some(Status::Policy(PolicyStatus::default()))
            }
            _ => None,
        }
    }

    /// Everything may be due: we are to write from now on.
    pub(super) fn reconsider(&self) {
        let mut papers = self.papers();
        papers.due = papers.objects.keys().cloned().collect();
        self.due.notify_one();
    }

    /// Takes an object that is due and has something to write. It is out until [`Self::returned`].
    pub(super) fn take(&self, now: Time) -> Option<(ObjectRef, Stored, Write)> {
        let mut papers = self.papers();
        let Papers { objects, due, is_open, .. } = &mut *papers;
        if !*is_open {
            return None;
        }
        let mut waiting = Vec::new();
        let mut found = None;
        while let Some(object) = due.pop_first() {
            let Some(paper) = objects.get_mut(&object) else { continue };
            if paper.is_out {
                waiting.push(object);
                continue;
            }
            if let Some((stored, write)) = self.write(object.kind, paper, now) {
                paper.is_out = true;
                found = Some((object, stored, write));
                break;
            }
        }
        due.extend(waiting);
        found
    }

    /// Returns what there is to write to an object.
    fn write(&self, kind: Kind, paper: &Paper, now: Time) -> Option<(Stored, Write)> {
        let stored = paper.stored.as_ref()?;
        if let Some(is_in_use) = paper.is_in_use {
            let has = stored.finalizers.iter().any(|name| name == FINALIZER);
            if has != is_in_use {
                let others = stored.finalizers.iter().filter(|name| *name != FINALIZER).cloned();
                let own = is_in_use.then(|| FINALIZER.to_owned());
                return Some((stored.clone(), Write::Finalizers(others.chain(own).collect())));
            }
        }
        let computed = paper.computed.clone()?.or_else(|| self.farewell(kind, stored))?;
        let old: Value = serde_json::from_str(&stored.status).unwrap_or_default();
        let new = settle(&old, &computed, &|name| self.controllers.serve(name), now);
        let is_new = new != old && !(old.is_null() && new.as_object().is_some_and(serde_json::Map::is_empty));
        is_new.then(|| (stored.clone(), Write::Status(patch(&old, new))))
    }

    /// A write came back that was for the object of this uid, with the object as it is stored now if that is known. Where
    /// another of its name is here by now, neither is about that one.
    pub(super) fn returned(&self, object: &ObjectRef, uid: &str, stored: Option<Stored>) {
        let mut papers = self.papers();
        let Some(paper) = papers.objects.get_mut(object).filter(|paper| paper.is_of(uid)) else { return };
        paper.is_out = false;
        if let Some(stored) = stored {
            if stored.uid != uid {
                // Made anew, of which the watch is about to tell: for the old one there is nothing to write any more.
                return;
            }
            if !paper.stored.as_ref().is_some_and(|known| is_older(&stored, known)) {
                paper.stored = Some(stored);
            }
        }
        // It may have changed meanwhile; if not, nothing comes of it.
        papers.due.insert(object.clone());
        self.due.notify_one();
    }
}

/// Returns a merge patch from one status to another: what is left out must be said.
fn patch(old: &Value, mut new: Value) -> Value {
    if let (Some(old), Some(new)) = (old.as_object(), new.as_object_mut()) {
        for field in old.keys() {
            if !new.contains_key(field) {
                new.insert(field.clone(), Value::Null);
            }
        }
    }
    new
}

#[cfg(test)]
mod tests;
