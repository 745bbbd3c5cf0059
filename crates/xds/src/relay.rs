//! From a standby to the leader: what the proxies confirm that the standby serves.
//!
//! The leader alone writes status, and every controller serves proxies: without this it would know only its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    time::{sleep, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Request, Response, Status, Streaming,
    body::Body,
    codegen::{Service, http, http::uri::PathAndQuery},
    server::Grpc,
};
use tonic_prost::ProstCodec;

use crate::{
    Confirmation, Dial, Server,
    client::open,
    message::{Rejection, RelayEnd, RelayReport, RelayedProxy},
    method::Method,
    server::{Peer, Shared, bounded},
};

const PATH: &str = "/gatewright.relay.v1.Relay/Forward";
/// Bytes of what is said of one plane: 4,096 proxies with the worst of what a few of them reject.
const REPORT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Changes within this time are forwarded together.
const FORWARD_INTERVAL: Duration = Duration::from_millis(10);
/// How long a controller may take to say whether it hears from the API server.
const KNOCK_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the leader may take to take a report.
const LEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Forwards to the controller at `dial` what the proxies confirm that `server` serves, until the connection ends.
///
/// # Errors
/// When it cannot be made, or is refused or lost: whoever called decides whether the same leader is to be tried again.
pub async fn forward(server: &Server, dial: &impl Dial) -> Result<(), String> {
    let (reports, sent) = mpsc::channel(1);
    let (mut grpc, request) = open(dial, ReceiverStream::new(sent)).await?;
    let codec = ProstCodec::<RelayReport, RelayEnd>::default();
    let answer = grpc.client_streaming(request, PathAndQuery::from_static(PATH), codec);
    tokio::select! {
        end = answer => end.map(|_| ()).map_err(|status| status.message().to_owned()),
        end = tell(server, reports) => end,
    }
}

/// Asks whether the controller at `dial` hears from the API server: it cannot tell who knocks without.
///
/// # Errors
/// Says why it could not be asked, or does not.
pub async fn knock(dial: &impl Dial) -> Result<(), String> {
    let asked = async {
        let (mut grpc, request) = open(dial, tokio_stream::empty()).await?;
        let codec = ProstCodec::<RelayReport, RelayEnd>::default();
        let answer = grpc.client_streaming(request, PathAndQuery::from_static(PATH), codec).await;
        answer.map(|_| ()).map_err(|status| status.message().to_owned())
    };
    timeout(KNOCK_TIMEOUT, asked).await.map_err(|_| "no answer")?
}

/// Sends every plane's proxies, and again those of a plane where something changed.
async fn tell(server: &Server, reports: mpsc::Sender<RelayReport>) -> Result<(), String> {
    let ledger = &server.shared.ledger;
    let mut changes = ledger.watch();
    let mut told = BTreeMap::new();
    loop {
        changes.mark_unchanged();
        let own = ledger.own();
        let planes: BTreeSet<&String> = own.keys().chain(told.keys()).collect();
        for plane in planes {
            let proxies = own.get(plane).map_or(&[][..], Vec::as_slice);
            if told.get(plane).map_or(&[][..], Vec::as_slice) == proxies {
                continue;
            }
            let report = RelayReport { plane: plane.clone(), proxies: proxies.iter().map(on_wire).collect() };
            let taken = timeout(LEADER_TIMEOUT, reports.send(report)).await;
            taken.map_err(|_| "the leader takes no report")?.map_err(|_| "the leader is gone")?;
        }
        told = own;
        sleep(FORWARD_INTERVAL).await;
        changes.changed().await.map_err(|_| "the server is gone")?;
    }
}

fn on_wire(proxy: &Confirmation) -> RelayedProxy {
    let rejected = proxy.rejected.iter();
    RelayedProxy {
        name: String::from(&*proxy.proxy),
        version: proxy.version.map(|version| version.to_string()).unwrap_or_default(),
        rejected: rejected.map(|(name, reason)| Rejection { name: name.clone(), reason: reason.clone() }).collect(),
    }
}

/// The leader's end: `gatewright.relay.v1.Relay`. Every controller has it; whoever leads is forwarded to.
#[derive(Clone)]
pub(crate) struct RelayService {
    pub(crate) shared: Arc<Shared>,
    pub(crate) stopped: watch::Receiver<bool>,
}

impl Method for RelayService {
    const SERVICE: &'static str = "gatewright.relay.v1.Relay";
    const PATH: &'static str = PATH;

    async fn answer(self, request: http::Request<Body>) -> http::Response<Body> {
        let codec = ProstCodec::<RelayEnd, RelayReport>::default();
        let mut grpc = Grpc::new(codec).max_decoding_message_size(REPORT_BYTES_MAX);
        grpc.client_streaming(self, request).await
    }
}

impl Service<Request<Streaming<RelayReport>>> for RelayService {
    type Response = Response<RelayEnd>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Response<RelayEnd>, Status>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Streaming<RelayReport>>) -> Self::Future {
        let Self { shared, mut stopped } = self.clone();
        Box::pin(async move {
            match shared.authenticate(request.metadata(), request.extensions()).await? {
                Peer::Controller => {}
                Peer::Proxy { .. } => return Err(Status::permission_denied("a proxy relays for nobody")),
            }
            let mut reports = request.into_inner();
            // Dropped with this future, whichever way the stream ends.
            let relay = Relay { number: shared.ledger.number(), shared: &shared };
            loop {
                let report = tokio::select! {
                    report = reports.message() => report?,
                    _ = stopped.wait_for(|stopped| *stopped) => return Err(Status::unavailable("the controller stops")),
                };
                let Some(report) = report else { return Ok(Response::new(RelayEnd {})) };
                let proxies = report.proxies.into_iter().map(confirmation).collect();
                shared.ledger.relayed(relay.number, &report.plane, proxies);
            }
        })
    }
}

/// What a standby says counts as long as its stream lives.
struct Relay<'a> {
    number: u64,
    shared: &'a Shared,
}

impl Drop for Relay<'_> {
    fn drop(&mut self) {
        self.shared.ledger.relay_ended(self.number);
    }
}

fn confirmation(proxy: RelayedProxy) -> Confirmation {
    Confirmation { proxy: proxy.name.into(), version: proxy.version.parse().ok(), rejected: bounded(proxy.rejected) }
}
