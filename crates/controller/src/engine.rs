//! The loop: changes in, Plans and statuses out.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use gatewright_core::{
    Compiler, Outcome,
    infrastructure::identities,
    world::{Controllers, DataPlane, Inspect, Kind, ObjectKey, ObjectRef, Observed, Settings as WorldSettings, World},
};
use gatewright_xds::Server;
use kube::Client;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch as channel},
    task::spawn_blocking,
    time::{sleep, sleep_until, timeout},
};

use crate::{
    aside,
    authenticate::{Accounts, Reviewer},
    authority::{self, Authority},
    event::{self, Board, Reporter},
    leader::{self, Candidate, Leadership},
    picture::{Picture, Readiness},
    provision::{self, Provisioner, Seen, Wanted},
    publish::Publisher,
    relay::{self, Road},
    status::{self, Desk},
    vitals::Vitals,
    watch::{self, CHANGES_MAX, Change, Kinds, Subject},
};

/// How long after a change others are waited for: what one command applies mostly arrives within it.
const DEBOUNCE: Duration = Duration::from_millis(3);

/// How long statuses wait for proxies that were up to date a moment ago; they take milliseconds.
const CONFIRMATION_WAIT: Duration = Duration::from_secs(1);

/// How long after the start statuses wait for proxies that run already and have to find this controller: without it, a
/// restart would tell the world that nothing is programmed.
const REUNION_WAIT: Duration = Duration::from_secs(5);

/// How long the API server has to take the Lease back when the process stops.
const RELEASE_WAIT: Duration = Duration::from_secs(5);

/// How the controller is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Names of the controllers whose GatewayClasses are served.
    pub controller_names: Vec<String>,
    pub inspect: Inspect,
    /// The controller's own namespace.
    pub namespace: String,
    /// The Pod's name: no two replicas have the same.
    pub name: String,
    /// Where the control channel listens.
    pub listen: SocketAddr,
    /// Where other replicas reach it: the Pod's IP address.
    pub address: IpAddr,
    /// Image of the proxies.
    pub image: String,
    /// The token that a replica shows to the one that leads.
    pub token: PathBuf,
    /// Where it is noted how the controller does.
    pub vitals: Arc<Vitals>,
}

/// Runs until `stop` says so.
///
/// # Errors
/// When the control channel cannot listen.
pub async fn run(client: Client, settings: Settings, mut stop: channel::Receiver<bool>) -> Result<(), String> {
    let controllers = Controllers::Named(settings.controller_names.clone());
    let desk = Arc::new(Desk::new(controllers.clone()));
    let kinds = Kinds::default();
    let (changes_in, changes) = mpsc::channel(CHANGES_MAX);
    let (wanted, wanted_out) = channel::channel(BTreeSet::new());
    let (leads_in, leads) = channel::channel(false);
    tokio::spawn(watch::run(client.clone(), kinds.clone(), wanted_out, changes_in));
    let (board, posted) = Board::new(leads.clone(), settings.vitals.clone());
    let reporter = Reporter {
        controller: settings.controller_names.first().cloned().unwrap_or_default(),
        instance: settings.name.clone(),
    };
    tokio::spawn(event::run(client.clone(), reporter, posted, settings.vitals.clone()));
    let telling = (board, settings.vitals.clone());
    tokio::spawn(status::run(client.clone(), desk.clone(), kinds, leads.clone(), telling));
    let accounts = Accounts::default();
    let serving = stop.clone();
    let (server, ca) = tokio::select! {
        opened = open_channel(&client, &settings, accounts.clone(), &serving) => opened?,
        _ = stop.wait_for(|stop| *stop) => return Ok(()),
    };
    let (others, others_out) = channel::channel(BTreeSet::new());
    let road = Road {
        name: authority::names(&settings.namespace).swap_remove(0),
        ca: ca.as_str().into(),
        token: settings.token.clone(),
    };
    let (reached, reached_out) = channel::channel(tokio::time::Instant::now());
    tokio::spawn(aside::run(server.clone(), road.clone(), others_out, reached_out));
    let lead = lead(client.clone(), settings.clone(), (server.clone(), road), (leads_in, reached), stop.clone());
    let lead = tokio::spawn(lead);
    let (infrastructure, infrastructure_out) = channel::channel(None);
    let (seen_in, seen) = channel::channel(None);
    let control_plane = format!("https://{}.{}.svc:{}", authority::SERVICE, settings.namespace, settings.listen.port());
    let provisioning =
        provision::Settings { namespace: settings.namespace.clone(), image: settings.image.clone(), control_plane, ca };
    tokio::spawn(Provisioner::new(client, provisioning).run(infrastructure_out, leads, seen_in));
    let world = WorldSettings { controllers, merge_gateways: false, inspect: settings.inspect };
    let engine = Engine {
        picture: Picture::new(world, desk.clone(), settings.vitals.clone()),
        compiler: Compiler::default(),
        unsaid: BTreeSet::new(),
        reunion_until: None,
        is_open: false,
        desk,
        publisher: Publisher::new(server.clone()),
        accounts,
        others,
        channel: SocketAddr::new(settings.address, settings.listen.port()),
        namespace: settings.namespace,
        vitals: settings.vitals,
        infrastructure,
        changes,
        wanted,
        is_due: true,
    };
    engine.run(Facts { seen, standings: server.watch(), stop }).await;
    // Another leads at once when the Lease is given back. Without an answer it ends by itself.
    _ = timeout(RELEASE_WAIT, lead).await;
    Ok(())
}

