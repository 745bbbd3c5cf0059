//! Sets the controller up: every part as a task of its own, and the channels between them.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use gatewright_core::world::{Controllers, Inspect, ObjectKey, Settings as WorldSettings};
use gatewright_xds::Server;
use kube::Client;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch as channel},
    time::{Instant, timeout},
};

use crate::{
    aside,
    authenticate::{Accounts, Reviewer},
    authority::{self, Authority},
    engine::{Ends, Engine, Facts},
    event::{self, Board, Reporter},
    leader::{self, Candidate, Outlets},
    picture::Picture,
    provision::{self, Provisioner},
    relay::{self, Road},
    status::{self, Desk},
    vitals::Vitals,
    watch::{self, CHANGES_MAX, Kinds},
};

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
    let (issuer, tokens) = leader::channel();
    tokio::spawn(watch::run(client.clone(), kinds.clone(), wanted_out, changes_in));
    let (board, posted) = Board::new(tokens.clone(), settings.vitals.clone());
    let reporter = Reporter {
        controller: settings.controller_names.first().cloned().unwrap_or_default(),
        instance: settings.name.clone(),
    };
    tokio::spawn(event::run(client.clone(), reporter, posted, (tokens.clone(), settings.vitals.clone())));
    let telling = (board, settings.vitals.clone());
    tokio::spawn(status::run(client.clone(), desk.clone(), kinds, tokens.clone(), telling));
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
    let (reached, reached_out) = channel::channel(Instant::now());
    tokio::spawn(aside::run(server.clone(), road.clone(), others_out, reached_out));
    let (other, other_out) = channel::channel(None);
    tokio::spawn(relay::run(server.clone(), road, other_out));
    let candidate = Candidate {
        address: SocketAddr::new(settings.address, settings.listen.port()).to_string(),
        name: settings.name.clone(),
        namespace: settings.namespace.clone(),
    };
    let outlets = Outlets { issuer, other, reached, vitals: settings.vitals.clone() };
    let lead = tokio::spawn(leader::run(client.clone(), candidate, outlets, stop.clone()));
    let (infrastructure, infrastructure_out) = channel::channel(None);
    let (seen_in, seen) = channel::channel(None);
    let control_plane = format!("https://{}.{}.svc:{}", authority::SERVICE, settings.namespace, settings.listen.port());
    let provisioning =
        provision::Settings { namespace: settings.namespace.clone(), image: settings.image.clone(), control_plane, ca };
    tokio::spawn(Provisioner::new(client, provisioning).run(infrastructure_out, tokens, seen_in));
    let world = WorldSettings { controllers, merge_gateways: false, inspect: settings.inspect };
    let ends = Ends {
        changes,
        wanted,
        infrastructure,
        others,
        channel: SocketAddr::new(settings.address, settings.listen.port()),
        namespace: settings.namespace,
        accounts,
    };
    let picture = Picture::new(world, desk.clone(), settings.vitals.clone());
    let facts = Facts { seen, standings: server.watch(), stop };
    Engine::new(picture, desk, server, ends, settings.vitals).run(facts).await;
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
