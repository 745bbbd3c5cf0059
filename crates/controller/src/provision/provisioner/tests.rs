//! The loop against an API server that stores what is applied, and is slow or refuses where a test says so.

use std::sync::Mutex;

use gatewright_core::{
    compile,
    world::{Controllers, Inspect, Object, Settings as Setup, World},
};
use http::Method;
use serde_json::json;
use tokio::{sync::mpsc, time::sleep};

use super::*;
use crate::{
    double::{self, Answer, Asked, Log, event, list},
    leader::{self, Issuer},
};

const SECOND: Duration = Duration::from_secs(1);

/// Objects by path, and the watches that are told of them.
#[derive(Default)]
struct Store {
    objects: BTreeMap<String, Value>,
    watches: Vec<(String, mpsc::UnboundedSender<Value>)>,
    version: u64,
}

impl Store {
    fn answer(&mut self, asked: &Asked) -> Answer {
        match asked.method {
            Method::PATCH => Answer::Json(self.put(&asked.path, asked.body.clone())),
            Method::DELETE => match self.remove(&asked.path) {
                Some(object) => Answer::Json(object),
                None => Answer::Failure(404, "NotFound"),
            },
            _ if asked.is_watch() => {
                let (sender, events) = mpsc::unbounded_channel();
                let after = asked.query.split('&').find_map(|one| one.strip_prefix("resourceVersion="));
                let after: u64 = after.and_then(|after| after.parse().ok()).unwrap_or_default();
                let missed = self.of(&asked.path).into_iter().filter(|object| version(object) > after);
                missed.for_each(|object| sender.send(event("ADDED", &object)).unwrap());
                self.watches.push((asked.path.clone(), sender));
                Answer::Watch(events)
            }
            _ if !asked.path.contains("/namespaces/") => Answer::Json(list(self.version, &self.of(&asked.path))),
            _ => match self.objects.get(&asked.path) {
                Some(object) => Answer::Json(object.clone()),
                None => Answer::Failure(404, "NotFound"),
            },
        }
    }

    /// The objects of a kind, by the path that lists all of them.
    fn of(&self, list: &str) -> Vec<Value> {
        self.objects.iter().filter(|(path, _)| collection(path) == list).map(|(_, object)| object.clone()).collect()
    }

    fn put(&mut self, path: &str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        object["metadata"]["uid"] = path.into();
        let before = self.objects.insert(path.to_owned(), object.clone());
        self.tell(path, if before.is_none() { "ADDED" } else { "MODIFIED" }, &object);
        object
    }

    fn remove(&mut self, path: &str) -> Option<Value> {
        let mut object = self.objects.remove(path)?;
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        self.tell(path, "DELETED", &object);
        Some(object)
    }

    fn tell(&mut self, path: &str, what: &str, object: &Value) {
        let told = collection(path);
        self.watches.retain(|(list, sender)| *list != told || sender.send(event(what, object)).is_ok());
    }

    fn path(&self, part: &str) -> String {
        self.objects.keys().find(|path| path.contains(part)).expect("it was applied").clone()
    }
}

/// `/api/v1/services` of `/api/v1/namespaces/a/services/g`.
fn collection(path: &str) -> String {
    let (group, rest) = path.split_once("/namespaces/").expect("the object is in a namespace");
    format!("{group}/{}", rest.split('/').nth(1).expect("the object has a kind"))
}

fn version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

/// What is wanted for Gateways of these names in namespace `a`.
fn wanted(names: &[&str]) -> Wanted {
    let inspect = Inspect { key_pair: |_, _| Err("unread".into()), trust_anchors: |_| Err("unread".into()) };
    let mut world = World::new(Setup { controllers: Controllers::All, merge_gateways: false, inspect });
    let class = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "c"},
        "spec": {"controllerName": "example.com/c"},
    });
    world.insert(Object::from_value(class).unwrap());
    for name in names {
        let gateway = json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": {"name": name, "namespace": "a", "uid": format!("uid of {name}")},
            "spec": {"gatewayClassName": "c", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]},
        });
        world.insert(Object::from_value(gateway).unwrap());
    }
    Some(Arc::new(compile(&world).infrastructure))
}

/// A provisioner that runs, and what is around it.
struct Around {
    log: Log,
    store: Arc<Mutex<Store>>,
    issuer: Issuer,
    wanted: watch::Sender<Wanted>,
    seen: watch::Receiver<Option<BTreeMap<DataPlane, Seen>>>,
}

impl Around {
    fn lead(&mut self, time: Duration) {
        self.issuer.extend(Instant::now() + time);
    }

    fn writes(&self) -> Vec<Asked> {
        let log = self.log.lock().unwrap();
        log.iter().filter(|asked| matches!(asked.method, Method::PATCH | Method::DELETE)).cloned().collect()
    }
}

/// Provisions on an API server that does what `instead` says, or stores.
fn provision(names: &[&str], mut instead: impl FnMut(&Asked) -> Option<Answer> + Send + 'static) -> Around {
    let store = Arc::new(Mutex::new(Store::default()));
    let stored = store.clone();
    let (client, log) =
        double::client(move |asked| instead(asked).unwrap_or_else(|| stored.lock().unwrap().answer(asked)));
    let settings = Settings {
        namespace: "system".into(),
        image: "image".into(),
        control_plane: "https://gatewright.system.svc:18000".into(),
        ca: "ca".into(),
    };
    let (issuer, tokens) = leader::channel();
    let (wanted, wanted_out) = watch::channel(wanted(names));
    let (seen_in, seen) = watch::channel(None);
    tokio::spawn(Provisioner::new(client, settings).run(wanted_out, tokens, seen_in));
    Around { log, store, issuer, wanted, seen }
}

