//! The connections of one worker to one endpoint: as few as have room for all streams.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::rc::Rc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;

use super::connection::{Connection, Place};
use crate::failure::{Failure, What};
use crate::limits::Limits;

/// Multiplexed connections, opened when there is no room on those that are open.
#[derive(Default)]
pub(crate) struct Pool {
    open: RefCell<Vec<Rc<Connection>>>,
    /// Somebody is connecting: others wait for that connection instead of opening one each.
    opening: Cell<bool>,
    /// How often connecting failed so far: who waits for a connection that fails, fails with it.
    failed: Cell<u32>,
    opened: Notify,
}

impl Pool {
    /// Takes a place on a connection that is open, and has room.
    pub(crate) fn take(&self) -> Option<Place> {
        let mut open = self.open.borrow_mut();
        open.retain(|connection| !connection.is_closed());
        open.iter().find(|connection| connection.has_room()).map(Place::take)
    }

    /// Returns a place, on a new connection if need be, and whether the connection was there before.
    ///
    /// # Errors
    /// [`What::ConnectFailed`] with what `connect` said.
    pub(crate) async fn acquire<IO, F>(
        &self,
        connect: impl FnOnce() -> F,
        limits: &Limits,
    ) -> Result<(Place, bool), Failure>
    where
        IO: AsyncRead + AsyncWrite + Unpin + 'static,
        F: Future<Output = io::Result<IO>>,
    {
        loop {
            if let Some(place) = self.take() {
                return Ok((place, true));
            }
            if !self.opening.get() {
                break;
            }
            let failed = self.failed.get();
            self.opened.notified().await;
            if self.failed.get() != failed {
                return Err(Failure::because(What::ConnectFailed, io::ErrorKind::ConnectionRefused.into()));
            }
        }
        let _opening = Opening::new(self);
        let connected = async { Connection::open(connect().await?, limits).await };
        match connected.await {
            Ok(connection) => {
                let place = Place::take(&connection);
                self.open.borrow_mut().push(connection);
                Ok((place, false))
            }
            Err(error) => {
                self.failed.set(self.failed.get().wrapping_add(1));
                Err(Failure::because(What::ConnectFailed, error))
            }
        }
    }

    /// Lets no more streams begin; those under way go on.
    pub(crate) fn close(&self) {
        for connection in self.open.take() {
            connection.close();
        }
    }
}

/// Held while connecting, also by one who gives up on the way.
struct Opening<'a>(&'a Pool);

impl<'a> Opening<'a> {
    fn new(pool: &'a Pool) -> Self {
        pool.opening.set(true);
        Self(pool)
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.0.opening.set(false);
        self.0.opened.notify_waiters();
    }
}
