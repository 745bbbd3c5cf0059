//! Writes what is due, many objects at a time, each as often as it changes.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use gatewright_core::{api::meta::Time, world::ObjectRef};
use kube::{
    Api, Client,
    api::{ApiResource, Patch, PatchParams},
};
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::desk::{Desk, Write};
use crate::{
    event::{self, Board, News},
    vitals::Vitals,
    watch::{Kinds, Raw, Stored},
};

/// Writes at once: a thousand routes take two seconds even when the API server needs 30 ms for each.
const IN_FLIGHT_MAX: usize = 16;

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// How long an object rests after a write: of a Gateway to which a thousand routes attach, not every one is told.
const PAUSE: Duration = Duration::from_millis(150);

/// How long a write rests that failed for a reason that may go away.
const RETRY: Duration = Duration::from_secs(1);

/// How long a write rests whose object somebody else changed meanwhile: whoever writes again and again is let go first.
const CONFLICT_REST: Duration = Duration::from_millis(40);

/// How long a write rests that RBAC or validation refused: a person must mend that, and a change of the object is
/// written at once all the same.
const REFUSED_RETRY: Duration = Duration::from_secs(30);

/// Writes while `is_leader`, until its sender is gone.
pub(crate) async fn run(
    client: Client,
    desk: Arc<Desk>,
    kinds: Kinds,
    mut is_leader: watch::Receiver<bool>,
    (board, vitals): (Board, Arc<Vitals>),
) {
    let office = Office { client, desk, kinds, board, vitals };
    let desk = office.desk.clone();
    let mut writes: JoinSet<()> = JoinSet::new();
    loop {
        if is_leader.wait_for(|is_leader| *is_leader).await.is_err() {
            return;
        }
        desk.reconsider();
        while *is_leader.borrow() {
            while writes.len() < IN_FLIGHT_MAX
                && let Some((object, stored, write)) = desk.take(now())
            {
                writes.spawn(office.clone().deliver(object, stored, write));
            }
            tokio::select! {
                () = desk.due.notified() => {}
                Some(_) = writes.join_next() => {}
                changed = is_leader.changed() => if changed.is_err() { return },
            }
        }
        // Somebody else writes now. What is on its way is guarded by its resourceVersion.
        writes.detach_all();
    }
}

/// What every write needs.
#[derive(Clone)]
struct Office {
    client: Client,
    desk: Arc<Desk>,
    kinds: Kinds,
    board: Board,
    vitals: Arc<Vitals>,
}

impl Office {
    /// Delivers one write. A conflict is met on the fresh object, by the next turn of the loop.
    async fn deliver(self, object: ObjectRef, stored: Stored, write: Write) {
        let Self { client, desk, kinds, board, vitals } = self;
        let Some(resource) = kinds.get(object.kind) else {
            desk.returned(&object, &stored.uid, None);
            return;
        };
        let api = api(client, &object, &resource);
        let news = news(&desk, &stored, &write);
        let outcome = match timeout(REQUEST_TIMEOUT, send(&api, &object, &stored, write)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(kube::Error::Service("the API server does not answer".into())),
        };
        let told = match outcome {
            Ok(raw) => {
                board.post(&object, &stored.uid, news);
                rest(&desk, &object, stored.uid, Some(stored_of(raw)), PAUSE);
                "written"
            }
            Err(kube::Error::Api(status)) if status.code == 409 => {
                sleep(CONFLICT_REST.mul_f64(0.25 + fastrand::f64())).await;
                match timeout(REQUEST_TIMEOUT, api.get_opt(&object.key.name)).await {
                    Ok(Ok(Some(raw))) => desk.returned(&object, &stored.uid, Some(stored_of(raw))),
                    Ok(Ok(None)) => desk.gone(&object, &stored.uid),
                    Ok(Err(_)) | Err(_) => rest(&desk, &object, stored.uid, None, RETRY),
                }
                "conflict"
            }
            // The watch will say so, too.
            Err(kube::Error::Api(status)) if status.code == 404 => {
                desk.gone(&object, &stored.uid);
                "gone"
            }
            Err(error) => {
                let is_refused = matches!(&error, kube::Error::Api(status) if matches!(status.code, 400 | 403 | 422));
                tracing::warn!(%object, %error, "cannot write a status");
                rest(&desk, &object, stored.uid, None, if is_refused { REFUSED_RETRY } else { RETRY });
                if is_refused { "refused" } else { "failed" }
            }
        };
        vitals.wrote(object.kind.name(), told);
    }
}

/// Returns what people are to be told of a write, once it is done.
fn news(desk: &Desk, stored: &Stored, write: &Write) -> Vec<News> {
    match write {
        Write::Status(new) => {
            let old: Value = serde_json::from_str(&stored.status).unwrap_or_default();
            event::of_statuses(&old, new, &|name| desk.is_ours(name))
        }
        Write::Finalizers(_) => Vec::new(),
    }
}

/// Gives an object back after a while, as it is stored if that is known.
fn rest(desk: &Arc<Desk>, object: &ObjectRef, uid: String, stored: Option<Stored>, rest: Duration) {
    let (desk, object) = (desk.clone(), object.clone());
    // Off the writer's seats: what rests keeps nobody from writing.
    tokio::spawn(async move {
        sleep(rest.mul_f64(0.75 + fastrand::f64() / 2.0)).await;
        desk.returned(&object, &uid, stored);
    });
}

async fn send(api: &Api<Raw>, object: &ObjectRef, stored: &Stored, write: Write) -> kube::Result<Raw> {
    let metadata = json!({"resourceVersion": stored.resource_version, "uid": stored.uid});
    let name = &object.key.name;
    match write {
        Write::Status(status) => {
            let patch = Patch::Merge(json!({"metadata": metadata, "status": status}));
            api.patch_status(name, &PatchParams::default(), &patch).await
        }
        Write::Finalizers(finalizers) => {
            let mut metadata = metadata;
            metadata["finalizers"] = finalizers.into();
            api.patch(name, &PatchParams::default(), &Patch::Merge(json!({"metadata": metadata}))).await
        }
    }
}

fn stored_of(mut raw: Raw) -> Stored {
    Stored::take(&mut raw.value)
}

fn api(client: Client, object: &ObjectRef, resource: &ApiResource) -> Api<Raw> {
    match object.kind.is_namespaced() {
        true => Api::namespaced_with(client, &object.key.namespace, resource),
        false => Api::all_with(client, resource),
    }
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(since.as_secs())
}

#[cfg(test)]
mod tests;
