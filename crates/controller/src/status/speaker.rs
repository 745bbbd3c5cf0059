//! Statuses on their way from the compiler to the desk: they are said when the proxies are known to have in force what they
//! speak of, and nothing else waits for that.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gatewright_core::{status::Status, world::ObjectRef};
use tokio::time::Instant;

use super::Desk;

/// Remembers what the desk was not told yet.
pub(crate) struct Speaker {
    desk: Arc<Desk>,
    /// Whose status is another one than was drafted or said last.
    unsaid: BTreeSet<ObjectRef>,
    draft: Option<Draft>,
}

/// Statuses of one moment, which lie on the desk. There is one draft at a time: under constant change each gets its turn.
struct Draft {
    of: BTreeSet<ObjectRef>,
    /// When the Plans were out that they speak of.
    published: Instant,
}

impl Speaker {
    pub(crate) fn new(desk: Arc<Desk>) -> Self {
        Self { desk, unsaid: BTreeSet::new(), draft: None }
    }

    /// The compiler says something new of these objects.
    pub(crate) fn heard(&mut self, objects: BTreeSet<ObjectRef>) {
        self.unsaid.extend(objects);
    }

    /// The running world is not as the draft has it: what it says may be untrue.
    pub(crate) fn doubt(&mut self) {
        if let Some(draft) = self.draft.take() {
            self.unsaid.extend(draft.of);
        }
    }

    /// Says the draft if no proxy `is_behind` the moment it is of, then drafts what is left, and says that too if it can.
    /// `statuses` is all that the compiler says, `published` when the Plans were out that came with it.
    pub(crate) fn speak(
        &mut self,
        statuses: &BTreeMap<ObjectRef, Status>,
        published: Instant,
        is_behind: impl Fn(Instant) -> bool,
    ) {
        self.say(&is_behind);
        self.unsaid.extend(self.desk.newcomers());
        if self.draft.is_none() && !self.unsaid.is_empty() {
            let of = std::mem::take(&mut self.unsaid);
            self.desk.draft(&of, statuses);
            self.draft = Some(Draft { of, published });
            self.say(&is_behind);
        }
    }

    /// Says the draft if no proxy `is_behind` the moment it is of.
    pub(crate) fn say(&mut self, is_behind: impl Fn(Instant) -> bool) {
        if let Some(draft) = self.draft.take_if(|draft| !is_behind(draft.published)) {
            self.desk.say(&draft.of);
        }
    }

    /// Whether the desk knows all that is to be said.
    pub(crate) fn has_said_all(&self) -> bool {
        self.draft.is_none() && self.unsaid.is_empty()
    }
}

#[cfg(test)]
mod tests;
