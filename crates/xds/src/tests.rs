//! The channel whole, over pipes.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{DuplexStream, duplex},
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::{
    Acknowledgement, Authentication, Authenticator, BODY_BYTES_MAX, Change, Client, Connection, Denial, Dial, Event,
    Peer, Resource, Server, Standing, Version, forward, knock,
};

/// What anything waited for may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Tokens are `proxy PLANE` or `controller`.
struct Names;

impl Authenticator for Names {
    fn authenticate<'a>(&'a self, token: &'a str) -> Authentication<'a> {
        Box::pin(async move {
            match token.split_once(' ') {
                Some(("proxy", plane)) => Ok(Peer::Proxy { plane: plane.into() }),
                None if token == "controller" => Ok(Peer::Controller),
                _ => Err(Denial::Unauthenticated("nobody".into())),
            }
        })
    }
}

type Incoming = mpsc::UnboundedSender<io::Result<DuplexStream>>;

/// A server in memory. It stops when it is dropped, and its connections with it.
struct Host {
    server: Server,
    incoming: Incoming,
    _stop: watch::Sender<()>,
}

impl Host {
    fn start() -> Self {
        Self::of(Server::new(Names))
    }

    fn of(server: Server) -> Self {
        let (incoming, connections) = mpsc::unbounded_channel();
        let (stop, mut stopped) = watch::channel(());
        // It is told to stop; that nobody comes any more is no reason.
        let (serving, door) = (server.clone(), incoming.clone());
        tokio::spawn(async move {
            let _door = door;
            let stop = async move { while stopped.changed().await.is_ok() {} };
            serving.serve_streams(UnboundedReceiverStream::new(connections), stop).await
        });
        Self { server, incoming, _stop: stop }
    }

    fn dial(&self, token: &str) -> Pipes {
        Pipes { incoming: Arc::new(Mutex::new(Some(self.incoming.clone()))), token: token.into() }
    }

    async fn standing(&self, plane: &str, is_wanted: impl Fn(&Standing) -> bool) -> Standing {
        let mut changes = self.server.watch();
        timeout(PATIENCE, async {
            loop {
                let standing = self.server.standing(plane);
                if is_wanted(&standing) {
                    return standing;
                }
                changes.changed().await.unwrap();
            }
        })
        .await
        .unwrap_or_else(|_| panic!("it stays at {:?}", self.server.standing(plane)))
    }
}

/// A way to a host, which can be cut and led elsewhere.
#[derive(Clone)]
struct Pipes {
    incoming: Arc<Mutex<Option<Incoming>>>,
    token: String,
}

impl Pipes {
    fn lead_to(&self, host: Option<&Host>) {
        *self.incoming.lock().unwrap() = host.map(|host| host.incoming.clone());
    }
}

impl Dial for Pipes {
    async fn connect(&self) -> io::Result<Box<dyn Connection>> {
        let (ours, theirs) = duplex(64 * 1024);
        let incoming = self.incoming.lock().unwrap();
        let incoming = incoming.as_ref().ok_or(io::ErrorKind::ConnectionRefused)?;
        incoming.send(Ok(theirs)).map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(Box::new(ours))
    }

    fn token(&self) -> io::Result<String> {
        Ok(self.token.clone())
    }
}

/// A proxy that keeps the bodies it gets, and counts them.
struct Proxy {
    events: mpsc::Receiver<Event>,
    acknowledgements: mpsc::Sender<Acknowledgement>,
    connected: watch::Receiver<bool>,
    has: BTreeMap<String, String>,
    pieces: usize,
    taken: Vec<String>,
}

impl Proxy {
    fn start(dial: &Pipes, known: BTreeMap<Arc<str>, Version>) -> Self {
        let (sender, events) = mpsc::channel(1);
        let (acknowledgements, acknowledged) = mpsc::channel(4);
        let (connection, connected) = watch::channel(false);
        let client = Client {
            dial: dial.clone(),
            node: "pod".into(),
            known,
            events: sender,
            acknowledgements: acknowledged,
            connected: connection,
        };
        tokio::spawn(client.run());
        Self { events, acknowledgements, connected, has: BTreeMap::new(), pieces: 0, taken: Vec::new() }
    }

    /// Takes what comes until a snapshot is complete.
    async fn complete(&mut self) -> Version {
        (self.pieces, self.taken) = (0, Vec::new());
        loop {
            match timeout(PATIENCE, self.events.recv()).await.expect("a snapshot comes").unwrap() {
                Event::Piece { added, removed } => {
                    self.pieces += 1;
                    for resource in added {
                        self.taken.push(resource.name.to_string());
                        let body = String::from_utf8(resource.body.to_vec()).unwrap();
                        self.has.insert(resource.name.to_string(), body);
                    }
                    for name in removed {
                        self.has.remove(&*name);
                    }
                }
                Event::Complete(version) => return version,
            }
        }
    }