fn hangs() -> Option<Answer> {
    Some(Answer::After(Duration::from_secs(3600), Box::new(Answer::Broken)))
}

#[tokio::test(start_paused = true)]
async fn what_is_wanted_is_made_once_and_mended_when_it_goes() {
    let mut around = provision(&["g"], |_| None);
    around.lead(100 * SECOND);
    sleep(SECOND).await;
    let kinds: Vec<Value> = around.writes().iter().map(|asked| asked.body["kind"].clone()).collect();
    assert_eq!(kinds, ["ServiceAccount", "ConfigMap", "Service", "Deployment"]);
    assert_eq!(around.seen.borrow().as_ref().map(BTreeMap::len), Some(1));
    sleep(10 * SECOND).await;
    assert_eq!(around.writes().len(), 4, "nothing differs");
    let service = around.store.lock().unwrap().path("/services/");
    around.store.lock().unwrap().remove(&service);
    sleep(SECOND).await;
    let last = around.writes().pop().unwrap();
    assert_eq!((around.writes().len(), last.path), (5, service));
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_lead_watches_and_writes_nothing() {
    let around = provision(&["g"], |_| None);
    sleep(10 * SECOND).await;
    assert_eq!(around.writes().len(), 0);
    assert_eq!(around.seen.borrow().as_ref().map(BTreeMap::len), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_calls_hang_writes_nothing_after_its_deadline() {
    let begun = Instant::now();
    // The first write is let through after five seconds, the second hangs for thirty.
    let mut writes = 0;
    let mut around = provision(&["g", "h"], move |asked| {
        (asked.method == Method::PATCH).then(|| {
            writes += 1;
            let wait = if writes <= 2 { 5 * SECOND } else { 30 * SECOND };
            Answer::After(wait, Box::new(Answer::Json(asked.body.clone())))
        })
    });
    around.lead(10 * SECOND);
    sleep(120 * SECOND).await;
    let writes = around.writes();
    assert_eq!(writes.len(), 4, "two for each data plane");
    assert!(writes.iter().all(|asked| asked.at < begun + 10 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_once_the_leader_task_is_gone() {
    let mut around = provision(&["g"], |asked| {
        (asked.method == Method::PATCH).then(|| Answer::After(2 * SECOND, Box::new(Answer::Json(asked.body.clone()))))
    });
    around.lead(3600 * SECOND);
    sleep(SECOND).await;
    let Around { log, issuer, wanted, seen, .. } = around;
    drop(issuer);
    sleep(60 * SECOND).await;
    assert_eq!(log.lock().unwrap().iter().filter(|asked| asked.method == Method::PATCH).count(), 1);
    drop((wanted, seen));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_hangs_holds_up_neither_watches_nor_other_data_planes() {
    let mut around = provision(&["g", "h"], |asked| {
        let is_first = asked.method == Method::PATCH && asked.body["metadata"]["name"].as_str()?.contains("g-");
        is_first.then(hangs)?
    });
    let names: Vec<String> =
        around.wanted.borrow().iter().flat_map(|wanted| wanted.values()).map(|it| it.name.clone()).collect();
    assert!(names.iter().any(|name| name.contains("g-")), "{names:?}");
    around.lead(3600 * SECOND);
    sleep(SECOND).await;
    // Of the other, everything is there; that its Deployment becomes available is seen at once.
    let path = around.store.lock().unwrap().path("/deployments/");
    let mut deployment = around.store.lock().unwrap().objects[&path].clone();
    deployment["status"] = json!({"availableReplicas": 1});
    around.store.lock().unwrap().put(&path, deployment);
    sleep(SECOND).await;
    let available = around.seen.borrow().iter().flatten().filter(|(_, seen)| seen.available).count();
    assert_eq!(available, 1);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_wants_is_deleted_and_a_refused_delete_is_tried_ever_more_seldom() {
    let mut is_refused = true;
    let mut around = provision(&["g"], move |asked| {
        let refuses = asked.method == Method::DELETE && std::mem::take(&mut is_refused);
        refuses.then_some(Answer::Failure(403, "Forbidden"))
    });
    around.lead(3600 * SECOND);
    sleep(SECOND).await;
    around.wanted.send_replace(wanted(&[]));
    sleep(10 * SECOND).await;
    assert_eq!(around.store.lock().unwrap().objects.len(), 0);
    let deletes = around.writes().iter().filter(|asked| asked.method == Method::DELETE).count();
    assert_eq!(deletes, 5, "four objects, one of them twice");
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_tried_ever_more_seldom_and_said() {
    let mut around =
        provision(&["g"], |asked| (asked.method == Method::PATCH).then_some(Answer::Failure(403, "Forbidden")));
    around.lead(3600 * SECOND);
    sleep(60 * SECOND).await;
    assert!((4..=7).contains(&around.writes().len()), "{} writes in a minute", around.writes().len());
    let seen = around.seen.borrow().clone().unwrap();
    assert!(seen.values().all(|seen| seen.problems[0].contains("Forbidden")), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn the_next_term_applies_what_somebody_else_may_have_changed() {
    let mut around = provision(&["g"], |_| None);
    around.lead(3600 * SECOND);
    sleep(SECOND).await;
    around.issuer.revoke();
    sleep(SECOND).await;
    assert_eq!(around.writes().len(), 4);
    around.lead(3600 * SECOND);
    sleep(SECOND).await;
    assert_eq!(around.writes().len(), 8);
}
