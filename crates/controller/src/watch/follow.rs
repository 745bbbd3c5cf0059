//! One watch: lists, follows, and begins again when it must.

use std::{pin::pin, time::Duration};

use futures_util::StreamExt;
use gatewright_core::world::{Kind, ObjectRef};
use kube::{
    Api, Client, ResourceExt,
    api::ApiResource,
    runtime::watcher::{self, Event, watcher},
};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use super::{Backoff, Change, Failure, Raw, Seen, Subject, Unread};

/// Seconds after which the API server ends a watch, which then goes on where it was. One that it does not end is dead:
/// kube gives up on it five seconds later, hence within a minute of its last event.
pub(crate) const WATCH_SECONDS: u32 = 45;

/// The first and the longest wait after a failure. A first try after a failure comes soon; a long outage is met by a try every few seconds, for a change must be in
/// force ten seconds after the API server is back.
pub(crate) const RETRY: (Duration, Duration) = (Duration::from_millis(400), Duration::from_secs(6));

/// How long after a failure a watch that says nothing counts as well: one that is refused says so at once.
const WELL_AFTER: Duration = Duration::from_secs(10);

/// What RBAC refuses, it refuses until a person changes it.
const FORBIDDEN_RETRY: Duration = Duration::from_secs(30);

/// Secrets that nobody means to serve, and that may be large or precious: releases of Helm, tokens of ServiceAccounts.
const SECRETS: &str = "type!=helm.sh/release.v1,type!=kubernetes.io/service-account-token";

/// Follows a subject until the receiver of `changes` is gone.
pub(super) async fn follow(client: Client, subject: Subject, resource: ApiResource, changes: mpsc::Sender<Change>) {
    let api: Api<Raw> = match &subject.namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &resource),
        None => Api::all_with(client, &resource),
    };
    let mut events = pin!(watcher(api, config(subject.kind)));
    let mut backoff = Backoff::new(RETRY.0, RETRY.1);
    let mut listing = Listing::default();
    let mut has_failed = false;
    loop {
        let event = match timeout(WELL_AFTER, events.next()).await {
            Ok(Some(event)) => event,
            Ok(None) => return,
            Err(_) => {
                // A watch in which nothing happens is well; an answer to a list is due.
                if !has_failed || listing.is_open {
                    continue;
                }
                has_failed = false;
                if changes.send(Change::Well { subject: subject.clone() }).await.is_err() {
                    return;
                }
                continue;
            }
        };
        let change = match event {
            Ok(event) => {
                // That it begins to list is no success yet.
                if !matches!(event, Event::Init) {
                    backoff.reset();
                }
                listing.take(event, &subject, &resource)
            }
            Err(error) => {
                has_failed = true;
                let (failure, wait) = failure(&error, &mut backoff);
                tracing::debug!(%subject, ?failure, ?wait, "a watch does not come to its objects");
                let change = Change::Failing { subject: subject.clone(), failure };
                if changes.send(change).await.is_err() {
                    return;
                }
                sleep(wait).await;
                None
            }
        };
        if let Some(change) = change
            && changes.send(change).await.is_err()
        {
            return;
        }
    }
}

fn config(kind: Kind) -> watcher::Config {
    // Lists come whole: the continuation of a paged one may expire again and again in a large cluster.
    let config = watcher::Config { page_size: None, ..watcher::Config::default() }.timeout(WATCH_SECONDS);
    if kind == Kind::Secret { config.fields(SECRETS) } else { config }
}

/// Objects of a list that is not complete yet. What was known before stays until it is.
#[derive(Default)]
struct Listing {
    objects: Vec<Seen>,
    unread: Vec<Unread>,
    /// Whether a list is under way.
    is_open: bool,
}

impl Listing {
    fn take(&mut self, event: Event<Raw>, subject: &Subject, resource: &ApiResource) -> Option<Change> {
        let read = |raw| Seen::read(raw, subject.kind, &resource.api_version);
        match event {
            Event::Init => {
                *self = Self { is_open: true, ..Self::default() };
                None
            }
            Event::InitApply(raw) => {
                match read(raw) {
                    Ok(seen) => self.objects.push(seen),
                    Err(unread) => self.unread.push(unread),
                }
                None
            }
            Event::InitDone => {
                let Self { objects, unread, is_open: _ } = std::mem::take(self);
                Some(Change::Listed { subject: subject.clone(), objects, unread })
            }
            Event::Apply(raw) => Some(match read(raw) {
                Ok(seen) => Change::Applied(Box::new(seen)),
                Err(unread) => Change::Unread(unread),
            }),
            Event::Delete(raw) => {
                let namespace = raw.namespace().unwrap_or_default();
                Some(Change::Deleted(ObjectRef::new(subject.kind, namespace, raw.name_any())))
            }
        }
    }
}

/// Says why a watch does not come to its objects, and how long to wait before it is polled again.
pub(crate) fn failure(error: &watcher::Error, backoff: &mut Backoff) -> (Failure, Duration) {
    use watcher::Error as E;
    let status = match error {
        E::InitialListFailed(kube::Error::Api(status))
        | E::WatchStartFailed(kube::Error::Api(status))
        | E::WatchFailed(kube::Error::Api(status))
        | E::WatchError(status) => Some(status),
        E::InitialListFailed(_) | E::WatchStartFailed(_) | E::WatchFailed(_) | E::NoResourceVersion => None,
    };
    match status {
        Some(status) if status.is_forbidden() => {
            let wait = FORBIDDEN_RETRY + FORBIDDEN_RETRY.mul_f64(fastrand::f64() / 10.0);
            (Failure::Forbidden(status.message.clone()), wait)
        }
        Some(status) if status.code == 410 && !matches!(error, E::InitialListFailed(_)) => {
            // The API server is there, but not what it knew: a list is next, and need not wait long.
            backoff.reset();
            (Failure::Unavailable(error.to_string()), backoff.wait())
        }
        Some(_) | None => (Failure::Unavailable(error.to_string()), backoff.wait()),
    }
}

#[cfg(test)]
mod tests;