    async fn acknowledge(&self, version: Version, rejected: &[(&str, &str)]) {
        let rejected = rejected.iter().map(|(name, reason)| (String::from(*name), String::from(*reason))).collect();
        self.acknowledgements.send(Acknowledgement { version, rejected }).await.unwrap();
    }
}

fn added(resources: &[(&str, &str)]) -> Change {
    let resource = |(name, body): &(&str, &str)| Resource::new(*name, body.as_bytes().to_vec());
    Change { added: resources.iter().map(resource).collect(), removed: Vec::new() }
}

fn has(resources: &[(&str, &str)]) -> BTreeMap<String, String> {
    resources.iter().map(|(name, body)| (String::from(*name), String::from(*body))).collect()
}

#[tokio::test]
async fn a_proxy_gets_what_is_published_then_what_changes_and_confirms_each() {
    let host = Host::start();
    let first = host.server.publish("a", added(&[("x", "1"), ("y", "1")]));
    let mut proxy = Proxy::start(&host.dial("proxy a"), BTreeMap::new());
    assert_eq!(proxy.complete().await, first);
    assert_eq!(proxy.has, has(&[("x", "1"), ("y", "1")]));
    let standing = host.standing("a", |standing| !standing.proxies.is_empty()).await;
    assert!(!standing.is_confirmed(), "what is only sent is not in force");
    proxy.acknowledge(first, &[]).await;
    assert_eq!(host.standing("a", Standing::is_confirmed).await.proxies.len(), 1);

    let change = Change { removed: vec!["x".into()], ..added(&[("y", "2"), ("z", "1")]) };
    let second = host.server.publish("a", change);
    assert!(!host.server.standing("a").is_confirmed());
    assert_eq!(proxy.complete().await, second);
    assert_eq!(proxy.taken, ["y", "z"]);
    assert_eq!(proxy.has, has(&[("y", "2"), ("z", "1")]));
    proxy.acknowledge(second, &[]).await;
    host.standing("a", Standing::is_confirmed).await;
}

#[tokio::test]
async fn a_rejection_names_its_resource_and_a_later_word_replaces_it() {
    let host = Host::start();
    let version = host.server.publish("a", added(&[("x", "1"), ("y", "1")]));
    let mut proxy = Proxy::start(&host.dial("proxy a"), BTreeMap::new());
    proxy.complete().await;
    proxy.acknowledge(version, &[("y", "makes no sense")]).await;
    let standing = host.standing("a", Standing::is_confirmed).await;
    assert_eq!(standing.rejected(|_| true), BTreeMap::from([("y", "makes no sense")]));
    proxy.acknowledge(version, &[]).await;
    host.standing("a", |standing| standing.is_confirmed() && standing.rejected(|_| true).is_empty()).await;
}

#[tokio::test]
async fn a_resource_that_is_too_long_is_named_and_nobody_gets_its_body() {
    let host = Host::start();
    let first = host.server.publish("a", added(&[("x", "1"), ("y", "1")]));
    let mut proxy = Proxy::start(&host.dial("proxy a"), BTreeMap::new());
    proxy.complete().await;
    proxy.acknowledge(first, &[]).await;
    let long = "1".repeat(BODY_BYTES_MAX + 1);
    let version = host.server.publish("a", added(&[("x", &long), ("y", "2")]));
    assert_eq!(proxy.complete().await, version);
    assert_eq!(proxy.has, has(&[("x", ""), ("y", "2")]));
    // A proxy can only say that it cannot be read.
    proxy.acknowledge(version, &[("x", "it is empty")]).await;
    let standing = host.standing("a", Standing::is_confirmed).await;
    let why = format!("it has {} bytes, and proxies take at most {BODY_BYTES_MAX}", long.len());
    assert_eq!(standing.rejected(|_| true), BTreeMap::from([("x", &*why)]));

    let version = host.server.publish("a", added(&[("x", &long[..BODY_BYTES_MAX])]));
    proxy.complete().await;
    assert_eq!(proxy.has["x"].len(), BODY_BYTES_MAX);
    assert!(host.server.standing("a").rejected(|said| said == version).is_empty());
}

