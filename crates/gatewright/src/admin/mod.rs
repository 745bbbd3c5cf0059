//! The admin listener: health, metrics, the compiled Plan and status, for whoever is on this machine.
//!
//! A GET-only HTTP/1.1 server of its own thread, apart from the traffic it tells about: one request per connection, few
//! at a time. It changes nothing and shows no key.

mod http;
#[cfg(test)]
mod tests;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use gatewright_core::plan::Plan;
use prometheus_client::{encoding::text, registry::Registry};

use crate::report::StatusReport;

/// Requests answered at once. A probe, a scrape and a person are three.
const REQUESTS_MAX: usize = 16;

/// How long a client may take to send its request, or to take an answer.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(5);

/// What the process is doing now, as far as it is shown.
#[derive(Debug, Default)]
pub(crate) struct Now {
    /// The Plan in force; none before the first.
    pub(crate) plan: Option<Arc<Plan>>,
    pub(crate) is_draining: bool,
    /// What is in force lacks something that may come any moment.
    pub(crate) is_waiting: bool,
}

/// Who gets what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Everybody who reaches the address gets everything.
    Everybody,
    /// Other machines get health and metrics; the rest is for whoever is on this one.
    LocalBeyondHealth,
}

/// What the listener's threads share with the rest of the process.
pub(crate) struct Admin {
    now: RwLock<Now>,
    metrics: Registry,
    audience: Audience,
    /// Makes a report when somebody asks: it is too much to make for every change.
    report: Box<dyn Fn() -> StatusReport + Send + Sync>,
    /// Requests that are being answered.
    requests: AtomicUsize,
}

impl Admin {
    pub(crate) fn new(
        metrics: Registry,
        audience: Audience,
        report: impl Fn() -> StatusReport + Send + Sync + 'static,
    ) -> Self {
        Self { now: RwLock::default(), metrics, audience, report: Box::new(report), requests: AtomicUsize::new(0) }
    }

    /// Changes what is shown.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Now)) {
        change(&mut self.now.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn answer(&self, path: &str, is_local: bool) -> Answer {
        let is_for_all = matches!(path, "/healthz" | "/readyz" | "/metrics");
        if self.audience == Audience::LocalBeyondHealth && !is_local && !is_for_all {
            return Answer::text(403, "this is told on the machine itself alone\n");
        }
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        match path {
            "/" => Answer::text(200, INDEX),
            "/healthz" => Answer::text(200, "ok\n"),
            "/readyz" if now.is_draining => Answer::text(503, "draining\n"),
            "/readyz" if now.plan.is_none() => Answer::text(503, "no Plan is in force yet\n"),
            "/readyz" if now.is_waiting => Answer::text(503, "waiting for the controller to send TLS keys\n"),
            "/readyz" => Answer::text(200, "ok\n"),
            "/metrics" => {
                drop(now);
                let mut body = String::new();
                match text::encode(&mut body, &self.metrics) {
                    Ok(()) => Answer { status: 200, content_type: OPEN_METRICS, body },
                    Err(_) => Answer::text(500, "a metric cannot be written\n"),
                }
            }
            "/plan" => match now.plan.clone() {
                Some(plan) => {
                    drop(now);
                    Answer::json(&*plan)
                }
                None => Answer::text(503, "no Plan is in force yet\n"),
            },
            "/status" => {
                drop(now);
                Answer::json(&(self.report)())
            }
            _ => Answer::text(404, INDEX),
        }
    }
}

const INDEX: &str = "/healthz  the process lives
/readyz   a Plan is in force
/metrics  for Prometheus
/plan     what the proxy executes, as JSON
/status   what became of each object, as JSON
";

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

struct Answer {
    status: u16,
    content_type: &'static str,
    body: String,
}

impl Answer {
    fn text(status: u16, body: &str) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: body.to_owned() }
    }

    fn json(value: &impl serde::Serialize) -> Self {
        match serde_json::to_string_pretty(value) {
            Ok(body) => Self { status: 200, content_type: "application/json", body: body + "\n" },
            Err(error) => Self::text(500, &format!("{error}\n")),
        }
    }
}

/// Listens on `address`, answers in the background, and returns where it listens.
///
/// # Errors
/// When the address cannot be bound.
pub(crate) fn start(admin: Arc<Admin>, address: SocketAddr) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).or_else(|error| match address {
        // Both families are meant; this machine may have one.
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => TcpListener::bind((Ipv4Addr::UNSPECIFIED, v6.port())),
        SocketAddr::V6(_) | SocketAddr::V4(_) => Err(error),
    })?;
    let bound = listener.local_addr()?;
    thread::Builder::new().name("admin".into()).spawn(move || accept(&admin, &listener))?;
    Ok(bound)
}

fn accept(admin: &Arc<Admin>, listener: &TcpListener) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else {
            // Out of descriptors, most likely: others may close theirs meanwhile.
            thread::sleep(Duration::from_millis(100));
            continue;
        };
        if admin.requests.fetch_add(1, Ordering::Relaxed) >= REQUESTS_MAX {
            admin.requests.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let guard = Leave(admin.clone());
        let spawned = thread::Builder::new().name("admin-request".into()).spawn(move || {
            if let Err(error) = serve(&guard.0, &stream) {
                tracing::debug!(%error, "admin request");
            }
        });
        if let Err(error) = spawned {
            tracing::warn!(%error, "cannot answer an admin request");
        }
    }
}

/// Counts a request out when it is done, or could not be begun.
struct Leave(Arc<Admin>);

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

fn serve(admin: &Admin, stream: &TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(CLIENT_TIMEOUT))?;
    stream.set_write_timeout(Some(CLIENT_TIMEOUT))?;
    let is_local = stream.peer_addr()?.ip().to_canonical().is_loopback();
    let (answer, has_body) = match http::read(stream)? {
        Ok(request) => (admin.answer(&request.path, is_local), request.wants_body),
        Err(refusal) => (Answer::text(refusal.status, refusal.message), true),
    };
    http::write(stream, &answer, has_body)
}
