//! Who leads: whoever holds the Lease. One writes and provisions; all watch, compile and serve proxies.
//!
//! A holder that cannot renew stops leading before anybody else may begin; clocks of different machines are never compared:
//! a standby counts from when it saw the Lease change.

use std::{sync::Arc, time::Duration};

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{Api, Client, api::PostParams, core::ObjectMeta};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

/// The Lease, in the controller's namespace.
const LEASE: &str = "gatewright";
/// How long a Lease is good for that nobody renews.
const DURATION: Duration = Duration::from_secs(15);
/// A holder that has not renewed for this long leads no more.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// Between two tries.
const RETRY: Duration = Duration::from_secs(2);
/// Where the holder is reached by the standbys, as an annotation.
const ADDRESS: &str = "gatewright.dev/control-channel";

/// How it stands with the leadership.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Leadership {
    pub(crate) is_ours: bool,
    /// `host:port` of another leader's control channel.
    pub(crate) other: Option<Arc<str>>,
}

/// This process as a candidate.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// The Pod's name: no two have the same.
    pub(crate) name: String,
    /// `host:port` of its control channel.
    pub(crate) address: String,
    pub(crate) namespace: String,
}

/// What was last seen of the Lease, and when.
struct Sight {
    version: Option<String>,
    since: Instant,
    /// When this process last asked to have it written: others count from later on.
    asked: Instant,
}

/// Stands for election until `leadership` has no receiver or `stop` says so; then gives the Lease back. Says in `reached`
/// when the API server answered.
pub(crate) async fn run(
    client: Client,
    candidate: Candidate,
    leadership: watch::Sender<Leadership>,
    reached: watch::Sender<Instant>,
    mut stop: watch::Receiver<bool>,
) {
    let leases: Api<Lease> = Api::namespaced(client, &candidate.namespace);
    let mut renewed = Instant::now();
    let mut sight = Sight { version: None, since: renewed, asked: renewed };
    while !leadership.is_closed() && !*stop.borrow() {
        let leads = leadership.borrow().is_ours;
        // An answer that comes after the deadline is as good as none.
        let patience = if leads { RENEW_DEADLINE.saturating_sub(renewed.elapsed()) } else { RENEW_DEADLINE };
        match timeout(patience, stand(&leases, &candidate, &mut sight)).await {
            Ok(Ok(state)) => {
                reached.send_replace(Instant::now());
                if state.is_ours {
                    renewed = sight.asked;
                }
                tell(&leadership, state);
            }
            failed => {
                if let Ok(Err(error)) = failed {
                    tracing::warn!(%error, "cannot reach the Lease");
                }
                if leads && renewed.elapsed() >= RENEW_DEADLINE {
                    tell(&leadership, Leadership::default());
                }
            }
        }
        tokio::select! {
            () = sleep(RETRY) => {}
            _ = stop.changed() => {}
        }
    }
    if leadership.borrow().is_ours {
        leadership.send_replace(Leadership::default());
        release(&leases, &candidate).await;
    }
}

fn tell(leadership: &watch::Sender<Leadership>, state: Leadership) {
    leadership.send_if_modified(|before| {
        if before.is_ours != state.is_ours {
            tracing::info!(leads = state.is_ours, "leadership changed");
        }
        let is_new = *before != state;
        *before = state;
        is_new
    });
}

/// Takes or renews the Lease if it may be taken, and says who has it.
async fn stand(leases: &Api<Lease>, candidate: &Candidate, sight: &mut Sight) -> Result<Leadership, kube::Error> {
    let Some(lease) = leases.get_opt(LEASE).await? else {
        let lease = held(Lease::default(), candidate);
        sight.asked = Instant::now();
        return won(leases.create(&PostParams::default(), &lease).await);
    };
    if lease.metadata.resource_version != sight.version {
        (sight.version, sight.since) = (lease.metadata.resource_version.clone(), Instant::now());
    }
    let spec = lease.spec.as_ref();
    let holder = spec.and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default();
    let duration = spec.and_then(|spec| spec.lease_duration_seconds).and_then(|seconds| u64::try_from(seconds).ok());
    let is_over = sight.since.elapsed() > duration.map_or(DURATION, Duration::from_secs);
    if holder.is_empty() || holder == candidate.name || is_over {
        let lease = held(lease, candidate);
        sight.asked = Instant::now();
        return won(leases.replace(LEASE, &PostParams::default(), &lease).await);
    }
    let address = lease.metadata.annotations.as_ref().and_then(|annotations| annotations.get(ADDRESS));
    Ok(Leadership { is_ours: false, other: address.map(|address| Arc::from(address.as_str())) })
}

/// The write of another came first: that one leads.
fn won(written: Result<Lease, kube::Error>) -> Result<Leadership, kube::Error> {
    match written {
        Ok(_) => Ok(Leadership { is_ours: true, other: None }),
        Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => {
            Ok(Leadership::default())
        }
        Err(error) => Err(error),
    }
}

/// Returns the Lease as the candidate holds it.
fn held(lease: Lease, candidate: &Candidate) -> Lease {
    let now = MicroTime(Timestamp::now());
    let before = lease.spec.unwrap_or_default();
    let is_new = before.holder_identity.as_deref() != Some(&candidate.name);
    let transitions = before.lease_transitions.unwrap_or_default();
    let mut annotations = lease.metadata.annotations.unwrap_or_default();
    annotations.insert(ADDRESS.to_owned(), candidate.address.clone());
    Lease {
        metadata: ObjectMeta { name: Some(LEASE.to_owned()), annotations: Some(annotations), ..lease.metadata },
        spec: Some(LeaseSpec {
            holder_identity: Some(candidate.name.clone()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: if is_new { Some(now.clone()) } else { before.acquire_time },
            renew_time: Some(now),
            lease_transitions: Some(if is_new { transitions.saturating_add(1) } else { transitions }),
            ..LeaseSpec::default()
        }),
    }
}

/// Gives the Lease back, so that nobody waits for its end.
async fn release(leases: &Api<Lease>, candidate: &Candidate) {
    let Ok(Some(mut lease)) = leases.get_opt(LEASE).await else { return };
    let Some(spec) = &mut lease.spec else { return };
    if spec.holder_identity.as_deref() == Some(&candidate.name) {
        spec.holder_identity = None;
        // Whoever wants it finds out by itself when this fails.
        let _ = leases.replace(LEASE, &PostParams::default(), &lease).await;
    }
}

#[cfg(test)]
mod tests;