#[tokio::test]
async fn a_proxy_gets_its_own_plane_whatever_it_asks_for_and_nobody_gets_nothing() {
    let host = Host::start();
    host.server.publish("a", added(&[("secret-of-a", "1")]));
    host.server.publish("b", added(&[("secret-of-b", "1")]));
    // It claims to have a resource of b, which is how it would learn of its version.
    let known = BTreeMap::from([(Arc::from("secret-of-b"), Version::of(b"0"))]);
    let mut proxy = Proxy::start(&host.dial("proxy a"), known);
    proxy.complete().await;
    assert_eq!(proxy.has, has(&[("secret-of-a", "1")]));
    let mut nobody = Proxy::start(&host.dial("token of nobody"), BTreeMap::new());
    let mut controller = Proxy::start(&host.dial("controller"), BTreeMap::new());
    for proxy in [&mut nobody, &mut controller] {
        assert!(timeout(Duration::from_millis(300), proxy.events.recv()).await.is_err());
        assert!(!*proxy.connected.borrow());
    }
    let wrong = forward(&host.server, &host.dial("proxy a")).await;
    assert!(wrong.unwrap_err().contains("relays for nobody"));
}

#[tokio::test]
async fn after_a_reconnect_only_what_changed_meanwhile_is_sent() {
    let host = Host::start();
    let first = host.server.publish("a", added(&[("x", "1"), ("y", "1")]));
    let dial = host.dial("proxy a");
    let mut proxy = Proxy::start(&dial, BTreeMap::new());
    proxy.complete().await;
    proxy.acknowledge(first, &[]).await;
    host.standing("a", Standing::is_confirmed).await;
    // Another controller with the same objects and one change: versions are made of content, so it knows what is new.
    let other = Host::start();
    let second = other.server.publish("a", added(&[("x", "1"), ("y", "2")]));
    dial.lead_to(Some(&other));
    drop(host);
    assert_eq!(proxy.complete().await, second);
    assert_eq!(proxy.taken, ["y"]);
    proxy.acknowledge(second, &[]).await;
    other.standing("a", Standing::is_confirmed).await;
}

#[tokio::test]
async fn a_reconnect_without_changes_sends_no_resource_and_still_confirms() {
    let server = Server::new(Names);
    let host = Host::of(server.clone());
    let version = server.publish("a", added(&[("x", "1")]));
    let dial = host.dial("proxy a");
    let mut proxy = Proxy::start(&dial, BTreeMap::new());
    proxy.complete().await;
    dial.lead_to(None);
    drop(host);
    let again = Host::of(server.clone());
    again.standing("a", |standing| standing.proxies.is_empty()).await;
    dial.lead_to(Some(&again));
    assert_eq!(proxy.complete().await, version);
    assert_eq!(proxy.pieces, 0);
    proxy.acknowledge(version, &[]).await;
    again.standing("a", Standing::is_confirmed).await;
}

#[tokio::test]
async fn a_proxy_that_starts_with_what_it_had_is_sent_the_rest() {
    let host = Host::start();
    host.server.publish("a", added(&[("x", "1"), ("key", "1")]));
    let known = BTreeMap::from([(Arc::from("x"), Version::of(b"1")), (Arc::from("gone"), Version::of(b"1"))]);
    let mut proxy = Proxy::start(&host.dial("proxy a"), known);
    proxy.has.insert("gone".into(), "1".into());
    proxy.complete().await;
    assert_eq!((proxy.taken, proxy.has), (vec!["key".into()], has(&[("key", "1")])));
}

#[tokio::test]
async fn a_large_snapshot_comes_in_pieces_and_is_one_version() {
    let host = Host::start();
    let body = "x".repeat(100_000);
    let names: Vec<_> = (0..40).map(|number| format!("r{number:02}")).collect();
    let resources: Vec<_> = names.iter().map(|name| (&**name, &*body)).collect();
    let version = host.server.publish("a", added(&resources));
    let mut proxy = Proxy::start(&host.dial("proxy a"), BTreeMap::new());
    assert_eq!(proxy.complete().await, version);
    assert_eq!(proxy.has.len(), 40);
    assert!(proxy.pieces > 10, "{} pieces", proxy.pieces);
}

#[tokio::test]
async fn changes_that_come_while_a_snapshot_is_unconfirmed_are_sent_together() {
    let host = Host::start();
    let first = host.server.publish("a", added(&[("x", "0")]));
    let mut proxy = Proxy::start(&host.dial("proxy a"), BTreeMap::new());
    proxy.complete().await;
    let mut last = first;
    for number in 1..100 {
        last = host.server.publish("a", added(&[("x", &number.to_string())]));
    }
    assert!(timeout(Duration::from_millis(200), proxy.events.recv()).await.is_err(), "one at a time");
    proxy.acknowledge(first, &[]).await;
    assert_eq!(proxy.complete().await, last);
    assert_eq!(proxy.has, has(&[("x", "99")]));
}

