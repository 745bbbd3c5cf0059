//! The controller's end: what was published goes to whoever may have it, and what they confirm is kept.
//!
//! A client gets the plane that its token names, whatever it asks for.

mod accept;
mod place;
mod refused;
mod stream;
mod tls;

use std::{
    fmt,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc, watch},
    time::timeout,
};
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{
    Extensions, Request, Response, Status, Streaming,
    body::Body,
    codegen::{Service, http},
    metadata::MetadataMap,
    server::Grpc,
    transport::server::Connected,
};
use tonic_prost::ProstCodec;

pub(crate) use self::stream::bounded;
pub use self::tls::Identity;
use self::{place::Claim, refused::Refused};
use crate::{
    Change, Standing, Version,
    message::{DeltaDiscoveryRequest, DeltaDiscoveryResponse},
    method::{Method, Only},
    plane::Planes,
    relay::RelayService,
    standing::Ledger,
};

/// How long an [`Authenticator`] may take; the API server answers within this or is not there.
const AUTHENTICATION_TIMEOUT: Duration = Duration::from_secs(10);
/// Tokens checked at once: a flood of wrong ones leaves the API server to the controller's own requests.
const AUTHENTICATIONS_MAX: usize = 16;
/// A connection is asked to end when no stream of it lives any more: streams end by themselves before.
const CONNECTION_AGE: Duration = stream::STREAM_AGE;
/// Bytes of a request of the largest plane: 100,000 names of 100 bytes with their versions, when a client reconnects.
const REQUEST_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Of both ends: how often a connection that is silent is asked whether it is alive, and how long it may take to answer.
pub(crate) const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
pub(crate) const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// Requests that one connection may have open: a client needs one.
const STREAMS_MAX: u32 = 4;

/// Who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A proxy of this plane.
    Proxy { plane: String },
    /// Another controller, which relays what its proxies confirm.
    Controller,
}

/// Why somebody gets nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The token is nobody's, or not for this channel.
    Unauthenticated(String),
    /// It is somebody's who has no plane.
    Forbidden(String),
    /// It could not be checked now.
    Unavailable(String),
}

/// What an [`Authenticator`] returns.
pub type Authentication<'a> = Pin<Box<dyn Future<Output = Result<Peer, Denial>> + Send + 'a>>;

/// Decides who somebody is.
pub trait Authenticator: Send + Sync + 'static {
    /// Returns whose bearer token this is. It is never logged.
    fn authenticate<'a>(&'a self, token: &'a str) -> Authentication<'a>;
}

/// The serving end. Cheap to clone; clones share.
#[derive(Clone)]
pub struct Server {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    authenticator: Box<dyn Authenticator>,
    authentications: Semaphore,
    refused: Refused,
    pub(crate) planes: Planes,
    pub(crate) ledger: Ledger,
    /// Whether proxies are better off elsewhere.
    away: watch::Sender<bool>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Server")
    }
}

