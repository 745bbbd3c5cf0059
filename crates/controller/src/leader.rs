//! Who leads: whoever holds the Lease. One writes and provisions; all watch, compile and serve proxies.
//!
//! A holder that cannot renew stops leading before anybody else may begin; clocks of different machines are never compared:
//! a standby counts from when it saw the Lease change.

mod token;

use std::{sync::Arc, time::Duration};

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{Api, Client, api::PostParams, core::ObjectMeta};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout},
};

pub(crate) use self::token::{Issuer, SendError, Token, Tokens, channel};
use crate::vitals::Vitals;

/// The Lease, in the controller's namespace.
const LEASE: &str = "gatewright";
/// How long a Lease is good for that nobody renews.
const DURATION: Duration = Duration::from_secs(15);
/// How long before others may begin a holder has stopped: what it sent last is on its way for so long at most.
const MARGIN: Duration = Duration::from_secs(5);
/// A holder that has not renewed for this long leads no more.
const RENEW_DEADLINE: Duration = DURATION.saturating_sub(MARGIN);
/// Between two tries.
const RETRY: Duration = Duration::from_secs(2);
/// How long writes that are on their way are waited for before the Lease is given back.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(3);
/// Where the holder is reached by the standbys, as an annotation.
const ADDRESS: &str = "gatewright.dev/control-channel";

/// How it stands with the Lease.
#[derive(Debug, Default, PartialEq, Eq)]
struct Standing {
    is_ours: bool,
    /// `host:port` of another leader's control channel.
    other: Option<Arc<str>>,
}

/// What the others are told.
pub(crate) struct Outlets {
    pub(crate) issuer: Issuer,
    /// `host:port` of another leader's control channel.
    pub(crate) other: watch::Sender<Option<Arc<str>>>,
    /// When the API server answered last.
    pub(crate) reached: watch::Sender<Instant>,
    pub(crate) vitals: Arc<Vitals>,
}

impl Outlets {
    /// `asked` is when this process last asked to have the Lease written.
    fn tell(&mut self, standing: Standing, asked: Instant) {
        let led = self.issuer.deadline().is_some();
        match standing.is_ours {
            true => self.issuer.extend(asked + RENEW_DEADLINE),
            false => self.issuer.revoke(),
        }
        if led != standing.is_ours {
            tracing::info!(leads = standing.is_ours, "leadership changed");
        }
        self.vitals.leads(standing.is_ours);
        self.other.send_if_modified(|before| {
            let is_new = *before != standing.other;
            *before = standing.other;
            is_new
        });
    }
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

/// Stands for election until `stop` says so; then gives the Lease back.
pub(crate) async fn run(client: Client, candidate: Candidate, mut outlets: Outlets, mut stop: watch::Receiver<bool>) {
    let leases = leases(client, &candidate);
    let now = Instant::now();
    let mut sight = Sight { version: None, since: now, asked: now };
    loop {
        let deadline = outlets.issuer.deadline();
        // An answer that comes after the deadline is as good as none.
        let patience = deadline.map_or(RENEW_DEADLINE, |deadline| deadline.saturating_duration_since(Instant::now()));
        match timeout(patience, stand(&leases, &candidate, &mut sight)).await {
            Ok(Ok(standing)) => {
                outlets.reached.send_replace(Instant::now());
                outlets.tell(standing, sight.asked);
            }
            Ok(Err(error)) => tracing::warn!(%error, "cannot reach the Lease"),
            Err(_) => {}
        }
        let deadline = outlets.issuer.deadline();
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            outlets.tell(Standing::default(), sight.asked);
        }
        let next = Instant::now() + RETRY;
        tokio::select! {
            () = sleep_until(deadline.map_or(next, |deadline| next.min(deadline).max(Instant::now()))) => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    if outlets.issuer.deadline().is_some() {
        outlets.tell(Standing::default(), sight.asked);
        outlets.issuer.settled(SETTLE_TIMEOUT).await;
        release(&leases, &candidate).await;
    }
}

fn leases(client: Client, candidate: &Candidate) -> Api<Lease> {
    Api::namespaced(client, &candidate.namespace)
}

/// Takes or renews the Lease if it may be taken, and says who has it.
async fn stand(leases: &Api<Lease>, candidate: &Candidate, sight: &mut Sight) -> Result<Standing, kube::Error> {
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
    Ok(Standing { is_ours: false, other: address.map(|address| Arc::from(address.as_str())) })
}

/// The write of another came first: that one leads.
fn won(written: Result<Lease, kube::Error>) -> Result<Standing, kube::Error> {
    match written {
        Ok(_) => Ok(Standing { is_ours: true, other: None }),
        Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => Ok(Standing::default()),
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
