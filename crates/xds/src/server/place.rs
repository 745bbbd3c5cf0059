//! How many may be connected: few whose token was not accepted yet, each for a short time, and many whose token was.
//!
//! Knows addresses and counts; what a token says is decided elsewhere.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};
use tonic::Status;

/// From the accepted connection to its first authenticated stream: the handshake and a TokenReview take far less.
const DEADLINE: Duration = Duration::from_secs(10);
/// Connections without an accepted token, each of which may cost a handshake and buffers of HTTP/2.
const WAITING_MAX: usize = 512;
/// Of those, so many of one address: a few proxies of one node or behind one NAT that start together. Others try again.
const WAITING_PER_ADDRESS_MAX: usize = 16;
/// A connection that waits for longer gives its place to a newcomer that finds none. A proxy is done well within this.
const SAFE_FOR: Duration = Duration::from_secs(1);
/// Connections with an accepted token: more proxies than one controller should serve.
const ADMITTED_MAX: usize = 4_096;
/// Of those, so many of one address: every proxy of a large cluster may come through one NAT of a few.
const ADMITTED_PER_ADDRESS_MAX: usize = 1_024;
/// Tokens that a connection may show before one is accepted. A client shows one.
const TOKENS_MAX: u8 = 3;
/// How often it is logged that somebody found no place.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// All places. Clones share.
#[derive(Clone, Default)]
pub(super) struct Places(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    next: u64,
    /// By number, so the first has waited longest.
    waiting: BTreeMap<u64, Waiting>,
    admitted: BTreeMap<u64, IpAddr>,
    warned: Option<Instant>,
}

struct Waiting {
    address: IpAddr,
    since: Instant,
    stage: watch::Sender<Stage>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Admitted,
    Displaced,
}

/// Why a connection that waits does so no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// Its token was accepted: it may stay.
    Admitted,
    /// It must end: its time is over, or a newcomer has its place.
    Over,
}

/// A connection's place, until it is dropped.
pub(super) struct Place(Arc<Claim>);

/// A connection's way to be admitted, which requests carry. It keeps no place.
pub(crate) struct Claim {
    places: Places,
    number: u64,
    address: IpAddr,
    deadline: Instant,
    stage: watch::Receiver<Stage>,
    tokens: AtomicU8,
}

impl Places {
    /// Gives a connection from `address` a place among those that wait, if there is one for it.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Place> {
        let address = network(address);
        let now = Instant::now();
        let mut table = self.lock();
        if !table.makes_room(address, now) {
            table.warn(address, now);
            return None;
        }
        let number = table.next;
        table.next += 1;
        let (sender, stage) = watch::channel(Stage::Waiting);
        table.waiting.insert(number, Waiting { address, since: now, stage: sender });
        let claim =
            Claim { places: self.clone(), number, address, deadline: now + DEADLINE, stage, tokens: AtomicU8::new(0) };
        Some(Place(Arc::new(claim)))
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Says whether one of `address` may wait now; another that waits for long may have to go for it.
    ///
    /// An address with too many gives up one of its own. When all places are taken, the address with the most of them
    /// does, so that nobody keeps others out.
    fn makes_room(&mut self, address: IpAddr, now: Instant) -> bool {
        let mut counts = BTreeMap::<IpAddr, usize>::new();
        for waiting in self.waiting.values() {
            *counts.entry(waiting.address).or_default() += 1;
        }
        let giving = if counts.get(&address).is_some_and(|count| *count >= WAITING_PER_ADDRESS_MAX) {
            address
        } else if self.waiting.len() >= WAITING_MAX {
            let most = counts.values().copied().max().unwrap_or_default();
            let oldest = self.waiting.values().find(|waiting| counts[&waiting.address] == most);
            oldest.map_or(address, |oldest| oldest.address)
        } else {
            return true;
        };
        let oldest = self.waiting.iter().find(|(_, waiting)| waiting.address == giving);
        let Some(number) = oldest.filter(|(_, waiting)| now - waiting.since > SAFE_FOR).map(|(number, _)| *number)
        else {
            return false;
        };
        if let Some(displaced) = self.waiting.remove(&number) {
            displaced.stage.send_replace(Stage::Displaced);
        }
        true
    }

    fn warn(&mut self, address: IpAddr, now: Instant) {
        if self.warned.is_none_or(|warned| now - warned >= WARNING_INTERVAL) {
            self.warned = Some(now);
            tracing::warn!(
                %address, waiting = self.waiting.len(),
                "the control channel refuses connections: too many are open that have shown no valid token"
            );
        }
    }
}

impl Place {
    pub(super) fn claim(&self) -> Arc<Claim> {
        self.0.clone()
    }

    /// Waits until the connection is admitted or must end.
    pub(super) fn waited(&self) -> impl Future<Output = Waited> + Send + 'static {
        let (mut stage, deadline) = (self.0.stage.clone(), self.0.deadline);
        async move {
            match timeout_at(deadline, stage.wait_for(|stage| *stage != Stage::Waiting)).await {
                Ok(Ok(stage)) if *stage == Stage::Admitted => Waited::Admitted,
                Ok(_) | Err(_) => Waited::Over,
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.0.places.lock();
        table.waiting.remove(&self.0.number);
        table.admitted.remove(&self.0.number);
    }
}

impl Claim {
    /// Says whether the connection may show a token: as many as it likes once one was accepted.
    pub(super) fn may_show(&self) -> Result<(), Status> {
        let is_admitted = *self.stage.borrow() == Stage::Admitted;
        if is_admitted || self.tokens.fetch_add(1, Ordering::Relaxed) < TOKENS_MAX {
            return Ok(());
        }
        Err(Status::resource_exhausted("this connection has shown too many tokens"))
    }

    /// Takes the connection, whose token was accepted, among those that may stay.
    pub(super) fn admit(&self) -> Result<(), Status> {
        let mut table = self.places.lock();
        if table.admitted.contains_key(&self.number) {
            return Ok(());
        }
        let of_address = table.admitted.values().filter(|address| **address == self.address).count();
        if table.admitted.len() >= ADMITTED_MAX || of_address >= ADMITTED_PER_ADDRESS_MAX {
            return Err(Status::resource_exhausted("the controller has as many connections as it takes"));
        }
        let Some(waiting) = table.waiting.remove(&self.number) else {
            return Err(Status::deadline_exceeded("the connection took too long to show its token"));
        };
        table.admitted.insert(self.number, self.address);
        waiting.stage.send_replace(Stage::Admitted);
        Ok(())
    }
}

/// Returns what counts as one address: of IPv6 a subnet, since a host has all addresses of its own.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests;
