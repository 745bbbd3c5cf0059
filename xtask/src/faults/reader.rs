//! A stranger to the product at the controller's end of the channel: shows a token, and writes down all that it is given.
//!
//! It confirms whatever comes, as a proxy does, so that nobody waits for it. It cannot read what the bytes mean.

use std::{collections::BTreeMap, io::Write, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use bytes::Bytes;
use gatewright_xds::{Acknowledgement, Client, Event, TlsDial, Trust, Version};
use tempfile::NamedTempFile;
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

/// What was given so far.
#[derive(Default)]
pub(super) struct Received {
    /// What it has now.
    has: BTreeMap<Arc<str>, Bytes>,
    /// Everything that it ever had, in the order in which it came.
    ever: Vec<(Arc<str>, Bytes)>,
    is_complete: bool,
}

/// Reads until it is dropped.
pub(super) struct Reader {
    received: watch::Receiver<Received>,
    /// Is read again for every connection.
    _token: NamedTempFile,
}

impl Reader {
    /// Connects to the controller at `address`, which `ca` vouches for as `name`, and claims to have `known` already.
    pub(super) fn start(address: String, name: &str, ca: &str, token: &str, known: &[Arc<str>]) -> Result<Self> {
        let mut file = NamedTempFile::new()?;
        file.write_all(token.as_bytes())?;
        let dial =
            TlsDial { address, name: Some(name.into()), trust: Trust::Pem(ca.into()), token: file.path().into() };
        let (events_in, events) = mpsc::channel(1);
        let (acknowledgements_in, acknowledgements) = mpsc::channel(1);
        let client = Client {
            dial,
            node: "reader".into(),
            // Of an earlier body, so that whoever may have the resource is sent it.
            known: known.iter().map(|name| (name.clone(), Version::of(b""))).collect(),
            events: events_in,
            acknowledgements,
            connected: watch::Sender::new(false),
        };
        tokio::spawn(client.run());
        let (received_in, received) = watch::channel(Received::default());
        tokio::spawn(write_down(events, acknowledgements_in, received_in));
        Ok(Self { received, _token: file })
    }

    /// Waits until it was given everything that there is for it.
    pub(super) async fn complete(&self, patience: Duration) -> Result<()> {
        self.until(patience, |received| received.is_complete).await.context("the controller sends no whole Plan")
    }

    /// Waits until it has something that contains these words, or nothing of the kind any more.
    pub(super) async fn until_has(&self, words: &str, has: bool, patience: Duration) -> Result<()> {
        self.until(patience, |received| contain(&received.has, words) == has).await
    }

    async fn until(&self, patience: Duration, is_there: impl Fn(&Received) -> bool) -> Result<()> {
        let mut received = self.received.clone();
        let waited = timeout(patience, received.wait_for(is_there)).await;
        waited.with_context(|| format!("not within {patience:?}"))?.context("the reader has ended")?;
        Ok(())
    }

    /// Whether it was ever given these words.
    pub(super) fn ever_had(&self, words: &str) -> bool {
        contain(self.received.borrow().ever.iter().map(|(name, body)| (name, body)), words)
    }

    pub(super) fn names(&self) -> Vec<Arc<str>> {
        self.received.borrow().has.keys().cloned().collect()
    }

    /// How much it was ever given.
    pub(super) fn count(&self) -> usize {
        self.received.borrow().ever.len()
    }
}

fn contain<'a>(resources: impl IntoIterator<Item = (&'a Arc<str>, &'a Bytes)>, words: &str) -> bool {
    let in_body = |body: &Bytes| body.windows(words.len()).any(|part| part == words.as_bytes());
    resources.into_iter().any(|(name, body)| name.contains(words) || in_body(body))
}

async fn write_down(
    mut events: mpsc::Receiver<Event>,
    acknowledgements: mpsc::Sender<Acknowledgement>,
    received: watch::Sender<Received>,
) {
    // A reader that is dropped hears nothing any more, and its connection ends.
    while let Some(event) = tokio::select! { event = events.recv() => event, () = received.closed() => None } {
        match event {
            Event::Piece { added, removed } => received.send_modify(|received| {
                for resource in added {
                    received.ever.push((resource.name.clone(), resource.body.clone()));
                    received.has.insert(resource.name, resource.body);
                }
                removed.iter().for_each(|name| _ = received.has.remove(name));
            }),
            Event::Complete(version) => {
                received.send_modify(|received| received.is_complete = true);
                // Full while there is no connection: the next one begins anew.
                _ = acknowledgements.try_send(Acknowledgement { version, rejected: BTreeMap::new() });
            }
        }
    }
}
