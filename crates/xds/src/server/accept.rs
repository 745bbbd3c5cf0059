//! From a listening socket to secure connections, each in a place of its own.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    time::sleep,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::transport::server::Connected;

use super::{
    Identity,
    place::{Claim, Place, Places, Waited},
};

/// Rest after an error of the listener, which is mostly want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Returns the connections that come in on `listener`, find a place and end their handshake. It stops when it is dropped.
pub(super) fn accept(
    listener: TcpListener,
    identity: watch::Receiver<Identity>,
) -> impl Stream<Item = io::Result<Connection<TlsStream<TcpStream>>>> {
    let (ready, connections) = mpsc::channel(16);
    tokio::spawn(async move {
        let places = Places::default();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = ready.closed() => return,
            };
            let Ok((socket, address)) = accepted else {
                sleep(ACCEPT_PAUSE).await;
                continue;
            };
            // Without a place it is closed here: a client tries again later.
            let Some(place) = places.enter(address.ip()) else { continue };
            let acceptor = TlsAcceptor::from(identity.borrow().config.clone());
            let ready = ready.clone();
            tokio::spawn(async move {
                // Acknowledgements are small and wanted at once.
                let _ = socket.set_nodelay(true);
                if let Some(connection) = secure(socket, &acceptor, place).await {
                    // The server stops when nobody takes it.
                    _ = ready.send(Ok(connection)).await;
                }
            });
        }
    });
    ReceiverStream::new(connections)
}

/// Ends the handshake, if it ends in time.
async fn secure<S>(socket: S, acceptor: &TlsAcceptor, place: Place) -> Option<Connection<TlsStream<S>>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    tokio::select! {
        stream = acceptor.accept(socket) => match stream {
            Ok(stream) => return Some(Connection::new(stream, place)),
            Err(error) => tracing::debug!(%error, "a handshake failed"),
        },
        _ = place.waited() => tracing::debug!("a handshake took too long"),
    }
    None
}

/// A connection in its place. It fails when its time is over and no token was accepted.
pub(super) struct Connection<S> {
    stream: S,
    place: Place,
    /// Until it is admitted.
    waiting: Option<Pin<Box<dyn Future<Output = Waited> + Send>>>,
}

impl<S> Connection<S> {
    pub(super) fn new(stream: S, place: Place) -> Self {
        let waiting: Pin<Box<dyn Future<Output = Waited> + Send>> = Box::pin(place.waited());
        Self { stream, place, waiting: Some(waiting) }
    }

    /// Fails when the connection must end. Reads and writes both ask, because a server that cannot write does not read.
    fn may_go_on(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let waited = self.waiting.as_mut().map(|waiting| waiting.as_mut().poll(cx));
        match waited {
            None | Some(Poll::Pending) => Ok(()),
            Some(Poll::Ready(Waited::Admitted)) => {
                self.waiting = None;
                Ok(())
            }
            Some(Poll::Ready(Waited::Over)) => {
                // It is polled no more: a second failure is as good.
                self.waiting = Some(Box::pin(std::future::ready(Waited::Over)));
                Err(io::ErrorKind::TimedOut.into())
            }
        }
    }
}

impl<S> Connected for Connection<S> {
    type ConnectInfo = Arc<Claim>;

    fn connect_info(&self) -> Arc<Claim> {
        self.place.claim()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.may_go_on(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.may_go_on(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.may_go_on(cx)?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.may_go_on(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
