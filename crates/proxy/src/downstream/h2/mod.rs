//! HTTP/2 towards clients (RFC 9113, RFC 8441): one task per connection, and one per stream that is under way.
//!
//! The connection's task drives the codec, admits streams, watches floods and time, and says goodbye. What a request
//! means is the exchange's: here nothing knows routes or backends.

mod block;
mod lane;
mod meter;
mod request;
mod stream;
mod task;
mod transport;

#[cfg(test)]
mod tests;

use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::edge::Strict;
use crate::exchange;
use crate::limits::Limits;
use crate::message::{Refused, RequestHead, Scheme};
use crate::watchdog::Watchdog;
use crate::worker::{Connection, Watch, Worker};
use stream::Stream;

/// Serves one connection until it ends. `prefix` is what was read of it before.
pub(crate) async fn serve<IO>(io: IO, prefix: Vec<u8>, connection: Rc<Connection>, worker: Rc<Worker>)
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let settings = Settings { limits: worker.limits.clone(), began: connection.began, scheme: connection.scheme };
    let closing = {
        let connection = connection.clone();
        poll_fn(move |cx| {
            if connection.is_closing() {
                return Poll::Ready(());
            }
            connection.wake_on_close(cx.waker());
            Poll::Pending
        })
    };
    task::serve(io, prefix, settings, Rc::new(Exchanges { connection, worker }), closing).await;
}

/// What a connection needs to know besides its bytes.
struct Settings {
    limits: Arc<Limits>,
    /// When the connection was accepted.
    began: Instant,
    /// Of the client's connection.
    scheme: Scheme,
}

/// What answers requests.
trait Handler: 'static {
    /// Answers one request; `watchdog` is for its deadlines, and may stand at any. A head that is wrong is answered like any other failure.
    fn handle(
        &self,
        head: Result<Box<RequestHead>, Refused>,
        stream: Stream,
        watchdog: &mut Watchdog,
    ) -> impl Future<Output = ()>;

    /// Returns a cleared head to read a request into.
    fn new_head(&self) -> Box<RequestHead>;

    /// Returns how strictly the next request is read.
    fn strict(&self) -> Strict;

    /// Whether a connection is to end with the streams that it has.
    fn is_draining(&self) -> bool;
}

/// Answers requests by the Plan.
struct Exchanges {
    connection: Rc<Connection>,
    worker: Rc<Worker>,
}

impl Handler for Exchanges {
    async fn handle(&self, head: Result<Box<RequestHead>, Refused>, mut stream: Stream, watchdog: &mut Watchdog) {
        let Self { connection, worker } = self;
        let _watch = Watch::new(worker, "stream");
        match head {
            Ok(mut head) => {
                // Dropping the stream resets it, if its answer is not whole.
                _ = exchange::serve(worker, connection, &mut stream, &mut head, watchdog).await;
                worker.request_heads.give(head);
            }
            Err(refused) => {
                exchange::refuse(worker, connection, &mut stream, &refused, watchdog).await;
                worker.request_heads.give(refused.head);
            }
        }
    }

    fn new_head(&self) -> Box<RequestHead> {
        let mut head = self.worker.request_heads.take();
        head.clear();
        head
    }

    fn strict(&self) -> Strict {
        self.worker.strict(self.connection.port)
    }

    fn is_draining(&self) -> bool {
        self.worker.is_draining()
    }
}
