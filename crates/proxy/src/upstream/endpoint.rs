//! What one worker knows of its endpoints: idle connections, load, and whether connecting works.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::connect::Stream;
use super::h2::Pool;
use crate::http1::Transport;
use crate::limits::Limits;
use crate::snapshot::{EndpointSnapshot, Snapshot};

/// How long an endpoint is left alone after its first failed connection; each further failure doubles it.
const EJECTION_MIN: Duration = Duration::from_secs(1);
const EJECTION_MAX: Duration = Duration::from_secs(30);

/// The endpoints that this worker has met, by [`EndpointSnapshot::key`].
#[derive(Default)]
pub(crate) struct Endpoints {
    by_key: RefCell<HashMap<u64, Rc<Endpoint>, foldhash::fast::RandomState>>,
}

impl Endpoints {
    pub(crate) fn get(&self, endpoint: &EndpointSnapshot) -> Rc<Endpoint> {
        let mut by_key = self.by_key.borrow_mut();
        by_key.entry(endpoint.key).or_insert_with(|| Rc::new(Endpoint::new(endpoint.address))).clone()
    }

    /// Forgets endpoints that `snapshot` does not have, and closes their idle connections. Exchanges under way go on.
    pub(crate) fn retain(&self, snapshot: &Snapshot) {
        self.by_key.borrow_mut().retain(|key, endpoint| {
            let kept = snapshot.has_endpoint(*key);
            if !kept {
                endpoint.retire();
            }
            kept
        });
    }

    /// Closes connections that have idled too long.
    pub(crate) fn expire(&self, limits: &Limits) {
        let now = Instant::now();
        for endpoint in self.by_key.borrow().values() {
            endpoint.idle.borrow_mut().retain(|idle| now.duration_since(idle.since) < limits.pool_idle_timeout);
        }
    }
}

/// One endpoint, as one worker sees it.
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    idle: RefCell<Vec<Idle>>,
    /// Connections of HTTP/2, which are shared rather than lent.
    pub(super) http2: Pool,
    /// Exchanges under way.
    pub(crate) load: Cell<u32>,
    failures: Cell<u32>,
    ejected_until: Cell<Option<Instant>>,
    /// Its time is over, and one connection finds out whether it is good again; the others wait for that.
    probed: Cell<bool>,
    retired: Cell<bool>,
}

struct Idle {
    transport: Transport<Stream>,
    since: Instant,
}

impl Endpoint {
    fn new(address: SocketAddr) -> Self {
        Self {
            address,
            idle: RefCell::default(),
            http2: Pool::default(),
            load: Cell::new(0),
            failures: Cell::new(0),
            ejected_until: Cell::new(None),
            probed: Cell::new(false),
            retired: Cell::new(false),
        }
    }

    /// Takes the idle connection that was used last, dead ones left out.
    pub(crate) fn take(&self) -> Option<Transport<Stream>> {
        loop {
            let Idle { mut transport, .. } = self.idle.borrow_mut().pop()?;
            // Nothing may come of an idle connection: what does is its end, or bytes nobody asked for. Where no event
            // was reported this asks no system call.
            let mut byte = [0; 1];
            if transport.poll_read(&mut Context::from_waker(Waker::noop()), &mut byte).is_pending() {
                return Some(transport);
            }
        }
    }

    /// Keeps a connection whose last exchange ended cleanly.
    pub(crate) fn give(&self, transport: Transport<Stream>, idle_max: usize) {
        let mut idle = self.idle.borrow_mut();
        if !self.retired.get() && idle.len() < idle_max {
            idle.push(Idle { transport, since: Instant::now() });
        }
    }

    /// Whether it is to be left alone, if there is any other.
    pub(crate) fn is_ejected(&self, now: Instant) -> bool {
        self.probed.get() || self.is_in_ejection(now)
    }

    fn is_in_ejection(&self, now: Instant) -> bool {
        self.ejected_until.get().is_some_and(|until| now < until)
    }

    /// Held while connecting: of an endpoint that failed last time, others keep away meanwhile.
    pub(super) fn probe(self: &Rc<Self>) -> Probe {
        let begins = self.failures.get() > 0 && !self.probed.replace(self.failures.get() > 0);
        Probe(begins.then(|| self.clone()))
    }

    pub(crate) fn ejected_until(&self) -> Option<Instant> {
        self.ejected_until.get()
    }

    /// Connecting works: the endpoint is as good as any.
    pub(crate) fn succeeded(&self) {
        if self.failures.get() > 0 {
            self.failures.set(0);
            self.ejected_until.set(None);
        }
    }

    /// Connecting failed: leaves the endpoint alone for a while. Returns whether that is new.
    pub(crate) fn failed(&self) -> bool {
        let now = Instant::now();
        if self.is_in_ejection(now) {
            // One of several that failed together: they are one sign, not many.
            return false;
        }
        let failures = self.failures.get();
        let time = EJECTION_MIN.saturating_mul(1 << failures.min(5)).min(EJECTION_MAX);
        self.failures.set(failures.saturating_add(1));
        self.ejected_until.set(Some(now + time));
        true
    }

    fn retire(&self) {
        self.retired.set(true);
        self.idle.borrow_mut().clear();
        self.http2.close();
    }
}

/// The one connection that finds out about an endpoint; also of one who gives up on the way.
pub(super) struct Probe(Option<Rc<Endpoint>>);

impl Drop for Probe {
    fn drop(&mut self) {
        if let Some(endpoint) = &self.0 {
            endpoint.probed.set(false);
        }
    }
}

/// Counts an exchange with an endpoint for as long as it lasts.
pub(crate) struct Load(Rc<Endpoint>);

impl Load {
    pub(crate) fn new(endpoint: Rc<Endpoint>) -> Self {
        endpoint.load.set(endpoint.load.get() + 1);
        Self(endpoint)
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.0
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.load.set(self.0.load.get() - 1);
    }
}

#[cfg(test)]
mod tests;
