//! What is known of every route, and of all of them together.

use std::collections::{BTreeMap, BTreeSet};

use super::plans::Plans;
use crate::{
    plan::ListenerId,
    policy::backend_tls::{Ancestor, ServiceUsers},
    reference::{Read, Reads},
    route::{self, Known, Planned, Routed},
    status::{AttachedRoutes, route::RouteParentVerdict},
    verdict::Verdict,
    world::{ObjectKey, ObjectRef},
};

/// Every route as it was last resolved, and what follows from their number.
#[derive(Debug, Default)]
pub(super) struct Routes {
    kept: BTreeMap<ObjectRef, Kept>,
    /// The routes that were made of something.
    readers: BTreeMap<Read, BTreeSet<ObjectRef>>,
    attached: AttachedRoutes,
    recounted: BTreeSet<ListenerId>,
    users: ServiceUsers,
    other_users: BTreeSet<ObjectKey>,
}

type Uses = BTreeSet<(ObjectKey, Ancestor)>;

/// What has to be taken back when the route changes.
#[derive(Debug, Default)]
struct Kept {
    planned: Vec<Planned>,
    attached: BTreeSet<ListenerId>,
    /// Who leads to which Service that a policy names.
    uses: Uses,
    reads: Reads,
}

/// What a route says for status and to people.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) verdicts: Vec<RouteParentVerdict>,
    pub(super) findings: Vec<Verdict>,
}

impl Routes {
    /// Names the routes that were made of something that is stale.
    pub(super) fn made_of(&self, stale: &BTreeSet<Read>) -> BTreeSet<ObjectRef> {
        stale.iter().filter_map(|read| self.readers.get(read)).flatten().cloned().collect()
    }

    /// Resolves a route again, or forgets it when it is gone.
    pub(super) fn resolve(&mut self, known: Known<'_>, object: &ObjectRef, plans: &mut Plans) -> Said {
        let routed = route::resolve(known, object);
        let exists = routed.is_some();
        let Routed { verdicts, findings, planned, attached, ancestors, services, reads } = routed.unwrap_or_default();
        let pairs = |service: &ObjectKey| ancestors.iter().map(|it| (service.clone(), it.clone())).collect::<Vec<_>>();
        let uses = services.iter().flat_map(pairs).collect();
        let mut after = Kept { planned, attached, uses, reads };
        let before = self.kept.remove(object).unwrap_or_default();
        plans.replace(&before.planned, &mut after.planned);
        self.replace(object, &before, &after);
        if exists {
            self.kept.insert(object.clone(), after);
        }
        Said { verdicts, findings }
    }

    fn replace(&mut self, object: &ObjectRef, before: &Kept, after: &Kept) {
        for read in before.reads.0.difference(&after.reads.0) {
            if let Some(readers) = self.readers.get_mut(read) {
                readers.remove(object);
                if readers.is_empty() {
                    self.readers.remove(read);
                }
            }
        }
        for read in after.reads.0.difference(&before.reads.0) {
            self.readers.entry(read.clone()).or_default().insert(object.clone());
        }
        for listener in before.attached.symmetric_difference(&after.attached) {
            let count = self.attached.entry(listener.clone()).or_default();
            *count = if after.attached.contains(listener) { *count + 1 } else { count.saturating_sub(1) };
            if *count == 0 {
                self.attached.remove(listener);
            }
            self.recounted.insert(listener.clone());
        }
        self.recount_uses(&before.uses, &after.uses);
    }

    /// Counts who leads to which Service, by the route or listeners that did before and do now.
    pub(super) fn recount_uses(&mut self, before: &Uses, after: &Uses) {
        for (service, ancestor) in before.difference(after) {
            if let Some(users) = self.users.get_mut(service) {
                release(users, ancestor);
                if users.is_empty() {
                    self.users.remove(service);
                }
            }
            self.other_users.insert(service.clone());
        }
        for (service, ancestor) in after.difference(before) {
            *self.users.entry(service.clone()).or_default().entry(ancestor.clone()).or_default() += 1;
            self.other_users.insert(service.clone());
        }
    }

    /// How many routes every listener accepted.
    pub(super) fn attached(&self) -> &AttachedRoutes {
        &self.attached
    }

    /// The listeners of which that number may have changed since this was last asked.
    pub(super) fn take_recounted(&mut self) -> BTreeSet<ListenerId> {
        std::mem::take(&mut self.recounted)
    }

    pub(super) fn users(&self) -> &ServiceUsers {
        &self.users
    }

    /// The Services of which the users may have changed since this was last asked.
    pub(super) fn take_other_users(&mut self) -> BTreeSet<ObjectKey> {
        std::mem::take(&mut self.other_users)
    }
}

/// Counts one use less; the last one takes the entry with it. Says whether it did.
pub(super) fn release<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) -> bool {
    let Some(count) = counts.get_mut(key) else { return false };
    *count = count.saturating_sub(1);
    let last = *count == 0;
    if last {
        counts.remove(key);
    }
    last
}
