//! The loop that makes it so: watches what it made, and applies, mends and deletes while it leads.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use gatewright_core::{infrastructure::Infrastructure, world::DataPlane};
use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
    core::DynamicObject,
    runtime::watcher,
};
use serde_json::Value;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout, timeout_at},
};
use tracing::{info, warn};

use super::{
    Seen, Settings, desired,
    kind::{Id, Made},
    label,
    paced::paced,
    round::{self, Applied, Order, Step},
    seen,
    stock::Stock,
};
use crate::watch::WATCH_SECONDS;

/// Who applies, as managed fields name it.
const FIELD_MANAGER: &str = "gatewright";

/// Data planes worked on at once: enough to fill the API server's answer times, few enough to leave it to others.
const AT_ONCE: usize = 8;

/// How long the API server may take for one object.
const STEP_TIMEOUT: Duration = Duration::from_secs(15);

/// How the API server refuses what an object says.
const UNPROCESSABLE: u16 = 422;

/// Changes that come within this time are dealt with together.
const DEBOUNCE: Duration = Duration::from_millis(20);

/// After a failure, the first and the longest wait before a data plane is tried again.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// What is wanted: nothing is known yet while it is `None`.
pub type Wanted = Option<Arc<BTreeMap<DataPlane, Infrastructure>>>;

/// Keeps the objects of data planes as they are wanted.
pub struct Provisioner {
    client: Client,
    settings: Settings,
    stock: Stock,
    applied: BTreeMap<Id, Applied>,
    wanted: Wanted,
    /// The objects of what is wanted.
    orders: BTreeMap<DataPlane, Order>,
    failures: BTreeMap<DataPlane, Failure>,
}

/// What went wrong with a data plane at the last try.
struct Failure {
    problems: Vec<String>,
    wait: Duration,
    again: Instant,
}

impl Provisioner {
    pub fn new(client: Client, settings: Settings) -> Self {
        Self {
            client,
            settings,
            stock: Stock::default(),
            applied: BTreeMap::new(),
            wanted: None,
            orders: BTreeMap::new(),
            failures: BTreeMap::new(),
        }
    }

    /// Runs until `wanted` has no sender any more.
    ///
    /// Everybody watches, and says in `seen` what there is to be seen of each data plane; whoever leads also makes things
    /// so. `seen` is `None` until every Service, Deployment and DaemonSet is known.
    pub async fn run(
        mut self,
        mut wanted: watch::Receiver<Wanted>,
        mut leading: watch::Receiver<bool>,
        seen: watch::Sender<Option<BTreeMap<DataPlane, Seen>>>,
    ) {
        let mut events = stream::select_all(Made::ALL.map(|kind| self.watch(kind)));
        let mut led = false;
        loop {
            let now_leading = *leading.borrow_and_update();
            if now_leading && !led {
                // Whoever led before may have applied something else: what is there is compared anew.
                self.applied.clear();
                self.failures.clear();
            }
            led = now_leading;
            let now_wanted = wanted.borrow_and_update().clone();
            self.take_orders(now_wanted);
            if led && self.wanted.is_some() {
                self.work().await;
            }
            self.tell(&seen);
            let again = self.failures.values().map(|failure| failure.again).min().filter(|_| led);
            tokio::select! {
                changed = wanted.changed() => if changed.is_err() { return },
                // Without a sender the last word counts.
                Ok(()) = leading.changed() => {}
                Some((kind, event)) = events.next() => {
                    self.take(kind, event);
                    let until = Instant::now() + DEBOUNCE;
                    while let Ok(Some((kind, event))) = timeout_at(until, events.next()).await {
                        self.take(kind, event);
                    }
                }
                () = wait_until(again) => {}
            }
        }
    }

