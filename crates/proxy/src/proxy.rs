//! The proxy as a whole: its workers, and what is published to them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::{fs, io, thread};

use gatewright_core::plan::{CertificateId, Plan};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::budget::Pool;
use crate::edge::Edge;
use crate::limits::Limits;
use crate::observe::{AccessLog, Observer};
use crate::snapshot::Builder;
use crate::worker::{Binding, Bound, Command, Refused, Shared, Start, spawn};

/// How a proxy runs, apart from what it serves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Threads; one per core is the best there is.
    pub workers: usize,
    /// Addresses that every port of the Plan is bound on.
    pub bind: Vec<IpAddr>,
    /// Added to the Plan's ports below 1024 when they are bound; 0 binds them as they are.
    pub port_offset: u16,
    pub limits: Limits,
    pub edge: Edge,
    pub access_log: AccessLog,
}

/// What became of a published Plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Where each port of the Plan is served, or why it is not.
    pub ports: BTreeMap<u16, Result<Vec<SocketAddr>, String>>,
    /// Certificates that cannot be used, and why. Where there was a good one before, it stays in force.
    pub certificates: BTreeMap<CertificateId, String>,
}

/// A running data plane.
pub struct Proxy {
    workers: Vec<WorkerHandle>,
    publisher: Mutex<Publisher>,
    observer: Arc<Observer>,
    limits: Arc<Limits>,
}

/// What publishing needs, one at a time.
struct Publisher {
    builder: Builder,
    binding: Binding,
    /// Ports that every worker has open.
    open: BTreeSet<u16>,
}

struct WorkerHandle {
    commands: mpsc::UnboundedSender<Command>,
    thread: thread::JoinHandle<()>,
}

impl Proxy {
    /// Starts the workers. They serve nothing until a Plan is published.
    ///
    /// # Errors
    /// When threads or event loops cannot be made, or there is no randomness for TLS.
    pub fn start(settings: Settings) -> io::Result<Self> {
        // Where there is no such file, there is no such bound to read.
        let descriptors = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let limits = Arc::new(settings.limits.within_descriptors(&descriptors));
        let workers = settings.workers.max(1);
        let budget = Arc::new(Pool::new(&limits));
        let observer = Arc::new(Observer::start(workers, settings.access_log, budget.clone())?);
        let mut builder = Builder::new(observer.clone()).map_err(io::Error::other)?;
        let (empty, _) = builder.build(&Plan::default()).map_err(io::Error::other)?;
        let empty = Arc::new(empty);
        let edge = Arc::new(settings.edge);
        let shared = Shared { limits: limits.clone(), edge, budget, connections_open: Arc::default() };
        let binding = Binding { addresses: settings.bind, port_offset: settings.port_offset };
        let workers = (0..workers)
            .map(|index| {
                let (commands, receiver) = mpsc::unbounded_channel();
                let start = Start { shared: shared.clone(), binding: binding.clone() };
                // Made on the thread that will use it, it stays there.
                let recorder = observer.clone();
                let thread = spawn(index, start, move || recorder.recorder(), empty.clone(), receiver)?;
                Ok(WorkerHandle { commands, thread })
            })
            .collect::<io::Result<_>>()?;
        let publisher = Publisher { builder, binding, open: BTreeSet::new() };
        Ok(Self { workers, publisher: Mutex::new(publisher), observer, limits })
    }

    /// Puts `plan` in force and returns when every worker serves it. Requests under way end as they began.
    ///
    /// # Errors
    /// When the machine has no randomness for TLS, or a worker is gone; what was in force stays so.
    pub fn publish(&self, plan: &Plan) -> io::Result<Report> {
        let mut publisher = self.publisher.lock().unwrap_or_else(PoisonError::into_inner);
        let (snapshot, certificates) = publisher.builder.build(plan).map_err(io::Error::other)?;
        let snapshot = Arc::new(snapshot);
        let refused = Arc::new(publisher.refused(plan));
        let answers: Vec<_> = self
            .workers
            .iter()
            .map(|worker| {
                let (done, answer) = oneshot::channel();
                worker.commands.send(Command::Publish(snapshot.clone(), refused.clone(), done)).map(|()| answer)
            })
            .collect::<Result<_, _>>()
            .map_err(|_| worker_gone())?;
        let mut ports = Bound::new();
        for answer in answers {
            for (port, bound) in answer.blocking_recv().map_err(|_| worker_gone())? {
                let known = ports.entry(port).or_insert_with(|| bound.clone());
                if bound.is_err() {
                    *known = bound;
                }
            }
        }
        publisher.open = ports.iter().filter(|(_, bound)| bound.is_ok()).map(|(port, _)| *port).collect();
        Ok(Report { ports, certificates })
    }

    /// What is counted; register it with a Prometheus registry.
    pub fn observer(&self) -> Arc<Observer> {
        self.observer.clone()
    }

    /// Begins the end, and returns at once: everything is served as before, new connections too, but every answer sends
    /// its client elsewhere for the next request (`Connection: close`, GOAWAY), and idle connections are closed. To be
    /// called when whoever spreads connections has been told to leave this proxy out, and to be followed by
    /// [`Self::drain`] when they have had time to hear it.
    pub fn wind_down(&self) {
        for worker in &self.workers {
            // A worker that is gone serves nobody.
            let _ = worker.commands.send(Command::WindDown);
        }
    }

    /// Stops: accepts nothing more than what the kernel has accepted for it, lets what is under way end for at most the
    /// limits' `drain_timeout`, and returns. WebSockets and streams of gRPC have that time, too, to end by
    /// themselves; shortly before it is over, the clients of WebSockets are sent a Close frame (1001).
    pub fn drain(self) {
        let deadline = Instant::now() + self.limits.drain_timeout;
        for worker in &self.workers {
            // A worker that is gone has nothing to drain.
            let _ = worker.commands.send(Command::Drain(deadline));
        }
        for worker in self.workers {
            if worker.thread.join().is_err() {
                tracing::error!("a worker had panicked");
            }
        }
        self.observer.finish();
    }
}

impl Publisher {
    /// Looks which ports that are new cannot be opened. Asked before the first worker has them: it takes a socket that
    /// shares with nobody to tell.
    fn refused(&self, plan: &Plan) -> Refused {
        let new = plan.ports.keys().filter(|port| !self.open.contains(port));
        new.filter_map(|port| Some((*port, self.binding.probe(*port).err()?))).collect()
    }
}

fn worker_gone() -> io::Error {
    io::Error::other("a worker of the proxy has ended")
}
