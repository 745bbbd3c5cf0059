//! A proxy's end: gets a plane's resources, keeps getting them, and says what became of each snapshot.
//!
//! It remembers names and versions and never a body: what it hands over is the receiver's. Whatever goes wrong with a
//! connection is answered by the next one, which asks for what is missing.

mod dial;
mod session;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    time::sleep,
};

pub(crate) use self::dial::open;
pub use self::dial::{Connection, Dial, TlsDial, Trust};
use crate::{Resource, Version};

/// The first wait after a failure; it doubles from there, and each is drawn between nothing and itself, so that the
/// proxies of a controller that comes back do not all come at once.
const BACKOFF_FIRST: Duration = Duration::from_millis(200);
/// A controller that is back is found within this.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// What a client hands over, in this order: pieces of a snapshot, then that it is complete.
#[derive(Debug)]
pub enum Event {
    Piece {
        added: Vec<Resource>,
        removed: Vec<Arc<str>>,
    },
    /// Everything up to here is one consistent whole: it may be put in force now, and should be acknowledged.
    Complete(Version),
}

/// What became of a snapshot. A later one for the same version replaces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    pub version: Version,
    /// Resources that are not in force as sent, by name, and why.
    pub rejected: BTreeMap<String, String>,
}

/// One plane's client.
#[derive(Debug)]
pub struct Client<D> {
    pub dial: D,
    /// How this process is called in the controller's logs and metrics.
    pub node: String,
    /// What the receiver has already, from an earlier life.
    pub known: BTreeMap<Arc<str>, Version>,
    pub events: mpsc::Sender<Event>,
    pub acknowledgements: mpsc::Receiver<Acknowledgement>,
    /// Is told whether there is a connection that works.
    pub connected: watch::Sender<bool>,
}

impl<D: Dial> Client<D> {
    /// Runs until the receiver of its events is gone.
    pub async fn run(mut self) {
        let mut backoff = BACKOFF_FIRST;
        loop {
            let end = self.session().await;
            let was_connected = self.connected.send_replace(false);
            if self.events.is_closed() {
                return;
            }
            if was_connected {
                backoff = BACKOFF_FIRST;
            }
            let wait = backoff.mul_f64(fastrand::f64());
            tracing::warn!(
                reason = end.as_ref().err().map_or("the stream ended", String::as_str),
                again_in = ?wait,
                "no controller: what is in force stays in force"
            );
            tokio::select! {
                () = sleep(wait) => {}
                () = self.events.closed() => return,
            }
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }
}
