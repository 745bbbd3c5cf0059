//! From a listening socket to a connection that speaks HTTP.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{Connection, Watch, Worker};
use crate::downstream;
use crate::message::Scheme;
use crate::observe::Event;
use crate::tls;

/// How long accepting rests when the process or machine has no more descriptors or memory (HARDENING F23).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A listening socket, and the task that accepts from it.
pub(super) struct Accepting {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Accepting {
    pub(super) fn start(listener: TcpListener, port: u16, worker: Rc<Worker>) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self { stop, task: tokio::task::spawn_local(accept(listener, port, worker, stopped)) }
    }

    /// Closes the socket, and returns when it is closed. Connections that the kernel has made by then are served.
    pub(super) async fn close(self) {
        // It is gone when the task is.
        let _ = self.stop.send(());
        if let Err(error) = self.task.await {
            tracing::error!(%error, "accepting connections had ended");
        }
    }
}

/// Accepts connections until it is told to stop.
async fn accept(listener: TcpListener, port: u16, worker: Rc<Worker>, mut stopped: oneshot::Receiver<()>) {
    loop {
        let accepted = tokio::select! {
            biased;
            _ = &mut stopped => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, client)) => begin(stream, client, port, &worker),
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                tracing::warn!(port, %error, "cannot accept connections; resting");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    if let Err(error) = empty(listener, port, &worker) {
        tracing::debug!(port, %error, "cannot accept the last connections");
    }
}

/// Accepts what waits in the socket's queue, then closes it: the kernel would reset those connections, whose clients
/// may have sent their requests already.
fn empty(listener: TcpListener, port: u16, worker: &Rc<Worker>) -> std::io::Result<()> {
    // The kernel itself is asked, which knows more than the event loop has heard of.
    let listener = listener.into_std()?;
    loop {
        match listener.accept() {
            Ok((stream, client)) => {
                stream.set_nonblocking(true)?;
                begin(TcpStream::from_std(stream)?, client, port, worker);
            }
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Starts the task of a connection, if there is a place for it.
fn begin(stream: TcpStream, client: SocketAddr, port: u16, worker: &Rc<Worker>) {
    let Some(place) = Place::take(worker) else { return };
    // Without it a response waits for the acknowledgement of the one before; worse, not wrong.
    let _ = stream.set_nodelay(true);
    let worker = worker.clone();
    let task = async move {
        let watch = Watch::new(&place.0, "connection");
        serve(stream, client, port, worker).await;
        drop(watch);
        drop(place);
    };
    tokio::task::spawn_local(task);
}

/// Whether the error is one connection's, which ended before it was accepted.
fn is_of_the_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// A place among the connections of the process, given back when dropped.
struct Place(Rc<Worker>);

impl Place {
    fn take(worker: &Rc<Worker>) -> Option<Self> {
        if worker.connections_open.fetch_add(1, Ordering::Relaxed) >= worker.limits.connections_max {
            worker.connections_open.fetch_sub(1, Ordering::Relaxed);
            worker.recorder.count(Event::ConnectionRefused);
            return None;
        }
        worker.connections_here.set(worker.connections_here.get() + 1);
        worker.recorder.count(Event::ConnectionOpened);
        Some(Self(worker.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.connections_open.fetch_sub(1, Ordering::Relaxed);
        self.0.connections_here.set(self.0.connections_here.get() - 1);
        self.0.recorder.count(Event::ConnectionClosed);
    }
}

async fn serve(stream: TcpStream, client: SocketAddr, port: u16, worker: Rc<Worker>) {
    let snapshot = worker.snapshot();
    let Some(tls) = snapshot.port(port).map(|port| port.tls.clone()) else { return };
    drop(snapshot);
    // Boxed, each: what idles most, a plaintext HTTP/1.1 connection, must not hold room for the others.
    if let Some(acceptor) = tls {
        return Box::pin(serve_tls(acceptor, stream, client, port, worker)).await;
    }
    let connection = worker.connections.add(&worker, Connection::new(client, port, Scheme::Http, None));
    // HTTP/1.1 and HTTP/2 share a plaintext port: the first bytes decide (RFC 9113 §3.3).
    if let Some((stream, preface)) = downstream::h1::serve(stream, &connection, &worker, true).await {
        Box::pin(downstream::h2::serve(stream, preface, connection, worker)).await;
    }
}

async fn serve_tls(acceptor: Arc<tls::Acceptor>, stream: TcpStream, client: SocketAddr, port: u16, worker: Rc<Worker>) {
    let began = Instant::now();
    let secured = match Box::pin(acceptor.accept(stream, worker.limits.tls_handshake_timeout)).await {
        Ok(secured) => secured,
        Err(error) => {
            worker.recorder.count(Event::HandshakeFailed);
            tracing::debug!(%client, port, %error, "TLS handshake failed");
            return;
        }
    };
    drop(acceptor);
    let mut connection = Connection::new(client, port, Scheme::Https, secured.sni);
    connection.began = began;
    connection.client_trust = secured.client;
    let connection = worker.connections.add(&worker, connection);
    if secured.is_h2 {
        Box::pin(downstream::h2::serve(secured.stream, Vec::new(), connection, worker)).await;
    } else {
        downstream::h1::serve(secured.stream, &connection, &worker, false).await;
    }
}

#[cfg(test)]
mod tests;
