//! What of a World is no longer as it was, for those who remember what followed from it.

use std::collections::BTreeSet;

use super::{Kind, Object, ObjectKey, ObjectRef, World, objects::service_of};
use crate::api::endpoint_slice::EndpointSlice;

/// What was added, changed or removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub objects: BTreeSet<ObjectRef>,
    /// The Services that a changed EndpointSlice names, or named before.
    pub endpoints: BTreeSet<ObjectKey>,
}

impl World {
    /// Adds an object, in the place of an older one of its name. One that says the same as the older one changes nothing,
    /// even if an API server counts it as another version: a status was written, as a rule.
    pub fn insert(&mut self, object: Object) {
        let key = object.key();
        let mut services = BTreeSet::new();
        if let Object::EndpointSlice(slice) = &object {
            services = self.index_slice(&key, service_of(&key, slice));
        }
        if let Some(object) = self.put(key, object) {
            self.changes.objects.insert(object);
            self.changes.endpoints.extend(services);
        }
    }

    /// Forgets an object; says whether it was there.
    pub fn remove(&mut self, object: &ObjectRef) -> bool {
        if object.kind == Kind::EndpointSlice {
            let services = self.index_slice(&object.key, None);
            self.changes.endpoints.extend(services);
        }
        let existed = self.take(object);
        if existed {
            self.changes.objects.insert(object.clone());
        }
        existed
    }

    /// Whether anything changed since [`Self::take_changes`] was last asked.
    pub fn has_changes(&self) -> bool {
        !self.changes.objects.is_empty() || !self.changes.endpoints.is_empty()
    }

    /// Returns what changed since this was last asked.
    pub fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    /// The EndpointSlices that name a Service of their namespace, in the order of their names.
    pub fn slices_of(&self, service: &ObjectKey) -> impl Iterator<Item = &EndpointSlice> {
        let slices = self.slices_by_service.get(service);
        slices.into_iter().flatten().filter_map(|key| self.endpoint_slices.get(key))
    }

    /// Notes that a slice holds endpoints of `now` alone, and returns every Service that has to do with it.
    fn index_slice(&mut self, key: &ObjectKey, now: Option<ObjectKey>) -> BTreeSet<ObjectKey> {
        let before = self.endpoint_slices.get(key).and_then(|slice| service_of(key, slice));
        if before != now
            && let Some(before) = &before
            && let Some(slices) = self.slices_by_service.get_mut(before)
        {
            slices.remove(key);
            if slices.is_empty() {
                self.slices_by_service.remove(before);
            }
        }
        if let Some(now) = &now {
            self.slices_by_service.entry(now.clone()).or_default().insert(key.clone());
        }
        before.into_iter().chain(now).collect()
    }
}
