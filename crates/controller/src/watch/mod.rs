//! What is in the cluster, as a stream of changes.
//!
//! One watch for each kind that the API server serves, and for Secrets and ConfigMaps one for each namespace that
//! somebody refers to. Reads objects; does not judge them, and does not decide what is of interest.

mod backoff;
mod discovery;
mod follow;
mod kinds;
mod raw;
mod seen;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use gatewright_core::world::{Bundle, Kind, ObjectRef};
use kube::{Client, api::ApiResource};
use tokio::{
    sync::{mpsc, watch},
    task::{AbortHandle, JoinSet},
};

pub(crate) use backoff::Backoff;
pub(crate) use follow::{RETRY, WATCH_SECONDS, failure};
pub(crate) use kinds::Kinds;
pub(crate) use raw::Raw;
pub(crate) use seen::{Seen, Stored, Unread};

use self::discovery::Discovery;

/// Changes on their way to the loop. It takes them in bulk; a watch that is ahead of it waits.
pub(crate) const CHANGES_MAX: usize = 4096;

/// What one watch is of.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Subject {
    pub(crate) kind: Kind,
    /// `None` is the whole cluster.
    pub(crate) namespace: Option<String>,
}

/// `Secrets in namespace a`, or the kind alone.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            None => f.write_str(self.kind.name()),
            Some(namespace) => write!(f, "{} in namespace {namespace}", self.kind.name()),
        }
    }
}

impl Subject {
    pub(crate) fn covers(&self, object: &ObjectRef) -> bool {
        object.kind == self.kind && self.namespace.as_ref().is_none_or(|namespace| *namespace == object.key.namespace)
    }
}

/// What happened in the cluster.
pub(crate) enum Change {
    /// The kinds that are served now, and the bundle that they came in.
    Served {
        kinds: BTreeSet<Kind>,
        bundle: Bundle,
    },
    /// Everything that there is of a subject, in the place of what was known of it.
    Listed {
        subject: Subject,
        objects: Vec<Seen>,
        unread: Vec<Unread>,
    },
    Applied(Box<Seen>),
    /// An object is there, and cannot be read.
    Unread(Unread),
    Deleted(ObjectRef),
    /// A watch does not come to its objects. What was known of them stays.
    Failing {
        subject: Subject,
        failure: Failure,
    },
    /// A watch that failed goes on.
    Well {
        subject: Subject,
    },
}

/// Why a watch does not come to its objects.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// RBAC refuses. Asked again every half minute.
    Forbidden(String),
    /// Anything else, which mostly mends itself.
    Unavailable(String),
}

/// The kinds of which only the namespaces in use are watched, so that no right on all of them is needed.
pub(crate) const PER_NAMESPACE: [Kind; 2] = [Kind::Secret, Kind::ConfigMap];

/// Watches until the receiver of `changes` is gone. `wanted` are the subjects of the kinds in [`PER_NAMESPACE`].
pub(crate) async fn run(
    client: Client,
    kinds: Kinds,
    mut wanted: watch::Receiver<BTreeSet<Subject>>,
    changes: mpsc::Sender<Change>,
) {
    let mut discovery = Discovery::new(client.clone());
    let mut watches = Watches { client, changes: changes.clone(), tasks: JoinSet::new(), running: BTreeMap::new() };
    loop {
        tokio::select! {
            served = discovery.next() => {
                let names = served.kinds.keys().copied().collect();
                kinds.set(served.kinds);
                let served = Change::Served { kinds: names, bundle: served.bundle };
                if changes.send(served).await.is_err() {
                    return;
                }
            }
            changed = wanted.changed() => {
                if changed.is_err() {
                    return;
                }
            }
        }
        let wanted = wanted.borrow_and_update().clone();
        watches.keep(&kinds.all(), wanted);
    }
}

/// The running watches.
struct Watches {
    client: Client,
    changes: mpsc::Sender<Change>,
    /// Ended when this is dropped.
    tasks: JoinSet<()>,
    running: BTreeMap<Subject, (ApiResource, AbortHandle)>,
}

impl Watches {
    /// Starts the watches that are missing and ends those that nobody wants.
    fn keep(&mut self, kinds: &BTreeMap<Kind, ApiResource>, wanted: BTreeSet<Subject>) {
        let whole = kinds.keys().filter(|kind| !PER_NAMESPACE.contains(kind));
        let whole = whole.map(|kind| Subject { kind: *kind, namespace: None });
        let wanted: BTreeSet<Subject> = whole.chain(wanted).collect();
        self.running.retain(|subject, (resource, task)| {
            let stays = wanted.contains(subject) && kinds.get(&subject.kind) == Some(resource);
            if !stays {
                task.abort();
            }
            stays
        });
        while self.tasks.try_join_next().is_some() {}
        for subject in wanted {
            let Some(resource) = kinds.get(&subject.kind) else { continue };
            if !self.running.contains_key(&subject) {
                let follow =
                    follow::follow(self.client.clone(), subject.clone(), resource.clone(), self.changes.clone());
                self.running.insert(subject, (resource.clone(), self.tasks.spawn(follow)));
            }
        }
    }
}
