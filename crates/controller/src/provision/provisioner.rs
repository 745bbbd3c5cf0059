//! The loop that makes it so: watches what it made, and has applied, mended and deleted what differs while this process leads.
//!
//! Writes run beside the watches, a job for each data plane: an API server that is slow for one holds up neither what is seen
//! nor the others.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures_util::{
    StreamExt,
    future::BoxFuture,
    stream::{self, FuturesUnordered},
};
use gatewright_core::{infrastructure::Infrastructure, world::DataPlane};
use kube::{Api, Client, core::DynamicObject, runtime::watcher};
use serde_json::Value;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout_at},
};
use tracing::warn;

use super::{
    Seen, Settings, desired,
    job::{Done, Job, value},
    kind::{Id, Made},
    label,
    paced::paced,
    round::{self, Applied, Order},
    seen,
    stock::{self, Stock},
};
use crate::{leader::Tokens, watch::WATCH_SECONDS};

/// Data planes worked on at once: enough to fill the API server's answer times, few enough to leave it to others.
const AT_ONCE: usize = 8;

/// Changes that come within this time are dealt with together.
const DEBOUNCE: Duration = Duration::from_millis(20);

/// After a failure, the first and the longest wait before a data plane is tried again.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// What is wanted: nothing is known yet while it is `None`.
pub type Wanted = Option<Arc<BTreeMap<DataPlane, Infrastructure>>>;

/// Keeps the objects of data planes as they are wanted.
pub(crate) struct Provisioner {
    client: Client,
    settings: Settings,
    stock: Stock,
    applied: BTreeMap<Id, Applied>,
    wanted: Wanted,
    /// The objects of what is wanted.
    orders: BTreeMap<DataPlane, Order>,
    /// By the data plane's name.
    failures: BTreeMap<String, Failure>,
    /// What was asked to be deleted and is still there.
    deletions: BTreeMap<Id, Retry>,
    /// The data planes that are worked on.
    busy: BTreeMap<String, Busy>,
    /// The last term in which this process led.
    term: Option<u64>,
}

/// What went wrong with a data plane at the last try.
struct Failure {
    problems: Vec<String>,
    retry: Retry,
}

#[derive(Clone, Copy)]
struct Retry {
    wait: Duration,
    again: Instant,
}

impl Retry {
    fn after(before: Option<Self>) -> Self {
        let wait = before.map_or(RETRY.0, |before| (before.wait * 2).min(RETRY.1));
        Self { wait, again: Instant::now() + wait }
    }
}

/// A data plane that is worked on.
struct Busy {
    /// Lists that were completed when it began.
    lists: u64,
    /// Whether what is wanted of it is still what it was.
    is_current: bool,
}

impl Provisioner {
    pub(crate) fn new(client: Client, settings: Settings) -> Self {
        Self {
            client,
            settings,
            stock: Stock::default(),
            applied: BTreeMap::new(),
            wanted: None,
            orders: BTreeMap::new(),
            failures: BTreeMap::new(),
            deletions: BTreeMap::new(),
            busy: BTreeMap::new(),
            term: None,
        }
    }

    /// Runs until `wanted` has no sender any more.
    ///
    /// Everybody watches, and says in `seen` what there is to be seen of each data plane; whoever leads also makes things
    /// so. `seen` is `None` until every Service, Deployment and DaemonSet is known.
    pub(crate) async fn run(
        mut self,
        mut wanted: watch::Receiver<Wanted>,
        mut tokens: Tokens,
        seen: watch::Sender<Option<BTreeMap<DataPlane, Seen>>>,
    ) {
        let mut events = stream::select_all(Made::ALL.map(|kind| self.watch(kind)));
        let mut jobs: FuturesUnordered<BoxFuture<'static, Done>> = FuturesUnordered::new();
        loop {
            let token = tokens.token();
            if let Some(token) = &token
                && self.term.replace(token.term()) != Some(token.term())
            {
                // Whoever led before may have applied something else: what is there is compared anew.
                self.applied.clear();
                self.failures.clear();
                self.deletions.clear();
            }
            let now_wanted = wanted.borrow_and_update().clone();
            self.take_orders(now_wanted);
            if let Some(token) = &token {
                for job in self.due(AT_ONCE - jobs.len()) {
                    jobs.push(Box::pin(job.run(self.client.clone(), self.settings.namespace.clone(), token.clone())));
                }
            }
            self.tell(&seen);
            let again = self.again().filter(|_| token.is_some() && jobs.len() < AT_ONCE);
            tokio::select! {
                changed = wanted.changed() => if changed.is_err() { return },
                () = tokens.changed() => {}
                Some(done) = jobs.next() => self.finish(done),
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
                self.failures.remove(&order.data_plane);
                if let Some(busy) = self.busy.get_mut(&order.data_plane) {
                    busy.is_current = false;
                }
            }
            orders.insert(data_plane.clone(), order);
        }
        self.orders = orders;
        let wanted_planes: BTreeSet<&str> = self.orders.values().map(|order| order.data_plane.as_str()).collect();
        self.failures.retain(|data_plane, _| wanted_planes.contains(data_plane.as_str()));
        self.wanted = wanted;
    }

