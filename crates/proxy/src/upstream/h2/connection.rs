//! One connection to a backend, and the task that drives it.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{self, SendRequest};
use h2::{Ping, PingPong};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::fair::Fair;
use crate::http2::DATA_OVERHEAD_BYTES_MAX;
use crate::limits::Limits;
use crate::watchdog::Watchdog;

/// How often a connection with streams asks its backend whether it is still there; no answer by the next time means
/// that it is not. Above the 10 s that strict servers allow, below a minute's patience of clients.
const PING_EVERY: Duration = Duration::from_secs(20);
/// Bytes that one stream may have waiting in the codec.
const SEND_BUFFER_BYTES_MAX: usize = 64 * 1024;

/// A connection as its streams see it.
pub(super) struct Connection {
    /// `None` once no more streams may begin: the codec says goodbye when the last one has ended.
    sender: RefCell<Option<SendRequest<Bytes>>>,
    streams: Cell<u32>,
    idle_since: Cell<Instant>,
    /// The backend's SETTINGS are known, and with them whether it takes extended CONNECT.
    settled: Cell<bool>,
    settling: Notify,
}

impl Connection {
    /// Says hello on `io`, and has the connection driven by a task of its own.
    ///
    /// # Errors
    /// When `io` fails.
    pub(super) async fn open<IO>(io: IO, limits: &Limits) -> io::Result<Rc<Self>>
    where
        IO: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let mut builder = client::Builder::new();
        builder
            .enable_push(false)
            .initial_window_size(limits.stream_window_bytes)
            .initial_connection_window_size(limits.connection_window_bytes)
            .data_frame_budget(DATA_OVERHEAD_BYTES_MAX)
            .max_header_list_size(limits.head_bytes_max as u32)
            .max_send_buffer_size(SEND_BUFFER_BYTES_MAX)
            .initial_max_send_streams(limits.streams_max as usize)
            .max_local_error_reset_streams(Some(limits.resets_max));
        let (sender, mut codec) = builder.handshake(Fair::new(io)).await.map_err(io::Error::other)?;
        let connection = Rc::new(Self {
            sender: RefCell::new(Some(sender)),
            streams: Cell::new(0),
            idle_since: Cell::new(Instant::now()),
            settled: Cell::new(false),
            settling: Notify::new(),
        });
        let heartbeat = codec.ping_pong().map(|pings| Heartbeat::new(pings, limits.pool_idle_timeout));
        tokio::task::spawn_local(drive(codec, connection.clone(), heartbeat));
        Ok(connection)
    }

    /// Whether a stream may begin now, by the backend's own limit.
    pub(super) fn has_room(&self) -> bool {
        let sender = self.sender.borrow();
        sender.as_ref().is_some_and(|sender| (self.streams.get() as usize) < sender.current_max_send_streams())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.sender.borrow().is_none()
    }

    /// Lets no more streams begin.
    pub(super) fn close(&self) {
        self.sender.take();
        self.settling.notify_waiters();
    }

    /// Waits until the backend's SETTINGS are known, or the connection is closed.
    pub(super) async fn settle(&self) {
        while !self.settled.get() && !self.is_closed() {
            self.settling.notified().await;
        }
    }

    /// Begins a stream, if the connection still can.
    pub(super) fn with_sender<T>(&self, begin: impl FnOnce(&mut SendRequest<Bytes>) -> T) -> Option<T> {
        self.sender.borrow_mut().as_mut().map(begin)
    }

    fn settled(&self) {
        self.settled.set(true);
        self.settling.notify_waiters();
    }
}

/// A place for one stream on a connection, given back when dropped.
pub(crate) struct Place(Rc<Connection>);

impl Place {
    pub(super) fn take(connection: &Rc<Connection>) -> Self {
        connection.streams.set(connection.streams.get() + 1);
        Self(connection.clone())
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let left = self.0.streams.get() - 1;
        self.0.streams.set(left);
        if left == 0 {
            self.0.idle_since.set(Instant::now());
        }
    }
}

/// Drives the codec until the connection ends. Ended here, by a heartbeat that stops, it fails its streams.
async fn drive<IO>(
    mut codec: client::Connection<Fair<IO>, Bytes>,
    connection: Rc<Connection>,
    mut heartbeat: Option<Heartbeat>,
) where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    poll_fn(|cx| {
        if Pin::new(&mut codec).poll(cx).is_ready() {
            return Poll::Ready(());
        }
        match &mut heartbeat {
            Some(heartbeat) => heartbeat.poll(cx, &connection),
            None => Poll::Pending,
        }
    })
    .await;
    connection.close();
}

/// Notices dead and idle connections, with one timer.
struct Heartbeat {
    pings: PingPong,
    watchdog: Watchdog,
    /// A PING is on its way.
    waiting: bool,
    idle_timeout: Duration,
}

impl Heartbeat {
    fn new(mut pings: PingPong, idle_timeout: Duration) -> Self {
        // The first one tells when the backend's SETTINGS, which come before all else, are here.
        let waiting = pings.send_ping(Ping::opaque()).is_ok();
        Self { pings, watchdog: Watchdog::new(Instant::now() + PING_EVERY), waiting, idle_timeout }
    }

    /// Ready when the backend is gone.
    fn poll(&mut self, cx: &mut Context<'_>, connection: &Connection) -> Poll<()> {
        while self.waiting {
            match self.pings.poll_pong(cx) {
                Poll::Pending => break,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(_)) => {
                    self.waiting = false;
                    connection.settled();
                }
            }
        }
        while self.watchdog.poll(cx).is_ready() {
            if self.waiting {
                return Poll::Ready(());
            }
            if connection.streams.get() > 0 {
                self.waiting = self.pings.send_ping(Ping::opaque()).is_ok();
                // Registers for the answer.
                if self.waiting && self.pings.poll_pong(cx).is_ready() {
                    self.waiting = false;
                }
            } else if connection.idle_since.get().elapsed() >= self.idle_timeout {
                connection.close();
            }
            self.watchdog.set_in(PING_EVERY);
        }
        Poll::Pending
    }
}