/// Starts to serve proxies, and returns also what they must trust.
async fn open_channel(
    client: &Client,
    settings: &Settings,
    accounts: Accounts,
    stop: &channel::Receiver<bool>,
) -> Result<(Server, String), String> {
    let authority = Authority::open(client, &settings.namespace).await;
    let ca = authority.certificate.clone();
    let identity = authority.serve()?;
    let own = ObjectKey::new(settings.namespace.as_str(), authority::SERVICE);
    let server = Server::new(Reviewer { client: client.clone(), accounts, own });
    let listener = TcpListener::bind(settings.listen).await;
    let listener = listener.map_err(|error| format!("cannot listen on {}: {error}", settings.listen))?;
    let (serving, mut stop) = (server.clone(), stop.clone());
    tokio::spawn(async move {
        let stopped = async move { _ = stop.wait_for(|stop| *stop).await };
        if let Err(error) = serving.serve(listener, identity, stopped).await {
            tracing::error!(%error, "the control channel ended");
        }
    });
    Ok((server, ca))
}

/// Stands for election, and tells the leader what proxies confirm here as long as that is another.
async fn lead(
    client: Client,
    settings: Settings,
    (server, road): (Server, Road),
    (leads, reached): (channel::Sender<bool>, channel::Sender<tokio::time::Instant>),
    stop: channel::Receiver<bool>,
) {
    let (leadership_in, mut leadership) = channel::channel(Leadership::default());
    let candidate = Candidate {
        address: SocketAddr::new(settings.address, settings.listen.port()).to_string(),
        name: settings.name,
        namespace: settings.namespace.clone(),
    };
    tokio::spawn(relay::run(server, road, leadership.clone()));
    let vitals = settings.vitals;
    tokio::spawn(async move {
        while leadership.changed().await.is_ok() {
            let is_ours = leadership.borrow_and_update().is_ours;
            vitals.leads(is_ours);
            if leads.send(is_ours).is_err() {
                return;
            }
        }
    });
    leader::run(client, candidate, leadership_in, reached, stop).await;
}

struct Engine {
    picture: Picture,
    compiler: Compiler,
    /// Whose status is another one than the desk knows.
    unsaid: BTreeSet<ObjectRef>,
    /// `None` before the first Plans are out.
    reunion_until: Option<Instant>,
    /// Whether statuses are given out.
    is_open: bool,
    desk: Arc<Desk>,
    publisher: Publisher,
    accounts: Accounts,
    /// Where the other controllers serve proxies, and where we do.
    others: channel::Sender<BTreeSet<SocketAddr>>,
    channel: SocketAddr,
    namespace: String,
    vitals: Arc<Vitals>,
    infrastructure: channel::Sender<Wanted>,
    changes: mpsc::Receiver<Change>,
    wanted: channel::Sender<BTreeSet<Subject>>,
    /// Whether the World was not compiled since it changed.
    is_due: bool,
}

/// What comes from the running world besides objects.
struct Facts {
    seen: channel::Receiver<Option<BTreeMap<DataPlane, Seen>>>,
    standings: channel::Receiver<u64>,
    stop: channel::Receiver<bool>,
}

impl Engine {
    async fn run(mut self, mut facts: Facts) {
        while self.take_news(&mut facts).await {
            match self.picture.readiness() {
                Readiness::Ready if self.is_due => self = self.act(&mut facts).await,
                Readiness::Ready | Readiness::Until(_) | Readiness::Waiting => {}
            }
            self.open(&facts);
        }
    }

