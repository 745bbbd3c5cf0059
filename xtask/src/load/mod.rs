//! A load: a constant rate, whatever the answers do, over every protocol at once. Knows nothing of what goes on meanwhile.

mod grpc;
mod http1;
mod http2;
mod long;
mod tally;
mod websocket;

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context, Result};
use rustls::ClientConfig;
use tokio::{
    net::TcpStream,
    time::{self, Instant},
};

pub(crate) use tally::{Count, Counts, Tally, Via};

/// A request that is not answered by then has failed.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long requests and calls take that are meant to outlive what happens to their gateway.
const LASTS: Duration = Duration::from_secs(3);
/// Connections of each kind that have one such under way.
const LASTING: u32 = 4;

/// What is asked for in turn: paths that several rules serve, whatever their order.
const PATHS: [&str; 3] = ["/load", "/load/first", "/probe"];

/// What all tasks of the load share.
#[derive(Clone)]
struct Job {
    target: Target,
    tls: Arc<ClientConfig>,
    tally: Arc<Tally>,
    stop: Arc<AtomicBool>,
}

/// The gateway that is asked: its listeners, and the host that its routes and certificates are for.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(crate) address: IpAddr,
    pub(crate) http: u16,
    pub(crate) https: u16,
    pub(crate) host: &'static str,
    /// Whether gateways may go meanwhile: then a WebSocket may be told to go elsewhere.
    pub(crate) may_go: bool,
    /// Whether there are requests and gRPC calls that last, too; the host needs a GRPCRoute for them.
    pub(crate) lasts: bool,
}

/// A running load.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// How many connections of a kind share how many requests per second.
struct Share {
    via: Via,
    connections: u32,
    per_second: f64,
}

/// Starts about `per_second` requests per second.
pub(crate) fn start(target: Target, tls: Arc<ClientConfig>, tally: Arc<Tally>, per_second: f64) -> Result<Load> {
    let stop = Arc::new(AtomicBool::new(false));
    let job = Job { target, tls, tally, stop: stop.clone() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = thread::spawn(move || runtime.block_on(run(&job, per_second)));
    Ok(Load { stop, thread })
}

impl Load {
    /// Whether its thread still runs: a load that broke makes no more requests.
    pub(crate) fn is_running(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Lets what was asked be answered.
    pub(crate) fn stop(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().ok().context("the load panicked")
    }
}

async fn run(job: &Job, per_second: f64) {
    let shares = [
        Share { via: Via::Http1, connections: 16, per_second: per_second * 0.45 },
        Share { via: Via::Http1Fresh, connections: 4, per_second: per_second * 0.05 },
        Share { via: Via::H2c, connections: 4, per_second: per_second * 0.25 },
        Share { via: Via::H2Tls, connections: 4, per_second: per_second * 0.2 },
        Share { via: Via::WebSocket, connections: 2, per_second: per_second * 0.05 },
    ];
    // These have a pace of their own.
    let lasting = [Via::Http1Long, Via::Grpc].map(|via| Share { via, connections: LASTING, per_second: 1.0 });
    let lasting = lasting.into_iter().filter(|_| job.target.lasts);
    let mut tasks = tokio::task::JoinSet::new();
    for Share { via, connections, per_second } in shares.into_iter().chain(lasting) {
        let period = Duration::from_secs_f64(f64::from(connections) / per_second);
        for _ in 0..connections {
            let job = job.clone();
            tasks.spawn(async move {
                match via {
                    Via::Http1 => http1::keep_asking(&job, period, false).await,
                    Via::Http1Fresh => http1::keep_asking(&job, period, true).await,
                    Via::H2c => http2::keep_asking(&job, period, false).await,
                    Via::H2Tls => http2::keep_asking(&job, period, true).await,
                    Via::WebSocket => websocket::keep_asking(&job, period).await,
                    Via::Http1Long => long::keep_asking(&job).await,
                    Via::Grpc => grpc::keep_calling(&job).await,
                }
            });
        }
    }
    tasks.join_all().await;
}

impl Job {
    async fn connect(&self, port: u16) -> Result<TcpStream> {
        let connection = TcpStream::connect((self.target.address, port)).await.context("connect")?;
        connection.set_nodelay(true)?;
        Ok(connection)
    }

    /// Counts what became of a request that was due at `due`.
    fn record(&self, via: Via, due: Instant, result: &Result<()>) {
        self.tally.record(via, due.elapsed(), result);
    }
}

/// When requests are due: the moments do not move when an answer is late.
struct Schedule {
    next: Instant,
    period: Duration,
}

impl Schedule {
    /// Connections start spread over one period, so that they do not ask in bursts.
    fn new(period: Duration) -> Self {
        Self { next: Instant::now() + period.mul_f64(fastrand::f64()), period }
    }

    /// Waits until the next request is due; `None` once the load ends.
    async fn wait(&mut self, job: &Job) -> Option<Instant> {
        let due = self.next;
        time::sleep_until(due).await;
        self.next += self.period;
        (!job.stop.load(Ordering::Relaxed)).then_some(due)
    }
}

async fn in_time<T>(answer: impl Future<Output = Result<T>>) -> Result<T> {
    time::timeout(ANSWER_TIMEOUT, answer).await.context("no answer in time")?
}
