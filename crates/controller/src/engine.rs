//! The loop: changes in, Plans and statuses out. It waits for nobody: one proxy that does not answer delays no edit.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use gatewright_core::{
    Compiler, Outcome,
    infrastructure::identities,
    world::{DataPlane, Kind, ObjectRef, Observed, World},
};
use gatewright_xds::Server;
use tokio::{
    sync::{mpsc, watch as channel},
    task::spawn_blocking,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    aside,
    authenticate::Accounts,
    picture::{Picture, Readiness},
    provision::{Seen, Wanted},
    publish::Publisher,
    status::{Desk, Speaker},
    vitals::Vitals,
    watch::{CHANGES_MAX, Change, Subject},
};

/// How long after a change others are waited for: what one command applies mostly arrives within it.
const DEBOUNCE: Duration = Duration::from_millis(3);

/// The least time from the end of one round to the next. Proxies are sent no more than a version in so long.
const ROUND_INTERVAL: Duration = Duration::from_millis(10);

/// The most time from the end of one round to the next, while proxies that follow are still busy with what came of it: one
/// version of many changes costs them less than many versions. Who is slower holds up nobody.
const PACE_INTERVAL: Duration = Duration::from_millis(50);

/// How long after the start statuses wait for proxies that run already and have to find this controller: without it, a
/// restart would tell the world that nothing is programmed.
const REUNION_WAIT: Duration = Duration::from_secs(5);

/// How long to wait for news when nothing else is to come.
const LONG: Duration = Duration::from_secs(3600);

/// The loop's ends of the channels to the other tasks, and what it tells them of this process.
pub(crate) struct Ends {
    pub(crate) changes: mpsc::Receiver<Change>,
    pub(crate) wanted: channel::Sender<BTreeSet<Subject>>,
    pub(crate) infrastructure: channel::Sender<Wanted>,
    /// Where the other controllers serve proxies, and where we do.
    pub(crate) others: channel::Sender<BTreeSet<SocketAddr>>,
    pub(crate) channel: SocketAddr,
    /// The controller's own.
    pub(crate) namespace: String,
    pub(crate) accounts: Accounts,
}

pub(crate) struct Engine {
    picture: Picture,
    compiler: Compiler,
    speaker: Speaker,
    /// `None` before the first Plans are out.
    reunion_until: Option<Instant>,
    /// Whether statuses are given out.
    is_open: bool,
    desk: Arc<Desk>,
    publisher: Publisher,
    ends: Ends,
    vitals: Arc<Vitals>,
    /// Whether the World was not compiled since it changed.
    is_due: bool,
    /// When the Plans of the last round were out.
    published_at: Instant,
}

/// What comes from the running world besides objects.
pub(crate) struct Facts {
    pub(crate) seen: channel::Receiver<Option<BTreeMap<DataPlane, Seen>>>,
    pub(crate) standings: channel::Receiver<u64>,
    pub(crate) stop: channel::Receiver<bool>,
}

impl Engine {
    pub(crate) fn new(picture: Picture, desk: Arc<Desk>, server: Server, ends: Ends, vitals: Arc<Vitals>) -> Self {
        Self {
            picture,
            compiler: Compiler::default(),
            speaker: Speaker::new(desk.clone()),
            reunion_until: None,
            is_open: false,
            desk,
            publisher: Publisher::new(server),
            ends,
            vitals,
            is_due: true,
            published_at: Instant::now(),
        }
    }

    /// Goes round until it is time to stop.
    pub(crate) async fn run(mut self, mut facts: Facts) {
        while self.take_news(&mut facts).await {
            if self.round_at().is_some_and(|at| at <= Instant::now()) {
                self = self.act(&mut facts).await;
            }
            self.speak();
            self.open(&facts);
        }
    }

    /// Returns when the next round is to begin, if one is due and can.
    fn round_at(&self) -> Option<Instant> {
        let is_ready = matches!(self.picture.readiness(), Readiness::Ready);
        (is_ready && self.is_due).then(|| match self.reunion_until {
            // Nothing was published yet.
            None => Instant::now(),
            Some(_) if self.publisher.is_anybody_behind(self.published_at) => self.published_at + PACE_INTERVAL,
            Some(_) => self.published_at + ROUND_INTERVAL,
        })
    }

    /// Returns when something is to be done though nothing happens.
    fn wakes_at(&self) -> Instant {
        let readiness = match self.picture.readiness() {
            Readiness::Until(until) => Some(until.into()),
            Readiness::Ready | Readiness::Waiting => None,
        };
        let reunion = self.reunion_until.filter(|_| !self.is_open && !self.is_due);
        let times = [self.round_at(), readiness, reunion, self.publisher.patience_ends()];
        times.into_iter().flatten().min().unwrap_or_else(|| Instant::now() + LONG)
    }