    /// Waits for something new and takes it in. False when it is time to stop.
    async fn take_news(&mut self, facts: &mut Facts) -> bool {
        let mut changes = Vec::new();
        let waiting_until = match self.picture.readiness() {
            Readiness::Until(until) => until,
            // The last round observed something new at its end: nobody else will say it again.
            Readiness::Ready if self.is_due => Instant::now(),
            Readiness::Ready | Readiness::Waiting => Instant::now() + Duration::from_secs(3600),
        };
        let reunion_until = self.reunion_until.filter(|_| !self.is_open && !self.is_due);
        let waiting_until = reunion_until.map_or(waiting_until, |until| until.min(waiting_until));
        tokio::select! {
            count = self.changes.recv_many(&mut changes, CHANGES_MAX) => if count == 0 { return false },
            Ok(()) = facts.seen.changed() => {}
            Ok(()) = facts.standings.changed() => {}
            () = sleep_until(waiting_until.into()) => return true,
            _ = facts.stop.wait_for(|stop| *stop) => return false,
        }
        sleep(DEBOUNCE).await;
        while changes.len() < CHANGES_MAX
            && let Ok(change) = self.changes.try_recv()
        {
            changes.push(change);
        }
        self.draw(changes);
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
        if are_all_back || until <= Instant::now() {
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
            self.wanted.send_replace(wanted);
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
            self.is_due = true;
        }
    }

    /// Whether a data plane that was up to date is no longer, as far as is known now.
    fn is_anybody_behind(&mut self, facts: &mut Facts) -> bool {
        facts.standings.mark_unchanged();
        let seen = facts.seen.borrow_and_update().clone().unwrap_or_default();
        let now = self.publisher.observe(&seen);
        let before = &self.picture.world.observed.data_planes;
        before
            .iter()
            .any(|(data_plane, state)| state.confirmed && now.get(data_plane).is_some_and(|state| !state.confirmed))
    }

    /// Compiles the World and hands on what comes of it. Statuses last: they speak of what proxies do.
    async fn act(mut self, facts: &mut Facts) -> Self {
        self.is_due = false;
        self.picture.used();
        let since = Instant::now();
        let (mut engine, delta) = blocking(self, |engine| engine.compiler.compile(&mut engine.picture.world)).await;
        engine.vitals.compiled(since.elapsed());
        tracing::debug!(elapsed = ?since.elapsed(), statuses = delta.statuses.len(), "compiled");
        engine.unsaid.extend(delta.statuses);
        let Outcome { plans, infrastructure, .. } = engine.compiler.outcome();
        let (plans, infrastructure) = (plans.clone(), infrastructure.clone());
        let held = infrastructure.iter().filter(|(_, it)| it.parameters.is_none()).map(|(data_plane, _)| data_plane);
        engine.accounts.replace(identities(&infrastructure, &engine.namespace), &held.collect());
        engine.infrastructure.send_if_modified(|before| {
            let is_new = before.as_deref() != Some(&infrastructure);
            *before = Some(Arc::new(infrastructure));
            is_new
        });
        let others = aside::others(&engine.picture.world, &engine.namespace, engine.channel);
        engine.others.send_if_modified(|before| {
            *before != others && {
                *before = others;
                true
            }
        });
        engine.publisher.publish(plans);
        engine.vitals.published();
        engine.reunion_until.get_or_insert_with(|| Instant::now() + REUNION_WAIT);
        engine.wait_for_proxies(facts).await;
        // If a proxy does not follow, or says no, the statuses are not true: the next round makes others.
        if !engine.is_due {
            let unsaid = std::mem::take(&mut engine.unsaid);
            let statuses = &engine.compiler.outcome().statuses;
            engine.desk.update(&unsaid, statuses, &classes_in_use(&engine.picture.world));
        }
        engine
    }

    /// Waits until the data planes that were up to date are so again, and observes how they stand. One that is not in
    /// time is known not to be, and is not waited for again.
    async fn wait_for_proxies(&mut self, facts: &mut Facts) {
        let deadline = sleep(CONFIRMATION_WAIT);
        tokio::pin!(deadline);
        while self.is_anybody_behind(facts) {
            tokio::select! {
                Ok(()) = facts.standings.changed() => {}
                () = &mut deadline => break,
            }
        }
        self.observe(facts);
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