    /// Returns work for data planes on which nobody works yet, and counts it as begun.
    fn due(&mut self, count_max: usize) -> Vec<Job> {
        if self.wanted.is_none() {
            return Vec::new();
        }
        let now = Instant::now();
        let mut jobs = Vec::new();
        let mut leftovers = self.leftovers(now);
        for order in self.orders.values() {
            let name = &order.data_plane;
            if self.busy.contains_key(name) || self.failures.get(name).is_some_and(|it| it.retry.again > now) {
                continue;
            }
            let (steps, problems) = round::steps(order, &self.stock, &self.applied);
            let deletions = leftovers.remove(name).unwrap_or_default();
            if !steps.is_empty() || !problems.is_empty() || !deletions.is_empty() {
                jobs.push(Job { data_plane: name.clone(), steps, problems, deletions });
            } else {
                // What was wrong is mended, be it by somebody else.
                self.failures.remove(name);
            }
        }
        let unwanted = leftovers.into_iter().map(|(data_plane, deletions)| Job {
            data_plane,
            steps: Vec::new(),
            problems: Vec::new(),
            deletions,
        });
        jobs.extend(unwanted);
        jobs.truncate(count_max);
        let lists = self.stock.lists();
        let begun = jobs.iter().map(|job| (job.data_plane.clone(), Busy { lists, is_current: true }));
        self.busy.extend(begun);
        jobs
    }

    /// Returns what nobody wants any more and is to be deleted now, by data plane.
    fn leftovers(&self, now: Instant) -> BTreeMap<String, Vec<(Id, String)>> {
        let mut leftovers = BTreeMap::<String, Vec<_>>::new();
        let orders: Vec<&Order> = self.orders.values().collect();
        for (id, uid) in round::leftovers(&orders, &self.stock) {
            let data_plane = self.stock.get(&id).and_then(stock::data_plane).unwrap_or_default();
            let waits = self.deletions.get(&id).is_some_and(|retry| retry.again > now);
            if !waits && !self.busy.contains_key(data_plane) {
                leftovers.entry(data_plane.to_owned()).or_default().push((id, uid));
            }
        }
        leftovers
    }

    /// Takes what came of a job.
    fn finish(&mut self, done: Done) {
        let Some(busy) = self.busy.remove(&done.data_plane) else { return };
        for (id, wanted, answer) in done.applied {
            // What an earlier term applied is compared anew.
            if self.term == Some(done.term) {
                self.applied.insert(id.clone(), Applied::new(wanted, &answer));
            }
            self.stock.put(id, answer, busy.lists);
        }
        for id in done.deletions {
            self.applied.remove(&id);
            let before = self.deletions.get(&id).copied();
            self.deletions.insert(id, Retry::after(before));
        }
        let stock = &self.stock;
        self.deletions.retain(|id, _| stock.get(id).is_some());
        // What went wrong with what is no longer wanted says nothing of what is.
        let is_wanted = self.orders.values().any(|order| order.data_plane == done.data_plane);
        if is_wanted && busy.is_current && !done.is_cut_short && self.term == Some(done.term) {
            self.note(done.data_plane, done.problems);
        }
    }

    fn note(&mut self, data_plane: String, problems: Vec<String>) {
        if problems.is_empty() {
            self.failures.remove(&data_plane);
            return;
        }
        let before = self.failures.get(&data_plane);
        if before.is_none_or(|before| before.problems != problems) {
            warn!(%data_plane, problems = problems.join("; "), "cannot provision");
        }
        let retry = Retry::after(before.map(|before| before.retry));
        self.failures.insert(data_plane, Failure { problems, retry });
    }

    /// Returns when something is tried again. What is due already waits for a job to end.
    fn again(&self) -> Option<Instant> {
        let failures = self.failures.values().map(|failure| failure.retry);
        let now = Instant::now();
        failures.chain(self.deletions.values().copied()).map(|retry| retry.again).filter(|again| *again > now).min()
    }

    fn tell(&self, seen: &watch::Sender<Option<BTreeMap<DataPlane, Seen>>>) {
        let telling = [Made::Service, Made::Deployment, Made::DaemonSet];
        if telling.iter().any(|kind| self.stock.knows(*kind) != Ok(true)) {
            return;
        }
        let look = |(data_plane, order): (&DataPlane, &Order)| {
            let mut seen = seen::look(order, &self.stock);
            if let Some(failure) = self.failures.get(&order.data_plane) {
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

#[cfg(test)]
mod tests;
