//! A worker's thread: opens and closes ports as Snapshots come, and ends when it is told to.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::{io, thread};

use gatewright_core::plan::PortProtocol;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Duration, Instant};

use super::accept::Accepting;
use super::listen::{Binding, Bound, Refused, bind};
use super::{Phase, Shared, Worker};
use crate::observe::Recorder;
use crate::snapshot::Snapshot;

/// How often idle backend connections are looked through, and a drain looks whether it is done.
const SWEEP: Duration = Duration::from_secs(5);
const DRAIN_CHECK: Duration = Duration::from_millis(20);
/// How long before a drain's end WebSockets begin to say farewell, if half of the drain is not less: one half of it is for
/// the right moment to come, the other for their clients to answer.
const FAREWELL_LEAD: Duration = Duration::from_secs(2);

/// What a worker can be told.
pub(crate) enum Command {
    /// Execute this from now on, without the ports that are refused; the answer comes when all others are served so.
    Publish(Arc<Snapshot>, Arc<Refused>, oneshot::Sender<Bound>),
    /// Go on serving, and send clients elsewhere for what they want next.
    WindDown,
    /// Accept nothing more, let exchanges end, then stop.
    Drain(Instant),
}

/// What a worker starts with.
pub(crate) struct Start {
    pub(crate) shared: Shared,
    pub(crate) binding: Binding,
}

/// Starts a worker's thread. It ends when `commands` is closed or after a drain.
///
/// # Errors
/// When the thread or its event loop cannot be made.
pub(crate) fn spawn(
    index: usize,
    start: Start,
    recorder: impl FnOnce() -> Recorder + Send + 'static,
    snapshot: Arc<Snapshot>,
    commands: mpsc::UnboundedReceiver<Command>,
) -> io::Result<thread::JoinHandle<()>> {
    let (ready, started) = oneshot::channel();
    let thread = thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
        // A local runtime stays on the thread that made it: its tasks need no locks to wake each other.
        let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                let _ = ready.send(Err(error));
                return;
            }
        };
        let Start { shared, binding } = start;
        let worker = Rc::new(Worker::new(shared, recorder(), snapshot));
        let _ = ready.send(Ok(()));
        runtime.block_on(run(worker, binding, commands));
    })?;
    started.blocking_recv().map_err(io::Error::other)??;
    Ok(thread)
}

async fn run(worker: Rc<Worker>, binding: Binding, mut commands: mpsc::UnboundedReceiver<Command>) {
    let mut ports = Ports { binding, open: HashMap::new() };
    let mut sweep = tokio::time::interval(SWEEP);
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(Command::Publish(snapshot, refused, done)) => {
                    worker.adopt(snapshot);
                    let bound = ports.follow(&worker, &refused).await;
                    // Nobody waits for the answer any more: then nobody needs it.
                    let _ = done.send(bound);
                }
                Some(Command::WindDown) => {
                    worker.phase.set(Phase::WindingDown);
                    worker.connections.close(|_| true);
                }
                Some(Command::Drain(deadline)) => return drain(&worker, &mut ports, deadline).await,
                None => return,
            },
            _ = sweep.tick() => worker.endpoints.expire(&worker.limits),
        }
    }
}

/// Lets connections end by themselves, those that idle at once, until `deadline`.
async fn drain(worker: &Rc<Worker>, ports: &mut Ports, deadline: Instant) {
    worker.phase.set(Phase::Draining);
    ports.close(|_| false).await;
    worker.connections.close(|_| true);
    let lead = (deadline - Instant::now()).mul_f64(0.5).min(FAREWELL_LEAD);
    while worker.connections_here.get() > 0 && Instant::now() < deadline {
        if !worker.is_parting() && Instant::now() >= deadline - lead {
            worker.part(deadline - lead / 2);
        }
        tokio::time::sleep(DRAIN_CHECK).await;
    }
}

/// The ports that are open now.
struct Ports {
    binding: Binding,
    open: HashMap<u16, Open>,
}

struct Open {
    protocol: PortProtocol,
    addresses: Vec<std::net::SocketAddr>,
    accepting: Vec<Accepting>,
}

impl Ports {
    /// Opens the ports that the Snapshot has and closes the others. Connections on a closed port are asked to end.
    async fn follow(&mut self, worker: &Rc<Worker>, refused: &Refused) -> Bound {
        let snapshot = worker.snapshot();
        let mut bound = Bound::new();
        let mut changed = Vec::new();
        for port in snapshot.ports() {
            if let Some(open) = self.open.get(&port.number) {
                if open.protocol != port.protocol {
                    changed.push(port.number);
                }
                bound.insert(port.number, Ok(open.addresses.clone()));
                continue;
            }
            let opened = match refused.get(&port.number) {
                Some(why) => Err(why.clone()),
                None => self.open(port.number, port.protocol, worker),
            };
            bound.insert(port.number, opened);
        }
        worker.connections.close(|port| changed.contains(&port) || snapshot.port(port).is_none());
        self.close(|port| snapshot.port(port).is_some()).await;
        for number in changed {
            if let (Some(open), Some(port)) = (self.open.get_mut(&number), snapshot.port(number)) {
                open.protocol = port.protocol;
            }
        }
        bound
    }

    fn open(
        &mut self,
        number: u16,
        protocol: PortProtocol,
        worker: &Rc<Worker>,
    ) -> Result<Vec<std::net::SocketAddr>, String> {
        let addresses = self.binding.addresses(number)?;
        let listeners: Vec<_> = addresses
            .iter()
            .map(|address| bind(*address).map_err(|error| format!("cannot listen on {address}: {error}")))
            .collect::<Result<_, _>>()?;
        let accepting =
            listeners.into_iter().map(|listener| Accepting::start(listener, number, worker.clone())).collect();
        self.open.insert(number, Open { protocol, addresses: addresses.clone(), accepting });
        Ok(addresses)
    }

    /// Closes the others' sockets, and returns when they are closed: whoever binds one of these ports next finds it free.
    async fn close(&mut self, keep: impl Fn(u16) -> bool) {
        let closing: Vec<_> = self.open.extract_if(|number, _| !keep(*number)).collect();
        for accepting in closing.into_iter().flat_map(|(_, open)| open.accepting) {
            accepting.close().await;
        }
    }
}
