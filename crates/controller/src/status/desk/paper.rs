//! What lies on the desk.

use std::collections::{BTreeMap, BTreeSet};

use gatewright_core::{status::Status, world::ObjectRef};

use crate::watch::Stored;

#[derive(Default)]
pub(super) struct Papers {
    pub(super) objects: BTreeMap<ObjectRef, Paper>,
    pub(super) due: BTreeSet<ObjectRef>,
    /// Seen for the first time, or made anew, since it was last asked who is.
    pub(super) newcomers: BTreeSet<ObjectRef>,
    /// Nothing is given out before.
    pub(super) is_open: bool,
}

/// One object: another of the same name is another, which its uid tells.
#[derive(Default)]
pub(super) struct Paper {
    /// `None` until the object is seen.
    pub(super) stored: Option<Stored>,
    /// What the compiler says, of the object's generation then: nothing of an object that is not ours. `None` before it spoke.
    pub(super) computed: Option<Option<Status>>,
    /// What it will say when the proxies are known to have it in force.
    pub(super) draft: Option<Option<Status>>,
    /// Whether Gateways use this GatewayClass of ours.
    pub(super) is_in_use: Option<bool>,
    /// Being written now: what becomes due meanwhile waits.
    pub(super) is_out: bool,
}

impl Paper {
    /// Whether it is about the object of this uid, and not another of its name.
    pub(super) fn is_of(&self, uid: &str) -> bool {
        self.stored.as_ref().is_some_and(|stored| stored.uid == uid)
    }
}

impl Papers {
    pub(super) fn remove(&mut self, object: &ObjectRef) {
        self.due.remove(object);
        self.objects.remove(object);
    }
}

/// Whether one sight of an object is from before another. Versions are numbers in every API server there is
/// (KEP-5504 promises it); where they are not, the later word counts.
pub(super) fn is_older(stored: &Stored, known: &Stored) -> bool {
    let number = |stored: &Stored| stored.resource_version.parse::<u64>().ok();
    stored.uid == known.uid && matches!((number(stored), number(known)), (Some(new), Some(old)) if new < old)
}
