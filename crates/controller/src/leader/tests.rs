use http::Method;
use serde_json::{Value, json};

use super::*;
use crate::double::{self, Answer, Asked};

fn candidate() -> Candidate {
    Candidate { name: "me".into(), address: "10.0.0.1:18000".into(), namespace: "system".into() }
}

/// Stands for election at an API server that answers so.
fn stand_at(answer: impl FnMut(&Asked) -> Answer + Send + 'static) -> (double::Log, Tokens, watch::Sender<bool>) {
    let (client, log) = double::client(answer);
    let (issuer, tokens) = channel();
    let (stopping, stop) = watch::channel(false);
    let outlets = Outlets {
        issuer,
        other: watch::Sender::new(None),
        reached: watch::Sender::new(Instant::now()),
        vitals: Arc::default(),
    };
    tokio::spawn(run(client, candidate(), outlets, stop));
    (log, tokens, stopping)
}

/// Waits for the next token.
async fn token(tokens: &mut Tokens) -> Token {
    loop {
        if let Some(token) = tokens.token() {
            return token;
        }
        tokens.changed().await;
    }
}

/// Waits until a term is over, looking no more closely than a write would.
async fn ended(tokens: &Tokens) {
    while tokens.token().is_some() {
        sleep_until(Instant::now() + Duration::from_millis(1)).await;
    }
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
    let (_, mut tokens, _stopping) = stand_at(stored(lease("other", 1)));
    token(&mut tokens).await;
    assert!((15..=20).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_is_slow_once_does_not_end_a_leadership_that_began_after_it() {
    let mut store = stored(lease("", 1));
    let mut is_first = true;
    let (_, mut tokens, _stopping) = stand_at(move |asked| match std::mem::take(&mut is_first) {
        true => Answer::After(Duration::from_secs(9), Box::new(store(asked))),
        false => store(asked),
    });
    let first = token(&mut tokens).await;
    let lost = timeout(Duration::from_secs(60), ended(&tokens)).await;
    assert!(lost.is_err(), "it led, and then did not");
    assert_eq!(token(&mut tokens).await.term(), first.term());
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_cannot_renew_stops_before_others_may_begin() {
    let mut store = stored(lease("", 1));
    let begun = Instant::now();
    let away = begun + Duration::from_secs(20);
    let (_, mut tokens, _stopping) = stand_at(move |asked| match Instant::now() < away {
        true => store(asked),
        false => Answer::Broken,
    });
    token(&mut tokens).await;
    ended(&tokens).await;
    assert!(Instant::now() <= away + DURATION - MARGIN, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn whoever_stops_gives_the_lease_back() {
    let (log, mut tokens, stopping) = stand_at(stored(lease("", 1)));
    token(&mut tokens).await;
    stopping.send(true).unwrap();
    stopping.closed().await;
    let last = log.lock().unwrap().last().unwrap().clone();
    assert_eq!((last.method, last.body["spec"].get("holderIdentity")), (Method::PUT, None));
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_calls_hang_has_no_token_ten_seconds_after_it_last_asked() {
    let mut store = stored(lease("", 1));
    let away = Instant::now() + Duration::from_secs(20);
    let (log, mut tokens, _stopping) = stand_at(move |asked| match Instant::now() < away {
        true => store(asked),
        false => Answer::After(Duration::from_secs(30), Box::new(Answer::Broken)),
    });
    token(&mut tokens).await;
    ended(&tokens).await;
    let now = Instant::now();
    let written = log.lock().unwrap().iter().filter(|asked| asked.method == Method::PUT).map(|asked| asked.at).max();
    let since = now - written.unwrap();
    assert!((9_900..=10_010).contains(&since.as_millis()), "{since:?}");
}
