//! An API server for tests: no socket, no clock of its own; the test says what it answers.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Channel, Collected, Full};
use kube::{Client, client::Body};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) at: Instant,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    /// JSON; null without a body.
    pub(crate) body: Value,
}

impl Asked {
    pub(crate) fn is_watch(&self) -> bool {
        self.query.contains("watch=true")
    }
}

/// What is answered.
pub(crate) enum Answer {
    Json(Value),
    /// A failure: code and reason.
    Failure(u16, &'static str),
    /// The events of a watch, until their sender is gone.
    Watch(mpsc::UnboundedReceiver<Value>),
    /// The connection breaks.
    Broken,
    /// Something of these, later.
    After(Duration, Box<Answer>),
}

impl Answer {
    /// A watch that tells these events and ends.
    pub(crate) fn events(events: impl IntoIterator<Item = Value>) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        events.into_iter().for_each(|event| sender.send(event).unwrap());
        Self::Watch(receiver)
    }
}

/// What was asked so far.
pub(crate) type Log = Arc<Mutex<Vec<Asked>>>;

/// Returns a client of an API server that answers as `answer` says, and what it is asked.
pub(crate) fn client(answer: impl FnMut(&Asked) -> Answer + Send + 'static) -> (Client, Log) {
    let log = Log::default();
    let (asked, answer) = (log.clone(), Arc::new(Mutex::new(answer)));
    let service = tower::service_fn(move |request: Request<Body>| {
        let (log, answer) = (asked.clone(), answer.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
            let asked = Asked {
                at: Instant::now(),
                method: head.method,
                path: head.uri.path().to_owned(),
                query: head.uri.query().unwrap_or_default().to_owned(),
                body: serde_json::from_slice(&body).unwrap_or_default(),
            };
            log.lock().unwrap().push(asked.clone());
            let mut answer = (answer.lock().unwrap())(&asked);
            while let Answer::After(wait, next) = answer {
                sleep(wait).await;
                answer = *next;
            }
            respond(answer)
        }
    });
    (Client::new(service, "default"), log)
}

type AnyBody = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;

fn respond(answer: Answer) -> Result<Response<AnyBody>, String> {
    let whole = |value: &Value| Full::new(Bytes::from(value.to_string())).boxed_unsync();
    let (status, body) = match answer {
        Answer::Json(value) => (200, whole(&value)),
        Answer::Failure(code, reason) => (code, whole(&failure(code, reason))),
        Answer::Watch(mut events) => {
            let (mut sender, body) = Channel::new(1);
            tokio::spawn(async move {
                while let Some(event) = events.recv().await {
                    if sender.send_data(Bytes::from(format!("{event}\n"))).await.is_err() {
                        return;
                    }
                }
            });
            (200, body.boxed_unsync())
        }
        Answer::Broken | Answer::After(..) => return Err("the connection is broken".to_owned()),
    };
    Ok(Response::builder().status(status).header("content-type", "application/json").body(body).unwrap())
}

/// A `Status`, as it stands in answers and in ERROR events.
pub(crate) fn failure(code: u16, reason: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": reason})
}

/// The list of a kind at a version of the whole.
pub(crate) fn list(version: u64, items: &[Value]) -> Value {
    json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": version.to_string()}, "items": items})
}

/// An event of a watch.
pub(crate) fn event(r#type: &str, object: &Value) -> Value {
    json!({"type": r#type, "object": object})
}
