//! A network of a test's own, so that time may stand still: addresses lead to pipes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;

use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;

/// Bytes that a pipe holds in each direction: little enough that a side which does not read is felt.
const PIPE_BYTES: usize = 16 * 1024;

thread_local! {
    static LISTENERS: RefCell<HashMap<SocketAddr, mpsc::UnboundedSender<DuplexStream>>> = RefCell::default();
}

/// Listens at `address`. From then on this thread has no other network, and an address without a listener refuses.
pub(crate) fn listen(address: SocketAddr) -> mpsc::UnboundedReceiver<DuplexStream> {
    let (sender, receiver) = mpsc::unbounded_channel();
    LISTENERS.with_borrow_mut(|listeners| listeners.insert(address, sender));
    receiver
}

/// Connects; `None` on a thread that has the real network.
pub(super) fn connect(address: SocketAddr) -> Option<io::Result<DuplexStream>> {
    LISTENERS.with_borrow(|listeners| {
        if listeners.is_empty() {
            return None;
        }
        let (ours, theirs) = duplex(PIPE_BYTES);
        let accepted = listeners.get(&address).is_some_and(|listener| listener.send(theirs).is_ok());
        Some(if accepted { Ok(ours) } else { Err(io::ErrorKind::ConnectionRefused.into()) })
    })
}
