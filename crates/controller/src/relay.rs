//! A standby tells the leader what its proxies confirm.

use std::{path::PathBuf, sync::Arc, time::Duration};

use gatewright_xds::{Server, TlsDial, Trust, forward};
use tokio::{sync::watch, time::sleep};

use crate::leader::Leadership;

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

/// Relays to whoever leads, as long as that is somebody else.
pub(crate) async fn run(server: Server, road: Road, mut leadership: watch::Receiver<Leadership>) {
    loop {
        let leader = leadership.borrow_and_update().other.clone();
        let relaying = async {
            let Some(address) = leader else { return std::future::pending().await };
            let dial = TlsDial {
                address: address.to_string(),
                name: Some(road.name.clone()),
                trust: Trust::Pem(road.ca.clone()),
                token: road.token.clone(),
            };
            loop {
                if let Err(error) = forward(&server, &dial).await {
                    tracing::debug!(error, %address, "cannot relay to the leader; trying again");
                }
                sleep(RETRY).await;
            }
        };
        tokio::select! {
            () = relaying => {}
            changed = leadership.changed() => if changed.is_err() { return },
        }
    }
}
