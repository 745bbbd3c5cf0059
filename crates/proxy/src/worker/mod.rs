//! One worker: a thread with its own event loop, sockets, connections and backends. Workers share nothing on the request
//! path; what they execute reaches them as an `Arc<Snapshot>` per publish.

mod accept;
mod connection;
mod listen;
mod panic;
mod run;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

pub(crate) use connection::{Connection, Connections};
pub(crate) use listen::{Binding, Bound, Refused};
pub(crate) use panic::Watch;
pub(crate) use run::{Command, Start, spawn};

use crate::budget::{Budget, Pool};
use crate::date::Date;
use crate::edge::{Edge, Strict};
use crate::limits::Limits;
use crate::message::{Buffers, RequestHead, ResponseHead, Spares};
use crate::observe::Recorder;
use crate::snapshot::Snapshot;
use crate::upstream::Endpoints;

/// Bytes of the scratch buffer: one read of a body. Larger ones gain nothing that can be told from noise.
const SCRATCH_BYTES: usize = 64 * 1024;

/// What all workers have in common. None of it is written to on the request path, but for those who spend the budget.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared {
    pub(crate) limits: Arc<Limits>,
    pub(crate) edge: Arc<Edge>,
    pub(crate) budget: Arc<Pool>,
    /// Client connections of the whole process; touched once per connection.
    pub(crate) connections_open: Arc<AtomicUsize>,
}

/// What the tasks of one worker share. Everything in it is of this thread alone.
pub(crate) struct Worker {
    pub(crate) limits: Arc<Limits>,
    pub(crate) edge: Arc<Edge>,
    pub(crate) recorder: Recorder,
    pub(crate) budget: Budget,
    pub(crate) date: Date,
    pub(crate) endpoints: Endpoints,
    pub(crate) connections: Connections,
    pub(crate) buffers: Buffers,
    pub(crate) request_heads: Spares<RequestHead>,
    pub(crate) response_heads: Spares<ResponseHead>,
    /// WebSockets are to say farewell: the drain comes to its end.
    farewell: Notify,
    /// Hot memory for whoever reads now. Never borrowed across an await: its bytes last until the task yields.
    pub(crate) scratch: RefCell<Box<[u8]>>,
    connections_open: Arc<AtomicUsize>,
    #[expect(
        clippy::redundant_allocation,
        reason = "a request counts a reference of its own thread's, not a shared one"
    )]
    snapshot: RefCell<Rc<Arc<Snapshot>>>,
    /// How many choices each rule and mirror has made, which is all that shares need to be honoured.
    counters: RefCell<Vec<u32>>,
    phase: Cell<Phase>,
    /// Connections of this worker, those that are still shaking hands included.
    connections_here: Cell<usize>,
}

/// How near the end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Serving,
    /// Still accepting, but every answer sends the client elsewhere.
    WindingDown,
    /// No longer accepting: what is under way may end.
    Draining,
    /// The drain's last moments: what would not end by itself is told to, at the right moment or at this one.
    Parting(Instant),
}

impl Worker {
    pub(crate) fn new(shared: Shared, recorder: Recorder, snapshot: Arc<Snapshot>) -> Self {
        let Shared { limits, edge, budget, connections_open } = shared;
        Self {
            limits,
            edge,
            recorder,
            budget: Budget::join(budget),
            date: Date::default(),
            endpoints: Endpoints::default(),
            connections: Connections::default(),
            buffers: Buffers::default(),
            request_heads: Spares::default(),
            response_heads: Spares::default(),
            farewell: Notify::new(),
            scratch: RefCell::new(vec![0; SCRATCH_BYTES].into_boxed_slice()),
            connections_open,
            counters: RefCell::new(vec![0; snapshot.slots]),
            snapshot: RefCell::new(Rc::new(snapshot)),
            phase: Cell::new(Phase::Serving),
            connections_here: Cell::new(0),
        }
    }

    /// Returns what is in force now. A request keeps what it began with.
    #[expect(clippy::redundant_allocation, reason = "see the field")]
    pub(crate) fn snapshot(&self) -> Rc<Arc<Snapshot>> {
        self.snapshot.borrow().clone()
    }

    /// Returns how strictly requests on `port` are read now.
    pub(crate) fn strict(&self, port: u16) -> Strict {
        let snapshot = self.snapshot.borrow();
        self.edge.strict.with(snapshot.port(port).map(|port| port.strictness).unwrap_or_default())
    }

    /// Whether the proxy is about to stop: connections end with the exchange under way.
    pub(crate) fn is_draining(&self) -> bool {
        self.phase.get() != Phase::Serving
    }

    /// Whether what would not end by itself is to end now.
    pub(crate) fn is_parting(&self) -> bool {
        matches!(self.phase.get(), Phase::Parting(_))
    }

    /// From now on what would not end by itself is to end, at `last_call` at the latest.
    pub(crate) fn part(&self, last_call: Instant) {
        self.phase.set(Phase::Parting(last_call));
        self.farewell.notify_waiters();
    }

    /// Returns when what would not end by itself is to end without waiting for the right moment.
    pub(crate) async fn last_call(&self) {
        loop {
            let told = self.farewell.notified();
            match self.phase.get() {
                Phase::Parting(last_call) => return sleep_until(last_call).await,
                _ => told.await,
            }
        }
    }

    /// Counts one choice of the rule at `slot` and returns how many came before it.
    pub(crate) fn next_choice(&self, slot: u32) -> u32 {
        let mut counters = self.counters.borrow_mut();
        let Some(counter) = counters.get_mut(slot as usize) else { return fastrand::u32(..) };
        let before = *counter;
        *counter = before.wrapping_add(1);
        before
    }

    fn adopt(&self, snapshot: Arc<Snapshot>) {
        let mut counters = self.counters.borrow_mut();
        if counters.len() < snapshot.slots {
            // A random start keeps workers and rules out of step with each other.
            counters.resize_with(snapshot.slots, || fastrand::u32(..));
        }
        self.endpoints.retain(&snapshot);
        *self.snapshot.borrow_mut() = Rc::new(snapshot);
    }
}
