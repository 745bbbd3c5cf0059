//! Over pipes, with time that stands still.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    time::Instant,
};
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::*;
use crate::{Authentication, Authenticator, Change, Client, Connection as Pipe, Denial, Dial, Event, Peer, Resource};
use crate::{Server, forward, knock};

const DEADLINE: Duration = Duration::from_secs(10);
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

/// Tokens are the names of planes, `controller`, `nobody` and `forbidden`. Counts what it is asked.
#[derive(Clone, Default)]
struct Names(Arc<AtomicUsize>);

impl Authenticator for Names {
    fn authenticate<'a>(&'a self, token: &'a str) -> Authentication<'a> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            match token {
                "nobody" => Err(Denial::Unauthenticated("it is nobody".into())),
                "forbidden" => Err(Denial::Forbidden("it has no plane".into())),
                "controller" => Ok(Peer::Controller),
                plane => Ok(Peer::Proxy { plane: plane.into() }),
            }
        })
    }
}

/// A server whose connections come over pipes and have places.
#[derive(Clone)]
struct Host {
    server: Server,
    places: Places,
    incoming: mpsc::UnboundedSender<io::Result<Connection<DuplexStream>>>,
    token: &'static str,
    /// Connections made so far.
    made: Arc<Mutex<usize>>,
}

impl Host {
    fn start(names: Names) -> Self {
        let server = Server::new(names);
        let (incoming, connections) = mpsc::unbounded_channel();
        let serving = server.clone();
        tokio::spawn(async move {
            serving.serve_streams(UnboundedReceiverStream::new(connections), std::future::pending()).await
        });
        Self { server, places: Places::default(), incoming, token: "", made: Arc::default() }
    }

    fn with(&self, token: &'static str) -> Self {
        Self { token, made: Arc::default(), ..self.clone() }
    }

    fn connect(&self) -> Option<DuplexStream> {
        let (ours, theirs) = duplex(64 * 1024);
        let place = self.places.enter(STRANGER)?;
        *self.made.lock().unwrap() += 1;
        self.incoming.send(Ok(Connection::new(theirs, place))).ok()?;
        Some(ours)
    }
}

impl Dial for Host {
    async fn connect(&self) -> io::Result<Box<dyn Pipe>> {
        let stream = Self::connect(self).ok_or(io::ErrorKind::ConnectionRefused)?;
        Ok(Box::new(stream))
    }

    fn token(&self) -> io::Result<String> {
        Ok(self.token.into())
    }
}

/// Returns after what time the other end is gone, whatever it says before.
async fn gone_after(mut stream: impl AsyncRead + Unpin) -> Duration {
    let begin = Instant::now();
    let mut said = [0; 1024];
    while stream.read(&mut said).await.is_ok_and(|count| count > 0) {}
    begin.elapsed()
}

fn change(body: &str) -> Change {
    Change { added: vec![Resource::new("x", body.to_owned())], removed: Vec::new() }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_does_not_begin_ends_in_time_and_frees_its_place() {
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let identity = Identity::new(&certificate.cert.pem(), &certificate.signing_key.serialize_pem()).unwrap();
    let acceptor = TlsAcceptor::from(identity.config.clone());
    let (places, (ours, theirs)) = (Places::default(), duplex(1024));
    let place = places.enter(STRANGER).unwrap();
    let secured = tokio::spawn(async move { secure(theirs, &acceptor, place).await.is_some() });
    assert_eq!(gone_after(ours).await.as_secs(), DEADLINE.as_secs());
    assert!(!secured.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn whoever_says_nothing_after_the_handshake_is_gone_in_time() {
    let host = Host::start(Names::default());
    assert_eq!(gone_after(host.connect().unwrap()).await.as_secs(), DEADLINE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn whoever_speaks_http2_but_shows_no_token_is_gone_in_time() {
    let host = Host::start(Names::default());
    let mut stream = host.connect().unwrap();
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    stream.write_all(&settings).await.unwrap();
    assert_eq!(gone_after(stream).await.as_secs(), DEADLINE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_proxy_and_a_relay_stay_when_their_tokens_were_accepted() {
    let host = Host::start(Names::default());
    host.server.publish("a", change("1"));
    let (events_in, mut events) = mpsc::channel(8);
    let (_acknowledgements, acknowledged) = mpsc::channel(1);
    let (connected, _) = watch::channel(false);
    let dial = host.with("a");
    let known = BTreeMap::new();
    let client = Client {
        dial: dial.clone(),
        node: "pod".into(),
        known,
        events: events_in,
        acknowledgements: acknowledged,
        connected,
    };
    tokio::spawn(client.run());
    while !matches!(events.recv().await.unwrap(), Event::Complete(_)) {}
    let (relay, relaying) = (host.with("controller"), host.server.clone());
    let relayed = tokio::spawn(async move { forward(&relaying, &relay).await });
    // Longer than the deadline, shorter than a snapshot may stay unconfirmed.
    sleep(DEADLINE * 3).await;
    assert!(!relayed.is_finished());
    assert_eq!(*dial.made.lock().unwrap(), 1);
    // Itself, and once more through the relay, which leads to the same server here.
    assert_eq!(host.server.standing("a").proxies.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_nobodys_is_asked_about_once_in_a_while() {
    let names = Names::default();
    let host = Host::start(names.clone());
    let dial = host.with("nobody");
    for _ in 0..5 {
        assert!(knock(&dial).await.unwrap_err().contains("it is nobody"));
    }
    assert_eq!(names.0.load(Ordering::Relaxed), 1);
    sleep(DEADLINE).await;
    assert!(knock(&dial).await.is_err());
    assert_eq!(names.0.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_valid_token_without_a_plane_is_asked_about_each_time() {
    let names = Names::default();
    let host = Host::start(names.clone());
    for _ in 0..3 {
        assert!(knock(&host.with("forbidden")).await.unwrap_err().contains("it has no plane"));
    }
    assert_eq!(names.0.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn a_stranger_that_takes_every_place_of_its_address_holds_up_a_proxy_for_a_second_or_two() {
    let host = Host::start(Names::default());
    let mut held = Vec::new();
    while let Some(stream) = host.connect() {
        held.push(stream);
    }
    let dial = host.with("controller");
    assert!(knock(&dial).await.is_err());
    sleep(Duration::from_secs(2)).await;
    knock(&dial).await.unwrap();
}