    /// Waits for something new and takes it in. False when it is time to stop.
    async fn take_news(&mut self, facts: &mut Facts) -> bool {
        let mut changes = Vec::new();
        let wakes_at = self.wakes_at();
        let has_news = tokio::select! {
            count = self.ends.changes.recv_many(&mut changes, CHANGES_MAX) => if count == 0 { return false } else { true },
            Ok(()) = facts.seen.changed() => true,
            Ok(()) = facts.standings.changed() => true,
            () = sleep_until(wakes_at) => false,
            _ = facts.stop.wait_for(|stop| *stop) => return false,
        };
        if has_news {
            sleep(DEBOUNCE).await;
            while changes.len() < CHANGES_MAX
                && let Ok(change) = self.ends.changes.try_recv()
            {
                changes.push(change);
            }
            self.draw(changes);
        }
        self.observe(facts);
        true
    }

    /// Lets statuses out when the proxies that run are known to be up to date, or had their time.
    fn open(&mut self, facts: &Facts) {
        let (Some(until), false) = (self.reunion_until, self.is_open || self.is_due) else { return };
        let are_all_back = facts.seen.borrow().as_ref().is_some_and(|seen| {
            let states = &self.picture.world.observed.data_planes;
            let mut running = states.iter().filter(|(plane, _)| seen.get(*plane).is_some_and(|seen| seen.available));
            running.all(|(_, state)| state.confirmed)
        });
        if are_all_back && self.speaker.has_said_all() || until <= Instant::now() {
            self.is_open = true;
            self.desk.open();
        }
    }

    fn draw(&mut self, changes: Vec<Change>) {
        let told =
            |observed: &Observed| (observed.bundle.clone(), observed.unserved.clone(), observed.forbidden.clone());
        let before = told(&self.picture.world.observed);
        changes.into_iter().for_each(|change| self.picture.apply(change));
        self.is_due |= self.picture.world.has_changes() || told(&self.picture.world.observed) != before;
        if self.picture.world.has_changes()
            && let Some(wanted) = self.picture.find_wanted()
        {
            self.ends.wanted.send_replace(wanted);
        }
    }

    /// Takes what is known of the data planes into the World.
    fn observe(&mut self, facts: &mut Facts) {
        facts.standings.mark_unchanged();
        let seen = facts.seen.borrow_and_update().clone().unwrap_or_default();
        let data_planes = self.publisher.observe(&seen);
        let shared_classes = self.publisher.shared_classes(&seen);
        let observed = &mut self.picture.world.observed;
        if observed.data_planes != data_planes || observed.shared_classes != shared_classes {
            observed.data_planes = data_planes;
            observed.shared_classes = shared_classes;
            self.speaker.doubt();
            self.is_due = true;
        }
    }

    /// Says what is true by now. What a round that is due would change waits for it.
    fn speak(&mut self) {
        let publisher = &self.publisher;
        let is_behind = |then| publisher.is_anybody_behind(then);
        if self.is_due {
            self.speaker.say(is_behind);
        } else {
            self.speaker.speak(&self.compiler.outcome().statuses, self.published_at, is_behind);
        }
    }

    /// Compiles the World and hands on what comes of it, but for the statuses: they speak of what proxies do.
    async fn act(mut self, facts: &mut Facts) -> Self {
        self.is_due = false;
        self.picture.used();
        let since = Instant::now();
        let (mut engine, delta) = blocking(self, |engine| engine.compiler.compile(&mut engine.picture.world)).await;
        engine.vitals.compiled(since.elapsed());
        tracing::debug!(elapsed = ?since.elapsed(), statuses = delta.statuses.len(), "compiled");
        engine.speaker.heard(delta.statuses);
        engine.hand_on();
        engine.vitals.published();
        engine.published_at = Instant::now();
        engine.reunion_until.get_or_insert(engine.published_at + REUNION_WAIT);
        engine.desk.use_classes(&classes_in_use(&engine.picture.world));
        engine.observe(facts);
        engine
    }

    /// Gives everybody what the compiler has for them: identities first, then where to run, then what to serve.
    fn hand_on(&mut self) {
        let Outcome { plans, infrastructure, .. } = self.compiler.outcome();
        let (plans, infrastructure) = (plans.clone(), infrastructure.clone());
        let held = infrastructure.iter().filter(|(_, it)| it.parameters.is_none()).map(|(data_plane, _)| data_plane);
        self.ends.accounts.replace(identities(&infrastructure, &self.ends.namespace), &held.collect());
        self.ends.infrastructure.send_if_modified(|before| {
            let is_new = before.as_deref() != Some(&infrastructure);
            *before = Some(Arc::new(infrastructure));
            is_new
        });
        let others = aside::others(&self.picture.world, &self.ends.namespace, self.ends.channel);
        self.ends.others.send_if_modified(|before| {
            *before != others && {
                *before = others;
                true
            }
        });
        self.publisher.publish(plans);
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

#[cfg(test)]
mod tests;
