//! The loop: changes in, Plans and statuses out.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use gatewright_core::{
    Outcome, compile,
    world::{Controllers, Inspect, Kind, ObjectRef, Settings as WorldSettings, World},
};
use kube::Client;
use tokio::{
    sync::{mpsc, watch as channel},
    task::spawn_blocking,
    time::{sleep, sleep_until},
};

use crate::{
    picture::{Picture, Readiness},
    status::{self, Desk},
    watch::{self, CHANGES_MAX, Change, Kinds, Subject},
};

/// How long after a change others are waited for: what one command applies mostly arrives within it.
const DEBOUNCE: Duration = Duration::from_millis(3);

/// How the controller is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Names of the controllers whose GatewayClasses are served.
    pub controller_names: Vec<String>,
    pub inspect: Inspect,
}

/// Runs until the process is told to stop.
pub async fn run(client: Client, settings: Settings) {
    let controllers = Controllers::Named(settings.controller_names);
    let desk = Arc::new(Desk::new(controllers.clone()));
    let kinds = Kinds::default();
    let (changes_in, changes) = mpsc::channel(CHANGES_MAX);
    let (wanted, wanted_out) = channel::channel(BTreeSet::new());
    let (_leads, is_leader) = channel::channel(true);
    tokio::spawn(watch::run(client.clone(), kinds.clone(), wanted_out, changes_in));
    tokio::spawn(status::run(client, desk.clone(), kinds, is_leader));
    let world = WorldSettings { controllers, merge_gateways: false, inspect: settings.inspect };
    let engine = Engine { picture: Picture::new(world, desk.clone()), desk, changes, wanted, is_due: true };
    engine.run().await;
}

struct Engine {
    picture: Picture,
    desk: Arc<Desk>,
    changes: mpsc::Receiver<Change>,
    wanted: channel::Sender<BTreeSet<Subject>>,
    /// Whether the World was not compiled since it changed.
    is_due: bool,
}

impl Engine {
    async fn run(mut self) {
        loop {
            if !self.take_changes().await {
                return;
            }
            match self.picture.readiness() {
                Readiness::Ready if self.is_due => self = self.act().await,
                Readiness::Ready | Readiness::Until(_) | Readiness::Waiting => {}
            }
        }
    }

    /// Waits for changes and draws them. False when there will be none.
    async fn take_changes(&mut self) -> bool {
        let mut changes = Vec::new();
        let waiting_until = match self.picture.readiness() {
            Readiness::Until(until) => until,
            Readiness::Ready | Readiness::Waiting => Instant::now() + Duration::from_secs(3600),
        };
        tokio::select! {
            count = self.changes.recv_many(&mut changes, CHANGES_MAX) => if count == 0 { return false },
            () = sleep_until(waiting_until.into()) => return true,
        }
        sleep(DEBOUNCE).await;
        while changes.len() < CHANGES_MAX
            && let Ok(change) = self.changes.try_recv()
        {
            changes.push(change);
        }
        let bundle_before = self.picture.world.observed.bundle_version.clone();
        changes.into_iter().for_each(|change| self.picture.apply(change));
        self.is_due |= self.picture.world.has_changes();
        self.is_due |= self.picture.world.observed.bundle_version != bundle_before;
        if self.picture.world.has_changes()
            && let Some(wanted) = self.picture.find_wanted()
        {
            self.wanted.send_replace(wanted);
        }
        true
    }

    /// Compiles the World and hands on what comes of it.
    async fn act(mut self) -> Self {
        self.is_due = false;
        let since = Instant::now();
        let (mut engine, outcome) = blocking(self, |engine| {
            engine.picture.world.take_changes();
            compile(&engine.picture.world)
        })
        .await;
        tracing::debug!(elapsed = ?since.elapsed(), statuses = outcome.statuses.len(), "compiled");
        engine.hand_on(outcome);
        engine
    }

    fn hand_on(&mut self, outcome: Outcome) {
        self.desk.update(outcome.statuses, &classes_in_use(&self.picture.world));
    }
}

/// Computes on a thread that may take its time.
async fn blocking<S: Send + 'static, T: Send + 'static>(
    mut state: S,
    compute: impl FnOnce(&mut S) -> T + Send + 'static,
) -> (S, T) {
    let computed = spawn_blocking(move || {
        let answer = compute(&mut state);
        (state, answer)
    });
    match computed.await {
        Ok(computed) => computed,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Returns for each GatewayClass of ours whether Gateways use it.
fn classes_in_use(world: &World) -> BTreeMap<ObjectRef, bool> {
    let used: BTreeSet<&str> =
        world.gateways.values().map(|gateway| gateway.spec.gateway_class_name.as_str()).collect();
    let ours = world.gateway_classes.iter().filter(|(_, class)| world.serves(&class.spec.controller_name));
    ours.map(|(key, _)| (ObjectRef { kind: Kind::GatewayClass, key: key.clone() }, used.contains(key.name.as_str())))
        .collect()
}
