//! The loop without a cluster: what makes it go round, and what does not hold it up.

use std::{io, pin::pin};

use futures_util::{future::pending, stream::poll_fn};
use gatewright_core::world::{Bundle, Controllers, Inspect, Object, Settings};
use gatewright_xds::{
    Acknowledgement, Authentication, Authenticator, Client, Connection, Dial, Event, Peer, Standing, Version,
};
use serde_json::json;
use tokio::{
    io::{DuplexStream, duplex},
    time::timeout,
};

use super::*;
use crate::watch::{Seen as Sight, Stored};

const OURS: &str = "gatewright.dev/gateway-controller";

/// Takes everybody for a proxy of the plane that its token names.
struct Planes;

impl Authenticator for Planes {
    fn authenticate<'a>(&'a self, token: &'a str) -> Authentication<'a> {
        Box::pin(async { Ok(Peer::Proxy { plane: token.into() }) })
    }
}

/// The other ends of an engine's channels. It stops when they are dropped.
struct Around {
    server: Server,
    changes: mpsc::Sender<Change>,
    _seen: channel::Sender<Option<BTreeMap<DataPlane, Seen>>>,
    _stop: channel::Sender<bool>,
}

fn engine(seen: BTreeMap<DataPlane, Seen>) -> (Engine, Facts, Around) {
    let controllers = Controllers::Named(vec![OURS.to_owned()]);
    let desk = Arc::new(Desk::new(controllers.clone()));
    let vitals = Arc::new(Vitals::default());
    let inspect = Inspect { key_pair: |_, _| Err("unread".into()), trust_anchors: |_| Err("unread".into()) };
    let world = Settings { controllers, merge_gateways: false, inspect };
    let picture = Picture::new(world, desk.clone(), vitals.clone());
    let server = Server::new(Planes);
    let (changes, changes_out) = mpsc::channel(10);
    let (seen, seen_out) = channel::channel(Some(seen));
    let (stop, stop_out) = channel::channel(false);
    let facts = Facts { seen: seen_out, standings: server.watch(), stop: stop_out };
    let ends = Ends {
        changes: changes_out,
        wanted: channel::Sender::new(BTreeSet::new()),
        infrastructure: channel::Sender::new(None),
        others: channel::Sender::new(BTreeSet::new()),
        channel: ([10, 0, 0, 1], 18_000).into(),
        namespace: "gatewright-system".into(),
        accounts: Accounts::default(),
    };
    let engine = Engine::new(picture, desk, server.clone(), ends, vitals);
    (engine, facts, Around { server, changes, _seen: seen, _stop: stop })
}

fn served(kinds: &[Kind]) -> Change {
    Change::Served { kinds: kinds.iter().copied().collect(), bundle: Bundle::default() }
}

#[tokio::test(start_paused = true)]
async fn what_a_round_observed_at_its_end_makes_the_next_though_nothing_more_happens() {
    let (mut engine, mut facts, _around) = engine(BTreeMap::new());
    engine.picture.apply(served(&[]));
    facts.seen.mark_unchanged();
    let soon = Duration::from_secs(1);
    assert!(timeout(soon, engine.take_news(&mut facts)).await.expect("a round that is due begins"));
    engine.is_due = false;
    assert!(timeout(soon, engine.take_news(&mut facts)).await.is_err(), "without news nothing is to be done");
}

fn sight(value: serde_json::Value) -> Sight {
    Sight { object: Object::from_value(value).unwrap(), stored: Stored::default() }
}

fn gateway(name: &str, hostname: &str) -> Sight {
    let listener = json!({"name": "http", "port": 80, "protocol": "HTTP", "hostname": hostname});
    sight(json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"namespace": "n", "name": name},
        "spec": {"gatewayClassName": "c", "listeners": [listener]},
    }))
}

fn listed(kind: Kind, objects: Vec<Sight>) -> Change {
    Change::Listed { subject: Subject { kind, namespace: None }, objects, unread: Vec::new() }
}

/// A way to the server in memory, as a proxy of a plane.
#[derive(Clone)]
struct Pipe {
    incoming: mpsc::UnboundedSender<io::Result<DuplexStream>>,
    plane: &'static str,
}

