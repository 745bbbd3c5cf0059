//! A controller that is cut off from the API server leaves its proxies to one that is not.
//!
//! It knows no news to tell them, and cannot know that there is any. When nobody has news, because the API server is away,
//! it keeps them: a proxy that loses its controller then would not find another.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use gatewright_core::{
    api::endpoint_slice::SERVICE_NAME_LABEL,
    world::{ObjectKey, World},
};
use gatewright_xds::{Server, knock};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use crate::{authority, relay::Road};

/// How long without an answer of the API server means to be cut off.
const PATIENCE: Duration = Duration::from_secs(10);
/// Before the others are asked again.
const RETRY: Duration = Duration::from_secs(2);

/// Watches `reached`, when the API server answered last, and sends the proxies of `server` away when it is long ago and
/// one of `others` still hears from it. Until the senders are gone.
pub(crate) async fn run(
    server: Server,
    road: Road,
    others: watch::Receiver<BTreeSet<SocketAddr>>,
    mut reached: watch::Receiver<Instant>,
) {
    loop {
        let cut_off_at = *reached.borrow_and_update() + PATIENCE;
        if Instant::now() < cut_off_at {
            tokio::select! {
                () = sleep_until(cut_off_at) => {}
                changed = reached.changed() => if changed.is_err() { return },
            }
            continue;
        }
        let asked: Vec<SocketAddr> = others.borrow().iter().copied().collect();
        let next = match anybody_who_hears(&road, &asked).await {
            Some(other) => {
                tracing::warn!(%other, "cut off from the API server: leaving the proxies to a controller that is not");
                server.send_away(true);
                None
            }
            None => Some(RETRY),
        };
        tokio::select! {
            () = rest(next) => {}
            changed = reached.changed() => {
                if changed.is_err() {
                    return;
                }
                server.send_away(false);
            }
        }
    }
}

/// Waits for so long, or for ever.
async fn rest(next: Option<Duration>) {
    match next {
        Some(next) => sleep(next).await,
        None => std::future::pending().await,
    }
}

/// Whoever can check our token has the API server's ear.
async fn anybody_who_hears(road: &Road, others: &[SocketAddr]) -> Option<SocketAddr> {
    for other in others {
        match knock(&road.to(&other.to_string())).await {
            Ok(()) => return Some(*other),
            Err(error) => tracing::debug!(%other, error, "this controller does not hear from the API server either"),
        }
    }
    None
}

/// Returns where the other controllers serve proxies, as the EndpointSlices of the control channel's Service have it.
pub(crate) fn others(world: &World, namespace: &str, own: SocketAddr) -> BTreeSet<SocketAddr> {
    let slices = world.endpoint_slices.range(ObjectKey::new(namespace, "")..);
    let ours = slices.take_while(|(key, _)| key.namespace == namespace).filter(|(_, slice)| {
        slice.metadata.labels.get(SERVICE_NAME_LABEL).is_some_and(|service| service == authority::SERVICE)
    });
    let addresses = ours.flat_map(|(_, slice)| &slice.endpoints).flat_map(|endpoint| endpoint.addresses.first());
    let addresses =
        addresses.filter_map(|address| address.parse::<IpAddr>().ok()).filter(|address| *address != own.ip());
    addresses.map(|address| SocketAddr::new(address, own.port())).collect()
}

#[cfg(test)]
mod tests;
