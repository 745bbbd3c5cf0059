use kube::{Api, api::DynamicObject, runtime::watcher};
use tokio::time::Instant;

use super::*;
use crate::{
    double::{self, Answer},
    provision::kind::Made,
};

/// Returns how often an API server that answers so is asked for Deployments in ten minutes.
async fn asked(answer: fn() -> Answer) -> usize {
    let (client, log) = double::client(move |_| answer());
    let api: Api<DynamicObject> = Api::all_with(client, &Made::Deployment.resource());
    let mut events = paced(watcher(api, watcher::Config::default())).boxed();
    let until = Instant::now() + Duration::from_secs(600);
    while tokio::time::timeout_at(until, events.next()).await.is_ok() {}
    log.lock().unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn what_rbac_refuses_is_asked_twice_a_minute_at_most() {
    let count = asked(|| Answer::Failure(403, "Forbidden")).await;
    assert!((15..=21).contains(&count), "{count}");
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_is_away_is_asked_every_few_seconds() {
    let count = asked(|| Answer::Broken).await;
    assert!((100..=220).contains(&count), "{count}");
}