impl Dial for Pipe {
    async fn connect(&self) -> io::Result<Box<dyn Connection>> {
        let (ours, theirs) = duplex(64 * 1024);
        self.incoming.send(Ok(theirs)).map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(Box::new(ours))
    }

    fn token(&self) -> io::Result<String> {
        Ok(self.plane.into())
    }
}

/// Confirms what it gets, `times` times, and then nothing any more.
async fn proxy(dial: Pipe, times: usize) {
    let (events_in, mut events) = mpsc::channel(1);
    let (acknowledgements, acknowledged) = mpsc::channel(1);
    let (connected, _) = channel::channel(false);
    let client = Client {
        dial,
        node: "pod".into(),
        known: BTreeMap::new(),
        events: events_in,
        acknowledgements: acknowledged,
        connected,
    };
    tokio::spawn(client.run());
    let mut confirmed = 0;
    while let Some(event) = events.recv().await {
        if let Event::Complete(version) = event
            && confirmed < times
        {
            confirmed += 1;
            let acknowledgement = Acknowledgement { version, rejected: BTreeMap::new() };
            acknowledgements.send(acknowledgement).await.expect("the client runs");
        }
    }
}

/// Serves proxies over pipes, and returns where those come in.
fn serve(server: &Server) -> mpsc::UnboundedSender<io::Result<DuplexStream>> {
    let (incoming, mut connections) = mpsc::unbounded_channel();
    let server = server.clone();
    tokio::spawn(async move {
        let incoming = poll_fn(move |context| connections.poll_recv(context));
        server.serve_streams(incoming, pending()).await
    });
    incoming
}

async fn wait(server: &Server, plane: &str, is_wanted: impl Fn(&Standing) -> bool) -> Option<Version> {
    let mut changes = server.watch();
    let waited = pin!(async {
        loop {
            let standing = server.standing(plane);
            if is_wanted(&standing) {
                return standing.published;
            }
            changes.changed().await.expect("the server lives");
        }
    });
    let limit = Duration::from_secs(20);
    timeout(limit, waited).await.unwrap_or_else(|_| panic!("it stays at {:?}", server.standing(plane)))
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_confirms_nothing_delays_no_edit_of_another() {
    let planes = ["a", "b"].map(|name| DataPlane::Gateway(gatewright_core::world::ObjectKey::new("n", name)));
    let available = Seen { available: true, ..Seen::default() };
    let (engine, facts, around) = engine(planes.map(|plane| (plane, available.clone())).into());
    let incoming = serve(&around.server);
    tokio::spawn(engine.run(facts));
    let class = json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "GatewayClass",
        "metadata": {"name": "c"},
        "spec": {"controllerName": OURS},
    });
    for change in [
        served(&[Kind::GatewayClass, Kind::Gateway]),
        listed(Kind::GatewayClass, vec![sight(class)]),
        listed(Kind::Gateway, vec![gateway("a", "one.example"), gateway("b", "one.example")]),
    ] {
        around.changes.send(change).await.expect("the engine runs");
    }
    tokio::spawn(proxy(Pipe { incoming: incoming.clone(), plane: "n/a" }, 1));
    tokio::spawn(proxy(Pipe { incoming, plane: "n/b" }, usize::MAX));
    let first = wait(&around.server, "n/a", Standing::is_confirmed).await;
    let before = wait(&around.server, "n/b", Standing::is_confirmed).await;

    let edit = |name| Change::Applied(Box::new(gateway(name, "two.example")));
    around.changes.send(edit("a")).await.expect("the engine runs");
    wait(&around.server, "n/a", |standing| standing.published != first).await;
    let since = Instant::now();
    around.changes.send(edit("b")).await.expect("the engine runs");
    wait(&around.server, "n/b", |standing| standing.is_confirmed() && standing.published != before).await;
    assert!(since.elapsed() < Duration::from_millis(100), "it took {:?}", since.elapsed());
    assert!(!around.server.standing("n/a").is_confirmed());
}
