//! A standby tells the leader what its proxies confirm.

use std::{path::PathBuf, sync::Arc, time::Duration};

use gatewright_xds::{Server, TlsDial, Trust, forward};
use tokio::{sync::watch, time::sleep};

/// Before the same leader is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// How the leader is reached, apart from where.
#[derive(Clone, Debug)]
pub(crate) struct Road {
    /// What the leader's certificate is for.
    pub(crate) name: String,
    /// The CA, PEM.
    pub(crate) ca: Arc<str>,
    pub(crate) token: PathBuf,
}

impl Road {
    /// Returns the way to the controller at `host:port`.
    pub(crate) fn to(&self, address: &str) -> TlsDial {
        TlsDial {
            address: address.to_owned(),
            name: Some(self.name.clone()),
            trust: Trust::Pem(self.ca.clone()),
            token: self.token.clone(),
        }
    }
}

/// Relays to whoever leads, as long as that is somebody else: at `host:port`.
pub(crate) async fn run(server: Server, road: Road, mut other: watch::Receiver<Option<Arc<str>>>) {
    loop {
        let leader = other.borrow_and_update().clone();
        let relaying = async {
            let Some(address) = leader else { return std::future::pending().await };
            let dial = road.to(&address);
            loop {
                if let Err(error) = forward(&server, &dial).await {
                    tracing::debug!(error, %address, "cannot relay to the leader; trying again");
                }
                sleep(RETRY).await;
            }
        };
        tokio::select! {
            () = relaying => {}
            changed = other.changed() => if changed.is_err() { return },
        }
    }
}
