//! Sends news to the API server as Events, slowly: the same news again within minutes raise the count of the Event that
//! they were told by.

use std::{collections::HashMap, sync::Arc, time::Duration};

use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
    core::ObjectMeta,
};
use serde_json::json;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

use super::{News, Notice};
use crate::{
    leader::{SendError, Token, Tokens},
    vitals::Vitals,
};

/// Between two Events: five a second at most, however much goes wrong.
const PACE: Duration = Duration::from_millis(200);

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long news that come again are the same news, as Kubernetes' own recorder has it.
const SERIES: Duration = Duration::from_secs(6 * 60);

/// Events remembered for their series: those of [`SERIES`] at full [`PACE`] would be 1,800.
const REMEMBERED_MAX: usize = 2048;

/// Bytes of a note, and characters of a name, that the API server takes.
const NOTE_BYTES_MAX: usize = 1024;
const NAME_MAX: usize = 253;

/// Who reports.
#[derive(Clone, Debug)]
pub(crate) struct Reporter {
    /// The controller's name.
    pub(crate) controller: String,
    /// This replica's.
    pub(crate) instance: String,
}

/// Sends what is posted while this process leads, until nobody can post any more.
pub(crate) async fn run(
    client: Client,
    reporter: Reporter,
    mut posted: mpsc::Receiver<Notice>,
    (tokens, vitals): (Tokens, Arc<Vitals>),
) {
    let mut recorder = Recorder { client, reporter, told: HashMap::new() };
    while let Some(Notice { regarding, news }) = posted.recv().await {
        for news in news {
            let Some(token) = tokens.token() else {
                vitals.events("dropped", 1);
                continue;
            };
            let outcome = match recorder.tell(&token, &regarding, news).await {
                Ok(()) => "sent",
                Err(SendError::NotLeader) => "dropped",
                Err(error) => {
                    tracing::debug!(%error, "an Event is not told");
                    "failed"
                }
            };
            vitals.events(outcome, 1);
            sleep(PACE).await;
        }
    }
}

struct Recorder {
    client: Client,
    reporter: Reporter,
    told: HashMap<Subject, Told>,
}

/// What makes news the same news: the object by its kind, namespace, name and uid, and what is told.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Subject {
    object: [Option<String>; 4],
    news: News,
}

struct Told {
    /// Of the Event.
    name: String,
    count: i32,
    last: Instant,
}

impl Recorder {
    async fn tell(&mut self, token: &Token, regarding: &ObjectReference, news: News) -> Result<(), SendError> {
        let now = Instant::now();
        self.told.retain(|_, told| now.duration_since(told.last) < SERIES);
        if self.told.len() >= REMEMBERED_MAX {
            self.told.clear();
        }
        let ObjectReference { kind, namespace, name, uid, .. } = regarding.clone();
        let subject = Subject { object: [kind, namespace, name, uid], news };
        // Events of objects without a namespace are kept in this one, by convention.
        let namespace = regarding.namespace.as_deref().unwrap_or("default");
        let events: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        if let Some(told) = self.told.get_mut(&subject) {
            let count = told.count.saturating_add(1);
            let series = json!({"series": {"count": count, "lastObservedTime": MicroTime(Timestamp::now())}});
            let (how, series) = (PatchParams::default(), Patch::Merge(series));
            match token.send(REQUEST_TIMEOUT, events.patch(&told.name, &how, &series)).await {
                Ok(_) => {
                    (told.count, told.last) = (count, now);
                    return Ok(());
                }
                // It is gone, as Events go after an hour: it is told anew.
                Err(SendError::Api(kube::Error::Api(status))) if status.code == 404 => {}
                Err(error) => return Err(error),
            }
        }
        let event = event(&self.reporter, regarding, &subject.news, namespace);
        let name = event.metadata.name.clone().unwrap_or_default();
        token.send(REQUEST_TIMEOUT, events.create(&PostParams::default(), &event)).await?;
        self.told.insert(subject, Told { name, count: 1, last: now });
        Ok(())
    }
}

fn event(reporter: &Reporter, regarding: &ObjectReference, news: &News, namespace: &str) -> Event {
    let now = Timestamp::now();
    let suffix = format!(".{:x}{:04x}", now.as_nanosecond(), fastrand::u16(..));
    let mut name = regarding.name.clone().unwrap_or_default();
    name.truncate(name.floor_char_boundary(NAME_MAX - suffix.len()));
    let stem = name.trim_end_matches(|last: char| !last.is_ascii_alphanumeric());
    let mut note = news.note.clone();
    note.truncate(note.floor_char_boundary(NOTE_BYTES_MAX));
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{stem}{suffix}")),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        action: Some(news.action.to_owned()),
        event_time: Some(MicroTime(now)),
        note: Some(note),
        reason: Some(news.reason.clone()),
        regarding: Some(regarding.clone()),
        reporting_controller: Some(reporter.controller.clone()),
        reporting_instance: Some(reporter.instance.clone()),
        type_: Some("Warning".to_owned()),
        ..Event::default()
    }
}

#[cfg(test)]
mod tests;
