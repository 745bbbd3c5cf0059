//! What the whole process may spend on more than forwarding each request once: bodies kept in memory, copies for
//! mirrors, retries.
//!
//! Each worker has its own [`Budget`] of the one [`Pool`]. A request that does none of this costs two plain stores, which
//! count it as live; shared counters are touched by those alone that spend. What is not granted is not waited for: a
//! mirror is dropped, a retry is not made, a body is not kept. All of it is counted.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::limits::Limits;

/// What is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    /// Bytes of bodies that are kept: for another try, for an authorization server, for mirrors that lag.
    BufferedBytes,
    /// Copies of requests under way to mirrors.
    Mirrors,
    /// Retries, from the decision to make one until it has an answer or has failed.
    Retries,
}

impl Resource {
    pub(crate) const ALL: [(Self, &'static str); 3] =
        [(Self::BufferedBytes, "buffered_bytes"), (Self::Mirrors, "mirrors"), (Self::Retries, "retries")];
}

/// The budget of the process.
#[derive(Debug)]
pub(crate) struct Pool {
    /// By [`Resource`].
    accounts: [Account; Resource::ALL.len()],
    retries_percent: usize,
    retries_min: usize,
    /// Of each worker. Locked when a worker starts, when a retry is asked for and when metrics are read.
    live: Mutex<Vec<Arc<Live>>>,
}

/// One resource of the process.
#[derive(Debug, Default)]
struct Account {
    used: AtomicUsize,
    /// Of retries it follows from the requests that are live.
    max: usize,
    refused: AtomicU64,
}

/// How many requests of one worker are live, on a cache line of its own (or a pair that is prefetched together).
#[derive(Debug, Default)]
#[repr(align(128))]
struct Live(AtomicUsize);

/// The state of one resource, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) used: usize,
    pub(crate) max: usize,
    pub(crate) refused: u64,
}

impl Pool {
    pub(crate) fn new(limits: &Limits) -> Self {
        let account = |max| Account { max, ..Account::default() };
        Self {
            accounts: [account(limits.buffered_bytes_max), account(limits.mirrors_max), account(0)],
            retries_percent: limits.retries_percent_max,
            retries_min: limits.retries_min,
            live: Mutex::default(),
        }
    }

    pub(crate) fn state(&self, resource: Resource) -> State {
        let account = &self.accounts[resource as usize];
        State {
            used: account.used.load(Ordering::Relaxed),
            max: self.max(resource),
            refused: account.refused.load(Ordering::Relaxed),
        }
    }

    /// How much of `resource` may be used now.
    fn max(&self, resource: Resource) -> usize {
        match resource {
            Resource::BufferedBytes | Resource::Mirrors => self.accounts[resource as usize].max,
            // Requests are far fewer than what could overflow: each has a connection or a stream.
            Resource::Retries => (self.live() * self.retries_percent / 100).max(self.retries_min),
        }
    }

    fn live(&self) -> usize {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.iter().map(|worker| worker.0.load(Ordering::Relaxed)).sum()
    }

    /// Takes `amount` if that much is left; counts it as refused otherwise.
    fn take(&self, resource: Resource, amount: usize) -> bool {
        let max = self.max(resource);
        let account = &self.accounts[resource as usize];
        let within = |used: usize| used.checked_add(amount).filter(|used| *used <= max);
        let taken = account.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within).is_ok();
        if !taken {
            account.refused.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }
}

impl Default for Pool {
    fn default() -> Self {
        Self::new(&Limits::default())
    }
}

/// One worker's access to the [`Pool`].
#[derive(Debug)]
pub(crate) struct Budget {
    pool: Arc<Pool>,
    live: Arc<Live>,
}

impl Budget {
    /// The budget of one more worker. It stays on that worker's thread.
    pub(crate) fn join(pool: Arc<Pool>) -> Self {
        let live = Arc::<Live>::default();
        pool.live.lock().unwrap_or_else(PoisonError::into_inner).push(live.clone());
        Self { pool, live }
    }

    /// Counts a request as live until the guard is dropped: retries are a share of those.
    pub(crate) fn begin_request(&self) -> LiveRequest<'_> {
        self.live.add(1);
        LiveRequest(&self.live)
    }

    /// Grants one retry. The permit is held from the decision until the try has its response's head, or has failed.
    pub(crate) fn retry(&self) -> Option<Permit> {
        self.take(Resource::Retries, 1)
    }

    /// Grants one copy for a mirror. The permit is held until the mirror's answer has been read.
    pub(crate) fn mirror(&self) -> Option<Permit> {
        self.take(Resource::Mirrors, 1)
    }

    /// Grants `bytes` of a body that is kept. The permit is held as long as they are, and can [`Permit::grow`].
    pub(crate) fn bytes(&self, bytes: usize) -> Option<Permit> {
        self.take(Resource::BufferedBytes, bytes)
    }

    /// Grants `more` bytes of a body beyond those that `permit` is for, if it is for any yet. `false` changes nothing.
    pub(crate) fn extend(&self, permit: &mut Option<Permit>, more: usize) -> bool {
        match permit {
            Some(permit) => permit.grow(more),
            None => {
                *permit = self.bytes(more);
                permit.is_some()
            }
        }
    }

    fn take(&self, resource: Resource, amount: usize) -> Option<Permit> {
        let taken = self.pool.take(resource, amount);
        taken.then(|| Permit { pool: self.pool.clone(), resource, amount })
    }
}

impl Live {
    /// Adds; only the owning worker's thread does: a plain load and store, without a locked instruction.
    fn add(&self, more: isize) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add_signed(more), Ordering::Relaxed);
    }
}

/// A request that is live, until this is dropped.
#[derive(Debug)]
pub(crate) struct LiveRequest<'a>(&'a Live);

impl Drop for LiveRequest<'_> {
    fn drop(&mut self) {
        self.0.add(-1);
    }
}

/// What was granted, given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    pool: Arc<Pool>,
    resource: Resource,
    amount: usize,
}

impl Permit {
    /// Takes `more` of the same; `false` when there is not that much left, and then nothing is taken.
    pub(crate) fn grow(&mut self, more: usize) -> bool {
        let taken = self.pool.take(self.resource, more);
        if taken {
            self.amount += more;
        }
        taken
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.pool.accounts[self.resource as usize].used.fetch_sub(self.amount, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
