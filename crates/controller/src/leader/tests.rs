use http::Method;
use serde_json::{Value, json};
use tokio::sync::watch::Receiver;

use super::*;
use crate::double::{self, Answer, Asked};

fn candidate() -> Candidate {
    Candidate { name: "me".into(), address: "10.0.0.1:18000".into(), namespace: "system".into() }
}

/// Stands for election at an API server that answers so.
fn stand_at(
    answer: impl FnMut(&Asked) -> Answer + Send + 'static,
) -> (double::Log, Receiver<Leadership>, watch::Sender<bool>) {
    let (client, log) = double::client(answer);
    let (leadership, told) = watch::channel(Leadership::default());
    let (stopping, stop) = watch::channel(false);
    tokio::spawn(run(client, candidate(), leadership, watch::Sender::new(Instant::now()), stop));
    (log, told, stopping)
}

fn lease(holder: &str, version: u64) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "gatewright", "namespace": "system", "resourceVersion": version.to_string()},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15},
    })
}

/// A Lease that is held by whoever wrote it last.
fn stored(mut lease: Value) -> impl FnMut(&Asked) -> Answer + Send {
    let mut version = 1;
    move |asked| {
        if asked.method == Method::PUT {
            version += 1;
            lease.clone_from(&asked.body);
            lease["metadata"]["resourceVersion"] = version.to_string().into();
        }
        Answer::Json(lease.clone())
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_nobody_renews_is_taken_after_its_time() {
    let begun = Instant::now();
    let (_, mut told, _stopping) = stand_at(stored(lease("other", 1)));
    told.wait_for(|leadership| leadership.is_ours).await.unwrap();
    assert!((15..=20).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_is_slow_once_does_not_end_a_leadership_that_began_after_it() {
    let mut store = stored(lease("", 1));
    let mut is_first = true;
    let (_, mut told, _stopping) = stand_at(move |asked| match std::mem::take(&mut is_first) {
        true => Answer::After(Duration::from_secs(9), Box::new(store(asked))),
        false => store(asked),
    });
    told.wait_for(|leadership| leadership.is_ours).await.unwrap();
    let lost = timeout(Duration::from_secs(60), told.wait_for(|leadership| !leadership.is_ours)).await;
    assert!(lost.is_err(), "it led, and then did not");
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_cannot_renew_stops_before_others_may_begin() {
    let mut store = stored(lease("", 1));
    let begun = Instant::now();
    let away = begun + Duration::from_secs(20);
    let (_, mut told, _stopping) = stand_at(move |asked| match Instant::now() < away {
        true => store(asked),
        false => Answer::Broken,
    });
    told.wait_for(|leadership| leadership.is_ours).await.unwrap();
    told.wait_for(|leadership| !leadership.is_ours).await.unwrap();
    assert!(Instant::now() <= away + DURATION, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn whoever_stops_gives_the_lease_back() {
    let (log, mut told, stopping) = stand_at(stored(lease("", 1)));
    told.wait_for(|leadership| leadership.is_ours).await.unwrap();
    stopping.send(true).unwrap();
    while told.changed().await.is_ok() {}
    let last = log.lock().unwrap().last().unwrap().clone();
    assert_eq!((last.method, last.body["spec"].get("holderIdentity")), (Method::PUT, None));
}
