//! The loop without a cluster: what makes it go round.

use gatewright_xds::{Authentication, Authenticator, Denial};

use super::*;

/// Lets nobody in.
struct Nobody;

impl Authenticator for Nobody {
    fn authenticate<'a>(&'a self, _: &'a str) -> Authentication<'a> {
        Box::pin(async { Err(Denial::Unauthenticated("nobody".into())) })
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_round_observed_at_its_end_makes_the_next_though_nothing_more_happens() {
    let controllers = Controllers::Named(Vec::new());
    let desk = Arc::new(Desk::new(controllers.clone()));
    let vitals = Arc::new(Vitals::default());
    let inspect = Inspect { key_pair: |_, _| Err("unread".into()), trust_anchors: |_| Err("unread".into()) };
    let world = WorldSettings { controllers, merge_gateways: false, inspect };
    let mut picture = Picture::new(world, desk.clone(), vitals.clone());
    picture.apply(Change::Served { kinds: BTreeSet::new(), bundle: gatewright_core::world::Bundle::default() });
    let server = Server::new(Nobody);
    let (_changes, changes) = mpsc::channel(1);
    let (_seen, seen) = channel::channel(None);
    let (_stop, stop) = channel::channel(false);
    let mut facts = Facts { seen, standings: server.watch(), stop };
    let mut engine = Engine {
        picture,
        compiler: Compiler::default(),
        unsaid: BTreeSet::new(),
        reunion_until: None,
        is_open: false,
        desk,
        publisher: Publisher::new(server),
        others: channel::channel(BTreeSet::new()).0,
        channel: ([10, 0, 0, 1], 18_000).into(),
        accounts: Accounts::default(),
        namespace: "gatewright-system".into(),
        vitals,
        infrastructure: channel::Sender::new(None),
        changes,
        wanted: channel::Sender::new(BTreeSet::new()),
        is_due: true,
    };
    let soon = Duration::from_secs(1);
    assert!(timeout(soon, engine.take_news(&mut facts)).await.expect("a round that is due begins"));
    engine.is_due = false;
    assert!(timeout(soon, engine.take_news(&mut facts)).await.is_err(), "without news nothing is to be done");
}