impl Server {
    pub fn new(authenticator: impl Authenticator) -> Self {
        let shared = Shared {
            authenticator: Box::new(authenticator),
            authentications: Semaphore::new(AUTHENTICATIONS_MAX),
            refused: Refused::default(),
            planes: Planes::default(),
            ledger: Ledger::new(),
            away: watch::Sender::new(false),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Changes what `plane` should have, and returns the version of all of it. Nothing is sent when nothing changed.
    ///
    /// A plane that was never published, or was removed, begins empty. Its first publish may bring no resource at all,
    /// which is a Plan that serves nothing. A resource of more than [`BODY_BYTES_MAX`](crate::BODY_BYTES_MAX) is not sent:
    /// proxies keep the last good one of its name, and [`Standing::rejected`] says why.
    pub fn publish(&self, plane: &str, change: Change) -> Version {
        let version = self.shared.planes.publish(plane, change);
        self.shared.ledger.touch();
        version
    }

    /// Forgets `plane`. Its proxies keep what they have until they are stopped.
    pub fn remove(&self, plane: &str) {
        self.shared.planes.remove(plane);
        self.shared.ledger.touch();
    }

    /// Returns how `plane` stands: its connected proxies and what each has confirmed, here and at relaying controllers.
    pub fn standing(&self, plane: &str) -> Standing {
        let published = self.shared.planes.published(plane);
        Standing {
            published: published.as_ref().map(|snapshot| snapshot.version),
            refused: published.map(|snapshot| snapshot.refused.clone()).unwrap_or_default(),
            proxies: self.shared.ledger.proxies(plane),
        }
    }

    /// Ends the stream of every proxy and takes no other while `away`: there is another controller that knows more. A
    /// proxy keeps what it has, and finds that one.
    pub fn send_away(&self, away: bool) {
        self.shared.away.send_replace(away);
    }

    /// Wakes whenever the standing of any plane may be different; the number means nothing.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.shared.ledger.watch()
    }

    /// Serves on `listener` over TLS 1.3 until `stop` completes, then lets nobody linger.
    ///
    /// # Errors
    /// When the listener fails for good.
    pub async fn serve(
        &self,
        listener: TcpListener,
        identity: watch::Receiver<Identity>,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        self.serve_streams(accept::accept(listener, identity), stop).await
    }

    /// Serves connections that are secure already, until `stop` completes.
    ///
    /// # Errors
    /// When `incoming` fails for good.
    pub async fn serve_streams<IO>(
        &self,
        incoming: impl Stream<Item = io::Result<IO>>,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()>
    where
        IO: tokio::io::AsyncRead + tokio::io::AsyncWrite + Connected + Unpin + Send + 'static,
    {
        let (stopping, stopped) = watch::channel(false);
        let stop = async move {
            stop.await;
            // Streams end by it: they never would by themselves.
            let _ = stopping.send(true);
        };
        tonic::transport::Server::builder()
            .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
            .max_concurrent_streams(STREAMS_MAX)
            .max_connection_age(CONNECTION_AGE)
            .add_service(Only(Discovery { shared: self.shared.clone(), stopped: stopped.clone() }))
            .add_service(Only(RelayService { shared: self.shared.clone(), stopped }))
            .serve_with_incoming_shutdown(incoming, stop)
            .await
            .map_err(io::Error::other)
    }
}

impl Shared {
    /// Returns who sent a request with this metadata. With it, the connection that it came on may stay.
    pub(crate) async fn authenticate(&self, metadata: &MetadataMap, extensions: &Extensions) -> Result<Peer, Status> {
        let header = metadata.get("authorization").and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.strip_prefix("Bearer "));
        let token = token.ok_or_else(|| Status::unauthenticated("give a bearer token"))?;
        let claim = extensions.get::<Arc<Claim>>();
        claim.map_or(Ok(()), |claim| claim.may_show())?;
        if let Some(reason) = self.refused.reason(token) {
            return Err(Status::unauthenticated(reason));
        }
        let peer = match timeout(AUTHENTICATION_TIMEOUT, self.ask(token)).await {
            Ok(Ok(peer)) => peer,
            Ok(Err(Denial::Unauthenticated(why))) => {
                self.refused.remember(token, &why);
                return Err(Status::unauthenticated(why));
            }
            Ok(Err(Denial::Forbidden(why))) => return Err(Status::permission_denied(why)),
            Ok(Err(Denial::Unavailable(why))) => return Err(Status::unavailable(why)),
            Err(_) => return Err(Status::unavailable("the token could not be checked in time")),
        };
        claim.map_or(Ok(()), |claim| claim.admit())?;
        Ok(peer)
    }

    async fn ask(&self, token: &str) -> Result<Peer, Denial> {
        let _permit = self.authentications.acquire().await;
        self.authenticator.authenticate(token).await
    }
}

/// What a proxy is told that is sent away.
fn elsewhere() -> Status {
    Status::unavailable("another controller knows more")
}

/// `envoy.service.discovery.v3.AggregatedDiscoveryService`.
#[derive(Clone)]
struct Discovery {
    shared: Arc<Shared>,
    stopped: watch::Receiver<bool>,
}

pub(crate) const DISCOVERY_PATH: &str =
    "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

impl Method for Discovery {
    const SERVICE: &'static str = "envoy.service.discovery.v3.AggregatedDiscoveryService";
    const PATH: &'static str = DISCOVERY_PATH;

    async fn answer(self, request: http::Request<Body>) -> http::Response<Body> {
        let codec = ProstCodec::<DeltaDiscoveryResponse, DeltaDiscoveryRequest>::default();
        let mut grpc = Grpc::new(codec).max_decoding_message_size(REQUEST_BYTES_MAX);
        grpc.streaming(self, request).await
    }
}

type Opened = Result<Response<ReceiverStream<Result<DeltaDiscoveryResponse, Status>>>, Status>;

impl Service<Request<Streaming<DeltaDiscoveryRequest>>> for Discovery {
    type Response = Response<ReceiverStream<Result<DeltaDiscoveryResponse, Status>>>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Opened> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Streaming<DeltaDiscoveryRequest>>) -> Self::Future {
        let Self { shared, stopped } = self.clone();
        Box::pin(async move {
            let away = shared.away.subscribe();
            if *away.borrow() {
                return Err(elsewhere());
            }
            let plane = match shared.authenticate(request.metadata(), request.extensions()).await? {
                Peer::Proxy { plane } => plane,
                Peer::Controller => return Err(Status::permission_denied("a controller has no plane")),
            };
            // One piece waits while another is sent: the client decides the pace.
            let (pieces, sent) = mpsc::channel(1);
            tokio::spawn(stream::serve(shared, plane, request.into_inner(), pieces, (stopped, away)));
            Ok(Response::new(ReceiverStream::new(sent)))
        })
    }
}
