//! One proxy's stream: a snapshot at a time, each confirmed before the next is sent.

use std::{collections::BTreeMap, collections::HashMap, sync::Arc, time::Duration};

use prost::Message;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until, timeout},
};
use tonic::{Status, Streaming};

use super::{Shared, elsewhere};
use crate::{
    Change, Confirmation, MARKER, Resource, Version, message,
    message::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, REJECTION_TYPE, RESOURCE_TYPE, Rejection},
    plane::{Known, Snapshot},
    standing::Entry,
};

/// How long a client may take to say who it is.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take to take a piece, or to confirm a snapshot. One that hangs is better off reconnecting.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(60);
/// The shortest time from one snapshot to the next: a proxy that is sent changes all the time still has time to serve.
const SNAPSHOT_INTERVAL: Duration = Duration::from_millis(10);
/// Bytes of bodies in one message, unless a single body is longer. Small pieces let both ends work at once.
const PIECE_BYTES_MAX: usize = 256 * 1024;
/// Names in one message that removes.
const PIECE_NAMES_MAX: usize = 4_000;
/// When a stream is ended so that the client shows its token again: a token that was taken back works no longer.
pub(super) const STREAM_AGE: Duration = Duration::from_secs(30 * 60);
/// Of what a client says, this much is kept: beyond it nobody reads on.
const REJECTIONS_MAX: usize = 1_000;
const REASON_CHARS_MAX: usize = 500;
const NAME_CHARS_MAX: usize = 512;

type Pieces = mpsc::Sender<Result<DeltaDiscoveryResponse, Status>>;

/// Serves one client of `plane` until it goes, errs, `stopped` or is sent `away`.
pub(super) async fn serve(
    shared: Arc<Shared>,
    plane: String,
    mut requests: Streaming<DeltaDiscoveryRequest>,
    pieces: Pieces,
    (mut stopped, mut away): (watch::Receiver<bool>, watch::Receiver<bool>),
) {
    let end = tokio::select! {
        end = run(&shared, &plane, &mut requests, &pieces) => end,
        _ = stopped.wait_for(|stopped| *stopped) => Err(Status::unavailable("the controller stops")),
        _ = away.wait_for(|away| *away) => Err(elsewhere()),
        () = pieces.closed() => Ok(()),
    };
    match &end {
        Ok(()) => tracing::debug!(plane, "a proxy is gone"),
        Err(status) => tracing::debug!(plane, status = status.message(), "a proxy's stream ends"),
    }
    if let Err(status) = end {
        // It may be gone already.
        let _ = pieces.try_send(Err(status));
    }
}

async fn run(
    shared: &Shared,
    plane: &str,
    requests: &mut Streaming<DeltaDiscoveryRequest>,
    pieces: &Pieces,
) -> Result<(), Status> {
    let hello = timeout(HELLO_TIMEOUT, requests.message()).await;
    let hello = hello.map_err(|_| Status::deadline_exceeded("no request came"))??;
    let Some(hello) = hello else { return Ok(()) };
    if hello.type_url != RESOURCE_TYPE {
        return Err(Status::invalid_argument(format!("only {RESOURCE_TYPE} is served")));
    }
    let proxy: Arc<str> = shortened(&hello.node.unwrap_or_default().id, NAME_CHARS_MAX).into();
    tracing::debug!(plane, %proxy, resumes = hello.initial_resource_versions.len(), "a proxy is here");
    let mut stream = Stream {
        entry: shared.ledger.enter(plane, proxy.clone()),
        proxy,
        known: Known::Said(said(hello.initial_resource_versions)),
        sent: None,
        nonce: 0,
        waiting_since: None,
        next_at: Instant::now(),
    };
    let mut snapshots = shared.planes.watch(plane);
    let jitter = STREAM_AGE.mul_f64(fastrand::f64() / 4.0);
    let old_at = Instant::now() + STREAM_AGE - jitter;
    loop {
        let target = snapshots.borrow_and_update().clone();
        let due = target.filter(|target| stream.waiting_since.is_none() && stream.lacks(target));
        if let Some(target) = due.filter(|_| Instant::now() >= stream.next_at) {
            stream.send(&target, pieces).await?;
            continue;
        }
        let wake_at = match stream.waiting_since {
            Some(since) => since + CLIENT_TIMEOUT,
            None if stream.next_at > Instant::now() => stream.next_at,
            None => old_at,
        };
        tokio::select! {
            request = requests.message() => match request? {
                Some(request) => stream.answered(&request),
                None => return Ok(()),
            },
            changed = snapshots.changed(), if stream.waiting_since.is_none() => {
                changed.map_err(|_| Status::unavailable("the plane is gone"))?;
            }
            () = sleep_until(wake_at.min(old_at)) => {
                if stream.waiting_since.is_some_and(|since| since.elapsed() >= CLIENT_TIMEOUT) {
                    return Err(Status::deadline_exceeded("a snapshot was not confirmed in time"));
                }
                if Instant::now() >= old_at {
                    return Err(Status::unavailable("show your token again"));
                }
            }
        }
    }
}

