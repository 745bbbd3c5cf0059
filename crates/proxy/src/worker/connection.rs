//! A client's connection as its worker keeps track of it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::Waker;

use tokio::time::Instant;

use crate::message::Scheme;
use crate::tls::ClientTrust;

/// The open connections of a worker, so that it can ask them to end.
#[derive(Default)]
pub(crate) struct Connections {
    open: RefCell<HashMap<u64, Weak<Connection>, foldhash::fast::RandomState>>,
    next: Cell<u64>,
}

impl Connections {
    pub(crate) fn add(&self, worker: &Rc<super::Worker>, mut connection: Connection) -> Rc<Connection> {
        let id = self.next.replace(self.next.get() + 1);
        connection.entry = Some((worker.clone(), id));
        connection.is_trusted = worker.edge.trusts(connection.client.ip());
        // Too late to be asked with the others.
        connection.closing.set(matches!(worker.phase.get(), super::Phase::Draining | super::Phase::Parting(_)));
        let connection = Rc::new(connection);
        self.open.borrow_mut().insert(id, Rc::downgrade(&connection));
        connection
    }

    /// Asks the connections on the ports that `chosen` names to end once nothing is under way on them.
    pub(crate) fn close(&self, chosen: impl Fn(u16) -> bool) {
        let open: Vec<_> = self.open.borrow().values().filter_map(Weak::upgrade).collect();
        for connection in open.iter().filter(|connection| chosen(connection.port)) {
            connection.close();
        }
    }
}

/// What is true of a connection for as long as it lasts.
pub(crate) struct Connection {
    pub(crate) client: SocketAddr,
    /// When it was accepted.
    pub(crate) began: Instant,
    /// `client`'s address as text: what X-Forwarded-For says.
    pub(crate) client_text: String,
    /// The listener's port as the Plan names it.
    pub(crate) port: u16,
    pub(crate) scheme: Scheme,
    /// Of the TLS handshake, lower-case.
    pub(crate) sni: Option<Arc<str>>,
    /// Who vouched for the client in the TLS handshake.
    pub(crate) client_trust: Option<ClientTrust>,
    /// The client is a proxy whose word on the hops before it is believed.
    pub(crate) is_trusted: bool,
    closing: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    entry: Option<(Rc<super::Worker>, u64)>,
}

impl Connection {
    pub(crate) fn new(client: SocketAddr, port: u16, scheme: Scheme, sni: Option<Arc<str>>) -> Self {
        Self {
            client,
            began: Instant::now(),
            client_text: client.ip().to_canonical().to_string(),
            port,
            scheme,
            sni,
            client_trust: None,
            is_trusted: false,
            closing: Cell::new(false),
            waker: RefCell::new(None),
            entry: None,
        }
    }

    /// Asks this connection to end once nothing is under way on it.
    pub(crate) fn close(&self) {
        self.closing.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Whether this connection should end once nothing is under way on it.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.get()
    }

    /// Has `waker` woken when [`Self::is_closing`] becomes true.
    pub(crate) fn wake_on_close(&self, waker: &Waker) {
        let mut kept = self.waker.borrow_mut();
        if !kept.as_ref().is_some_and(|kept| kept.will_wake(waker)) {
            *kept = Some(waker.clone());
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some((worker, id)) = &self.entry {
            worker.connections.open.borrow_mut().remove(id);
        }
    }
}