    fn watch(&self, kind: Made) -> stream::BoxStream<'static, (Made, watcher::Result<watcher::Event<DynamicObject>>)> {
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &kind.resource());
        let selector = format!("{}={}", label::INSTALLATION, self.settings.namespace);
        let config = watcher::Config::default().labels(&selector).timeout(WATCH_SECONDS);
        paced(watcher(api, config)).map(move |event| (kind, event)).boxed()
    }

    fn take(&mut self, kind: Made, event: watcher::Result<watcher::Event<DynamicObject>>) {
        match event {
            Ok(event) => self.stock.take(kind, event_of_values(event)),
            Err(error) => {
                warn!(kind = kind.name(), %error, "cannot watch what is provisioned");
                self.stock.fail(kind, error.to_string());
            }
        }
    }

    /// Turns what is wanted into objects, when it is something else than before.
    fn take_orders(&mut self, wanted: Wanted) {
        let is_same = match (&self.wanted, &wanted) {
            (Some(before), Some(now)) => Arc::ptr_eq(before, now),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if is_same {
            return;
        }
        let mut orders = BTreeMap::new();
        for (data_plane, infrastructure) in wanted.iter().flat_map(|wanted| wanted.iter()) {
            let objects = desired(data_plane, infrastructure, &self.settings);
            let objects = objects.into_iter().filter_map(|object| Some((Id::of(&object)?, object))).collect();
            let cluster_ip = infrastructure.cluster_addresses.first().cloned();
            let order = Order { data_plane: data_plane.to_string(), objects, cluster_ip };
            if self.orders.get(data_plane) != Some(&order) {
                self.failures.remove(data_plane);
            }
            orders.insert(data_plane.clone(), order);
        }
        self.failures.retain(|data_plane, _| orders.contains_key(data_plane));
        self.orders = orders;
        self.wanted = wanted;
    }

    /// Makes, mends and deletes whatever is due.
    async fn work(&mut self) {
        let now = Instant::now();
        let mut work = Vec::new();
        for (data_plane, order) in &self.orders {
            if self.failures.get(data_plane).is_some_and(|failure| failure.again > now) {
                continue;
            }
            let (steps, problems) = round::steps(order, &self.stock, &self.applied);
            if !steps.is_empty() || !problems.is_empty() {
                work.push((data_plane.clone(), steps, problems));
            } else {
                // What was wrong is mended, be it by somebody else.
                self.failures.remove(data_plane);
            }
        }
        let client = &self.client;
        let settings = &self.settings;
        let done: Vec<_> = stream::iter(work)
            .map(|(data_plane, steps, problems)| async move {
                (data_plane, carry_out(client, settings, steps, problems).await)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for (data_plane, done) in done {
            for (id, wanted, answer) in done.applied {
                self.applied.insert(id.clone(), Applied::new(wanted, &answer));
                self.stock.put(id, answer);
            }
            self.note(data_plane, done.problems);
        }
        self.clear_away().await;
    }

    fn note(&mut self, data_plane: DataPlane, problems: Vec<String>) {
        if problems.is_empty() {
            self.failures.remove(&data_plane);
            return;
        }
        let before = self.failures.get(&data_plane);
        if before.is_none_or(|before| before.problems != problems) {
            warn!(%data_plane, problems = problems.join("; "), "cannot provision");
        }
        let wait = before.map_or(RETRY.0, |before| (before.wait * 2).min(RETRY.1));
        self.failures.insert(data_plane, Failure { problems, wait, again: Instant::now() + wait });
    }

    async fn clear_away(&mut self) {
        let orders: Vec<Order> = self.orders.values().cloned().collect();
        for (id, uid) in round::leftovers(&orders, &self.stock) {
            let api = api(&self.client, &id);
            let only = Preconditions { uid: Some(uid), resource_version: None };
            let how = DeleteParams { preconditions: Some(only), ..DeleteParams::background() };
            // Without an answer the next round tries again.
            let Ok(answer) = timeout(STEP_TIMEOUT, api.delete(&id.name, &how)).await else { return };
            match answer {
                Ok(_) => {
                    info!(object = %id, "deleted what no Gateway wants any more");
                    self.applied.remove(&id);
                }
                Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {}
                // The watch tells of it again when it is listed; until then it does no harm.
                Err(error) => warn!(object = %id, %error, "cannot delete what no Gateway wants any more"),
            }
        }
    }

    fn tell(&self, seen: &watch::Sender<Option<BTreeMap<DataPlane, Seen>>>) {
        let telling = [Made::Service, Made::Deployment, Made::DaemonSet];
        if telling.iter().any(|kind| self.stock.knows(*kind) != Ok(true)) {
            return;
        }
        let look = |(data_plane, order): (&DataPlane, &Order)| {
            let mut seen = seen::look(order, &self.stock);
            if let Some(failure) = self.failures.get(data_plane) {
                seen.problems.clone_from(&failure.problems);
            }
            (data_plane.clone(), seen)
        };
        let now = Some(self.orders.iter().map(look).collect());
        seen.send_if_modified(|before| {
            let is_new = *before != now;
            *before = now;
            is_new
        });
    }
}

/// What came of one data plane's steps.
struct Done {
    /// What was sent, and what the API server made of it.
    applied: Vec<(Id, Value, Value)>,
    problems: Vec<String>,
}

async fn carry_out(client: &Client, settings: &Settings, steps: Vec<Step>, problems: Vec<String>) -> Done {
    let mut done = Done { applied: Vec::new(), problems };
    for step in steps {
        let carried = async {
            match &step {
                Step::Apply(id, wanted) => apply(client, id, wanted).await,
                Step::Create(id, wanted, cluster_ip) => match is_taken(client, settings, id, wanted).await {
                    Ok(false) => create(client, id, wanted, cluster_ip.as_deref()).await,
                    Ok(true) => Err(format!("{id} is there already and is not ours; it is left alone")),
                    Err(error) => Err(format!("cannot read {id}: {}", why(&error))),
                },
            }
        };
        let result = match timeout(STEP_TIMEOUT, carried).await {
            Ok(result) => result,
            Err(_) => Err("the API server does not answer".to_owned()),
        };
        let (Step::Apply(id, wanted) | Step::Create(id, wanted, _)) = step;
        match result {
            Ok(answer) => done.applied.push((id, wanted, answer)),
            // What comes after leans on it: Pods on their ServiceAccount, and on whom they trust.
            Err(why) => {
                done.problems.push(why);
                break;
            }
        }
    }
    done
}

async fn create(client: &Client, id: &Id, wanted: &Value, cluster_ip: Option<&str>) -> Result<Value, String> {
    if let Some(cluster_ip) = cluster_ip {
        let mut asking = wanted.clone();
        asking["spec"]["clusterIP"] = cluster_ip.into();
        match send(client, id, &asking).await {
            Err(kube::Error::Api(status)) if status.code == UNPROCESSABLE => {
                info!(object = %id, cluster_ip, why = status.message, "the ClusterIP asked for is not to be had; the Service gets another");
            }
            answer => return answer.map_err(|error| not_applied(id, &error)),
        }
    }
    apply(client, id, wanted).await
}

async fn apply(client: &Client, id: &Id, wanted: &Value) -> Result<Value, String> {
    send(client, id, wanted).await.map_err(|error| not_applied(id, &error))
}

async fn send(client: &Client, id: &Id, wanted: &Value) -> kube::Result<Value> {
    let how = PatchParams::apply(FIELD_MANAGER).force();
    api(client, id).patch(&id.name, &how, &Patch::Apply(wanted)).await.map(value)
}

fn not_applied(id: &Id, error: &kube::Error) -> String {
    format!("cannot apply {id}: {}", why(error))
}

/// What the API server says, without what it says it with.
fn why(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

/// Whether something of this name is there that we did not make.
async fn is_taken(client: &Client, settings: &Settings, id: &Id, wanted: &Value) -> Result<bool, kube::Error> {
    let Some(there) = api(client, id).get_opt(&id.name).await? else { return Ok(false) };
    let there = value(there);
    let metadata = &there["metadata"];
    let owner = wanted["metadata"]["ownerReferences"][0]["uid"].as_str();
    let owners = metadata["ownerReferences"].as_array();
    // Somebody may have taken our label away.
    let is_owned = owner.is_some() && owners.into_iter().flatten().any(|other| other["uid"].as_str() == owner);
    Ok(!is_owned && metadata["labels"][label::INSTALLATION] != settings.namespace.as_str())
}

fn api(client: &Client, id: &Id) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), &id.namespace, &id.kind.resource())
}

/// An object without what is of no use here, and large.
fn value(mut object: DynamicObject) -> Value {
    object.metadata.managed_fields = None;
    // A DynamicObject is made of JSON.
    serde_json::to_value(object).unwrap_or_default()
}

fn event_of_values(event: watcher::Event<DynamicObject>) -> watcher::Event<Value> {
    match event {
        watcher::Event::Apply(object) => watcher::Event::Apply(value(object)),
        watcher::Event::Delete(object) => watcher::Event::Delete(value(object)),
        watcher::Event::Init => watcher::Event::Init,
        watcher::Event::InitApply(object) => watcher::Event::InitApply(value(object)),
        watcher::Event::InitDone => watcher::Event::InitDone,
    }
}

async fn wait_until(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => std::future::pending().await,
    }
}