#[tokio::test]
async fn a_plane_that_was_never_published_or_is_removed_takes_nothing_away() {
    let host = Host::start();
    let mut proxy = Proxy::start(&host.dial("proxy a"), BTreeMap::new());
    host.standing("a", |standing| standing.proxies.len() == 1).await;
    assert!(timeout(Duration::from_millis(100), proxy.events.recv()).await.is_err());
    let version = host.server.publish("a", added(&[("x", "1")]));
    assert_eq!(proxy.complete().await, version);
    proxy.acknowledge(version, &[]).await;
    host.standing("a", Standing::is_confirmed).await;
    host.server.remove("a");
    assert!(timeout(Duration::from_millis(100), proxy.events.recv()).await.is_err());
    assert_eq!(host.server.standing("a").published, None);
    // Back again, as it was: nothing needs to be sent but the confirmation holds.
    host.server.publish("a", added(&[("x", "1")]));
    host.standing("a", Standing::is_confirmed).await;
}

#[tokio::test]
async fn the_leader_knows_what_proxies_of_a_standby_confirm_and_forgets_them_with_it() {
    let (leader, standby) = (Host::start(), Host::start());
    let version = leader.server.publish("a", added(&[("x", "1")]));
    assert_eq!(standby.server.publish("a", added(&[("x", "1")])), version);
    let mut proxy = Proxy::start(&standby.dial("proxy a"), BTreeMap::new());
    proxy.complete().await;
    let (relaying, to_leader) = (standby.server.clone(), leader.dial("controller"));
    let relay = tokio::spawn(async move { forward(&relaying, &to_leader).await });
    let standing = leader.standing("a", |standing| standing.proxies.len() == 1).await;
    assert!(!standing.is_confirmed());
    proxy.acknowledge(version, &[("x", "no")]).await;
    let standing = leader.standing("a", Standing::is_confirmed).await;
    assert_eq!(standing.rejected(|_| true), BTreeMap::from([("x", "no")]));
    relay.abort();
    leader.standing("a", |standing| standing.proxies.is_empty()).await;
}

#[tokio::test]
async fn a_relay_ends_with_its_leader() {
    let (leader, standby) = (Host::start(), Host::start());
    let (relaying, to_leader) = (standby.server.clone(), leader.dial("controller"));
    let relay = tokio::spawn(async move { forward(&relaying, &to_leader).await });
    drop(leader);
    assert!(timeout(PATIENCE, relay).await.unwrap().unwrap().is_err());
}

#[tokio::test]
async fn a_proxy_that_is_sent_away_finds_a_controller_that_knows_more() {
    let (host, other) = (Host::start(), Host::start());
    let first = host.server.publish("a", added(&[("x", "1")]));
    let dial = host.dial("proxy a");
    let mut proxy = Proxy::start(&dial, BTreeMap::new());
    assert_eq!(proxy.complete().await, first);
    let second = other.server.publish("a", added(&[("x", "2")]));
    knock(&other.dial("controller")).await.unwrap();
    host.server.send_away(true);
    host.standing("a", |standing| standing.proxies.is_empty()).await;
    // Nobody is taken in meanwhile.
    let refused = timeout(Duration::from_millis(300), proxy.events.recv()).await;
    assert!(refused.is_err());
    dial.lead_to(Some(&other));
    assert_eq!(proxy.complete().await, second);
    dial.lead_to(Some(&host));
    drop(other);
    host.server.send_away(false);
    assert_eq!(proxy.complete().await, first);
}

#[tokio::test]
async fn whoever_cannot_be_told_from_others_is_not_answered_a_knock() {
    let host = Host::start();
    assert!(knock(&host.dial("token of nobody")).await.is_err());
    assert!(knock(&host.dial("proxy a")).await.is_err());
}

#[test]
fn a_version_reads_as_it_is_written_and_tells_lists_apart() {
    let version = Version::of(b"x");
    assert_eq!(version.to_string().parse(), Ok(version));
    for text in ["", "0", "+0000000000000000000000000000000", "zz000000000000000000000000000000"] {
        assert!(text.parse::<Version>().is_err(), "{text}");
    }
    let (a, b) = (Version::of(b"a"), Version::of(b"b"));
    assert_ne!(Version::of_all([("x", a), ("y", b)].into_iter()), Version::of_all([("x", b), ("y", a)].into_iter()));
    assert!(!format!("{:?}", Resource::new("x", "very secret")).contains("very secret"));
}
