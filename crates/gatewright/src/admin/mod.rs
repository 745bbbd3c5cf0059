//! The admin listener: health, metrics, and what else a process shows to whoever is on its machine.
//!
//! A GET-only HTTP/1.1 server of its own thread, apart from the work it tells about: one request per connection, few
//! at a time. It changes nothing and shows no key.

mod data_plane;
mod http;
#[cfg(test)]
mod tests;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use prometheus_client::{encoding::text, registry::Registry};

pub(crate) use self::data_plane::DataPlane;

/// Requests answered at once. A probe, a scrape and a person are three.
const REQUESTS_MAX: usize = 16;

/// How long a client may take to send its request, or to take an answer.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(5);

/// What a process shows beside its metrics.
pub(crate) trait Show: Send + Sync + 'static {
    /// What there is to see, line by line.
    const INDEX: &'static str;

    /// Returns why nobody should count on the process now, if so.
    fn unready(&self) -> Option<&'static str>;

    /// Returns a page of its own.
    fn page(&self, path: &str) -> Option<Answer>;
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
pub(crate) struct Admin<S = DataPlane> {
    pub(crate) shown: S,
    metrics: Registry,
    audience: Audience,
    /// Requests that are being answered.
    requests: AtomicUsize,
}

impl<S: Show> Admin<S> {
    pub(crate) fn new(metrics: Registry, audience: Audience, shown: S) -> Self {
        Self { shown, metrics, audience, requests: AtomicUsize::new(0) }
    }

    fn answer(&self, path: &str, is_local: bool) -> Answer {
        let is_for_all = matches!(path, "/healthz" | "/readyz" | "/metrics");
        if self.audience == Audience::LocalBeyondHealth && !is_local && !is_for_all {
            return Answer::text(403, "this is told on the machine itself alone\n");
        }
        match path {
            "/" => Answer::text(200, S::INDEX),
            "/healthz" => Answer::text(200, "ok\n"),
            "/readyz" => match self.shown.unready() {
                Some(why) => Answer::text(503, why),
                None => Answer::text(200, "ok\n"),
            },
            "/metrics" => self.metrics(),
            path => self.shown.page(path).unwrap_or_else(|| Answer::text(404, S::INDEX)),
        }
    }

    fn metrics(&self) -> Answer {
        let mut body = String::new();
        match text::encode(&mut body, &self.metrics) {
            Ok(()) => Answer { status: 200, content_type: OPEN_METRICS, body },
            Err(_) => Answer::text(500, "a metric cannot be written\n"),
        }
    }
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(crate) struct Answer {
    status: u16,
    content_type: &'static str,
    body: String,
}

impl Answer {
    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: body.to_owned() }
    }

    pub(crate) fn json(value: &impl serde::Serialize) -> Self {
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
pub(crate) fn start<S: Show>(admin: Arc<Admin<S>>, address: SocketAddr) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).or_else(|error| match address {
        // Both families are meant; this machine may have one.
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => TcpListener::bind((Ipv4Addr::UNSPECIFIED, v6.port())),
        SocketAddr::V6(_) | SocketAddr::V4(_) => Err(error),
    })?;
    let bound = listener.local_addr()?;
    thread::Builder::new().name("admin".into()).spawn(move || accept(&admin, &listener))?;
    Ok(bound)
}

fn accept<S: Show>(admin: &Arc<Admin<S>>, listener: &TcpListener) {
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
struct Leave<S>(Arc<Admin<S>>);

impl<S> Drop for Leave<S> {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

fn serve<S: Show>(admin: &Admin<S>, stream: &TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(CLIENT_TIMEOUT))?;
    stream.set_write_timeout(Some(CLIENT_TIMEOUT))?;
    let is_local = stream.peer_addr()?.ip().to_canonical().is_loopback();
    let (answer, has_body) = match http::read(stream)? {
        Ok(request) => (admin.answer(&request.path, is_local), request.wants_body),
        Err(refusal) => (Answer::text(refusal.status, refusal.message), true),
    };
    http::write(stream, &answer, has_body)
}
