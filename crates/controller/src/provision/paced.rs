//! Watches of provisioned objects, polled after a failure no sooner than those of other objects.

use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use kube::runtime::watcher::{Event, Result};
use tokio::time::sleep;

use crate::watch::{Backoff, RETRY, failure};

/// Returns the events of a watch, which waits as long as its last failure demands.
pub(super) fn paced<K: 'static>(
    events: impl Stream<Item = Result<Event<K>>> + Send + 'static,
) -> impl Stream<Item = Result<Event<K>>> + Send {
    let backoff = Backoff::new(RETRY.0, RETRY.1);
    stream::unfold((events.boxed(), backoff, Duration::ZERO), |(mut events, mut backoff, wait)| async move {
        sleep(wait).await;
        let event = events.next().await?;
        let wait = match &event {
            // That it begins to list is no success yet.
            Ok(Event::Init) => Duration::ZERO,
            Ok(_) => {
                backoff.reset();
                Duration::ZERO
            }
            Err(error) => failure(error, &mut backoff).1,
        };
        Some((event, (events, backoff, wait)))
    })
}

#[cfg(test)]
mod tests;