/// What a client has, and what it was asked last.
struct Stream {
    entry: Entry,
    proxy: Arc<str>,
    known: Known,
    /// The snapshot that was sent last, and the nonce of its last piece.
    sent: Option<(Version, String)>,
    nonce: u64,
    /// When the last piece went out that no answer has come to.
    waiting_since: Option<Instant>,
    /// When the next snapshot may go out.
    next_at: Instant,
}

impl Stream {
    fn lacks(&self, target: &Snapshot) -> bool {
        self.sent.as_ref().is_none_or(|(version, _)| *version != target.version)
    }

    /// Sends what makes the client's state `target`: what is new, what is gone, and that this is all.
    async fn send(&mut self, target: &Arc<Snapshot>, pieces: &Pieces) -> Result<(), Status> {
        let mut change = self.known.change_to(target);
        let marker = message::Resource {
            name: MARKER.into(),
            version: target.version.to_string(),
            resource: Some(message::Any { type_url: RESOURCE_TYPE.into(), value: bytes::Bytes::new() }),
        };
        tracing::debug!(
            proxy = %self.proxy, version = %target.version, added = change.added.len(), removed = change.removed.len(), "sending"
        );
        loop {
            let (resources, removed) = piece(&mut change);
            let is_last = change.added.is_empty() && change.removed.is_empty();
            self.nonce += 1;
            let mut resources: Vec<_> = resources.iter().map(on_wire).collect();
            resources.extend(is_last.then(|| marker.clone()));
            let response = DeltaDiscoveryResponse {
                system_version_info: target.version.to_string(),
                resources,
                type_url: RESOURCE_TYPE.into(),
                nonce: self.nonce.to_string(),
                removed_resources: removed.iter().map(|name| String::from(&**name)).collect(),
            };
            let taken = timeout(CLIENT_TIMEOUT, pieces.send(Ok(response))).await;
            let taken = taken.map_err(|_| Status::deadline_exceeded("a piece was not taken in time"))?;
            taken.map_err(|_| Status::cancelled("the client is gone"))?;
            if is_last {
                break;
            }
        }
        self.known = Known::Sent(target.clone());
        self.sent = Some((target.version, self.nonce.to_string()));
        self.waiting_since = Some(Instant::now());
        self.next_at = Instant::now() + SNAPSHOT_INTERVAL;
        Ok(())
    }

    /// Takes an acknowledgement. Those of pieces before the last say nothing; a later one for the same snapshot, which
    /// a client sends when something has changed with it, replaces the one before.
    fn answered(&mut self, request: &DeltaDiscoveryRequest) {
        let Some((version, nonce)) = &self.sent else { return };
        if *nonce != request.response_nonce {
            return;
        }
        self.waiting_since = None;
        let rejected = request.error_detail.as_ref().map(rejections).unwrap_or_default();
        self.entry.write(&Confirmation { proxy: self.proxy.clone(), version: Some(*version), rejected });
    }
}

fn said(versions: HashMap<String, String>) -> BTreeMap<Arc<str>, Version> {
    // What is no version is nobody's content: it is sent again.
    versions.into_iter().filter_map(|(name, version)| Some((name.into(), version.parse().ok()?))).collect()
}

/// Takes from `change` what goes into one message: additions as long as there are any, then removals.
fn piece(change: &mut Change) -> (Vec<Resource>, Vec<Arc<str>>) {
    let mut bytes = 0;
    let fits = change.added.iter().take_while(|resource| {
        let first = bytes == 0;
        bytes += resource.body.len() + resource.name.len();
        first || bytes <= PIECE_BYTES_MAX
    });
    let count = fits.count();
    let rest = change.added.split_off(count);
    let added = std::mem::replace(&mut change.added, rest);
    if !change.added.is_empty() {
        return (added, Vec::new());
    }
    let rest = change.removed.split_off(change.removed.len().min(PIECE_NAMES_MAX));
    (added, std::mem::replace(&mut change.removed, rest))
}

fn on_wire(resource: &Resource) -> message::Resource {
    message::Resource {
        name: String::from(&*resource.name),
        version: resource.version.to_string(),
        resource: Some(message::Any { type_url: RESOURCE_TYPE.into(), value: resource.body.clone() }),
    }
}

/// Returns what a refusal names, within bounds. One that names nothing is kept under the empty name.
pub(crate) fn rejections(status: &message::Status) -> BTreeMap<String, String> {
    let details = status.details.iter().filter(|detail| detail.type_url == REJECTION_TYPE);
    let named = details.filter_map(|detail| Rejection::decode(detail.value.clone()).ok());
    let mut rejected = bounded(named);
    if rejected.is_empty() {
        rejected.insert(String::new(), shortened(&status.message, REASON_CHARS_MAX));
    }
    rejected
}

pub(crate) fn bounded(rejections: impl IntoIterator<Item = Rejection>) -> BTreeMap<String, String> {
    let rejections = rejections.into_iter().take(REJECTIONS_MAX);
    rejections
        .map(|Rejection { name, reason }| (shortened(&name, NAME_CHARS_MAX), shortened(&reason, REASON_CHARS_MAX)))
        .collect()
}

fn shortened(text: &str, chars_max: usize) -> String {
    text.chars().filter(|char| !char.is_control()).take(chars_max).collect()
}
