//! Everything that the main loop waits for, in one queue: the controller's resources, signals, time.
//!
//! A thread of its own talks to the controller, so that putting a Plan in force never holds up the connection.

use std::{collections::BTreeMap, io, sync::Arc, thread, time::Duration};

use gatewright_xds::{Acknowledgement, Client, Event, Resource, TlsDial, Version};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use crate::serving::signal::{self, Signal};

/// How often what failed is tried again, and what is new is written to the cache.
const TICK: Duration = Duration::from_secs(5);

/// What to do next.
pub(super) enum News {
    Piece {
        added: Vec<Resource>,
        removed: Vec<Arc<str>>,
    },
    /// Everything up to here is one whole.
    Complete(Version),
    Connected(bool),
    Tick,
    /// Nobody new is to come.
    Stop,
    /// The time is up for others to hear of it.
    Drain,
}

/// The main loop's end of the queue.
pub(super) struct Channel {
    news: mpsc::Receiver<News>,
    acknowledgements: mpsc::Sender<Acknowledgement>,
}

impl Channel {
    /// Waits for what comes next; `None` when nothing more can.
    pub(super) fn next(&mut self) -> Option<News> {
        self.news.blocking_recv()
    }

    /// Tells the controller what became of a snapshot.
    pub(super) fn acknowledge(&self, acknowledgement: Acknowledgement) {
        // It is full when there is no controller: then the next connection asks again.
        let _ = self.acknowledgements.try_send(acknowledgement);
    }
}

/// Starts to listen. `known` is what the main loop has already.
///
/// # Errors
/// When the system refuses a thread, an event loop or a handler for signals.
pub(super) fn listen(
    dial: TlsDial,
    node: String,
    known: BTreeMap<Arc<str>, Version>,
    min_drain: Duration,
) -> io::Result<Channel> {
    // One waits while one is worked on: the controller is asked to wait, not memory to grow.
    let (sender, news) = mpsc::channel(1);
    let (acknowledgements, acknowledged) = mpsc::channel(4);
    let (events, happened) = mpsc::channel(1);
    let (connected, connection) = watch::channel(false);
    let (signals, signalled) = mpsc::unbounded_channel();
    signal::listen(move |signal| {
        // The thread is gone only when the process ends.
        let _ = signals.send(signal);
    })?;
    let client = Client { dial, node, known, events, acknowledgements: acknowledged, connected };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("control".into()).spawn(move || {
        runtime.block_on(async move {
            tokio::select! {
                () = client.run() => {}
                () = forward(happened, connection, signalled, min_drain, sender) => {}
            }
        });
    })?;
    Ok(Channel { news, acknowledgements })
}

/// Puts everything into the one queue, until its other end is gone.
async fn forward(
    mut events: mpsc::Receiver<Event>,
    mut connection: watch::Receiver<bool>,
    mut signals: mpsc::UnboundedReceiver<Signal>,
    min_drain: Duration,
    news: mpsc::Sender<News>,
) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut drain_at: Option<Instant> = None;
    loop {
        let drain = async {
            match drain_at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let next = tokio::select! {
            () = drain => News::Drain,
            Some(signal) = signals.recv() => match signal {
                Signal::Stop if drain_at.is_none() => {
                    drain_at = Some(Instant::now() + min_drain);
                    News::Stop
                }
                Signal::Stop | Signal::Reload => continue,
            },
            Ok(()) = connection.changed() => News::Connected(*connection.borrow_and_update()),
            Some(event) = events.recv() => match event {
                Event::Piece { added, removed } => News::Piece { added, removed },
                Event::Complete(version) => News::Complete(version),
            },
            _ = ticks.tick() => News::Tick,
        };
        if news.send(next).await.is_err() {
            return;
        }
    }
}
