//! Kubernetes Events: what a person must act on, told when it begins to be so, by the leader alone.
//!
//! What is wrong is said in statuses, which stay; an Event is a pointer there, and may be lost.

mod news;
mod recorder;

use std::sync::Arc;

use gatewright_core::world::ObjectRef;
use k8s_openapi::api::core::v1::ObjectReference;
use tokio::sync::mpsc;

pub(crate) use self::{
    news::{News, of_statuses},
    recorder::{Reporter, run},
};
use crate::{leader::Tokens, vitals::Vitals};

/// Objects whose news wait to be sent. A thousand objects that turn bad at once are one fault, which the first ones tell.
const NOTICES_MAX: usize = 256;

/// News of one object.
pub(crate) struct Notice {
    regarding: ObjectReference,
    news: Vec<News>,
}

/// Where news are posted. Clones share.
#[derive(Clone)]
pub(crate) struct Board {
    notices: mpsc::Sender<Notice>,
    tokens: Tokens,
    vitals: Arc<Vitals>,
}

impl Board {
    /// Returns a board, and what is posted there while this process leads.
    pub(crate) fn new(tokens: Tokens, vitals: Arc<Vitals>) -> (Self, mpsc::Receiver<Notice>) {
        let (notices, posted) = mpsc::channel(NOTICES_MAX);
        (Self { notices, tokens, vitals }, posted)
    }

    /// Posts news of an object. Nobody waits for them: what there is no room for is counted and dropped.
    pub(crate) fn post(&self, object: &ObjectRef, uid: &str, news: Vec<News>) {
        if news.is_empty() || self.tokens.token().is_none() {
            return;
        }
        let count = news.len();
        if self.notices.try_send(Notice { regarding: regarding(object, uid), news }).is_err() {
            self.vitals.events("dropped", count);
        }
    }
}

fn regarding(object: &ObjectRef, uid: &str) -> ObjectReference {
    let ObjectRef { kind, key } = object;
    ObjectReference {
        api_version: Some(kind.api_version()),
        kind: Some(kind.name().to_owned()),
        name: Some(key.name.clone()),
        namespace: kind.is_namespaced().then(|| key.namespace.clone()),
        uid: (!uid.is_empty()).then(|| uid.to_owned()),
        ..ObjectReference::default()
    }
}
