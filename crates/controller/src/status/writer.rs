//! Writes what is due, many objects at a time, each as often as it changes.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use gatewright_core::{api::meta::Time, world::ObjectRef};
use kube::{
    Api, Client,
    api::{ApiResource, Patch, PatchParams},
};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::desk::{Desk, Write};
use crate::{
    event::{self, Board, News},
    leader::{SendError, Token, Tokens},
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

/// Writes while this process leads.
pub(crate) async fn run(
    client: Client,
    desk: Arc<Desk>,
    kinds: Kinds,
    mut tokens: Tokens,
    (board, vitals): (Board, Arc<Vitals>),
) {
    let office = Office { client, desk, kinds, board, vitals };
    let desk = office.desk.clone();
    let mut writes: FuturesUnordered<BoxFuture<'static, Return>> = FuturesUnordered::new();
    // At most one for each object. What rests keeps nobody from writing.
    let mut rests: FuturesUnordered<BoxFuture<'static, Return>> = FuturesUnordered::new();
    let mut term = None;
    loop {
        let token = tokens.token();
        if let Some(token) = &token {
            if term.replace(token.term()) != Some(token.term()) {
                desk.reconsider();
            }
            while writes.len() < IN_FLIGHT_MAX
                && let Some((object, stored, write)) = desk.take(now())
            {
                writes.push(Box::pin(office.clone().deliver(token.clone(), object, stored, write)));
            }
        }
        tokio::select! {
            () = desk.due.notified(), if token.is_some() => {}
            Some(back) = writes.next() => match back.rest {
                Some(_) => rests.push(Box::pin(back.rested())),
                None => back.give(&desk),
            },
            Some(back) = rests.next() => back.give(&desk),
            () = tokens.changed() => {}
        }
    }
}

/// An object that goes back to the desk.
struct Return {
    object: ObjectRef,
    uid: String,
    found: Found,
    rest: Option<Duration>,
}

/// What is known of it.
enum Found {
    Stored(Stored),
    Nothing,
    Gone,
}

impl Return {
    async fn rested(self) -> Self {
        sleep(self.rest.unwrap_or_default().mul_f64(0.75 + fastrand::f64() / 2.0)).await;
        self
    }

    fn give(self, desk: &Desk) {
        match self.found {
            Found::Stored(stored) => desk.returned(&self.object, &self.uid, Some(stored)),
            Found::Nothing => desk.returned(&self.object, &self.uid, None),
            Found::Gone => desk.gone(&self.object, &self.uid),
        }
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
    async fn deliver(self, token: Token, object: ObjectRef, stored: Stored, write: Write) -> Return {
        let Self { client, desk, kinds, board, vitals } = self;
        let Some(resource) = kinds.get(object.kind) else {
            return Return { object, uid: stored.uid, found: Found::Nothing, rest: None };
        };
        let api = api(client, &object, &resource);
        let news = news(&desk, &stored, &write);
        let sent = token.send(REQUEST_TIMEOUT, send(&api, &object, &stored, write)).await;
        let (told, found, rest) = match sent {
            Ok(raw) => {
                board.post(&object, &stored.uid, news);
                ("written", Found::Stored(stored_of(raw)), Some(PAUSE))
            }
            Err(SendError::Api(kube::Error::Api(status))) if status.code == 409 => {
                sleep(CONFLICT_REST.mul_f64(0.25 + fastrand::f64())).await;
                let (found, rest) = match timeout(REQUEST_TIMEOUT, api.get_opt(&object.key.name)).await {
                    Ok(Ok(Some(raw))) => (Found::Stored(stored_of(raw)), None),
                    Ok(Ok(None)) => (Found::Gone, None),
                    Ok(Err(_)) | Err(_) => (Found::Nothing, Some(RETRY)),
                };
                ("conflict", found, rest)
            }
            // The watch will say so, too.
            Err(SendError::Api(kube::Error::Api(status))) if status.code == 404 => ("gone", Found::Gone, None),
            // Who leads next writes it.
            Err(SendError::NotLeader) => ("unsent", Found::Nothing, None),
            Err(error) => {
                tracing::warn!(%object, %error, "cannot write a status");
                match error {
                    SendError::Api(kube::Error::Api(status)) if matches!(status.code, 400 | 403 | 422) => {
                        ("refused", Found::Nothing, Some(REFUSED_RETRY))
                    }
                    _ => ("failed", Found::Nothing, Some(RETRY)),
                }
            }
        };
        vitals.wrote(object.kind.name(), told);
        Return { object, uid: stored.uid, found, rest }
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
