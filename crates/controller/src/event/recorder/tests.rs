//! Events as they reach the API server.

use http::Method;

use super::*;
use crate::{
    double::{self, Answer, Asked, Log},
    event::Board,
    leader::{self, Issuer},
};
use gatewright_core::world::{Kind, ObjectRef};

fn news(note: &str) -> News {
    News { action: "Accepted", reason: "InvalidParameters".into(), note: note.into() }
}

/// Posts as whoever leads for an hour, or does not.
fn board(leads: bool, answer: impl FnMut(&Asked) -> Answer + Send + 'static) -> (Board, Log, Issuer) {
    let (client, log) = double::client(answer);
    let vitals = Arc::new(Vitals::default());
    let (mut issuer, tokens) = leader::channel();
    if leads {
        issuer.extend(Instant::now() + Duration::from_secs(3600));
    }
    let (board, posted) = Board::new(tokens.clone(), vitals.clone());
    let reporter = Reporter { controller: "gatewright.dev/gateway-controller".into(), instance: "pod-1".into() };
    tokio::spawn(run(client, reporter, posted, (tokens, vitals)));
    (board, log, issuer)
}

fn stored(asked: &Asked) -> Answer {
    Answer::Json(asked.body.clone())
}

fn gateway() -> ObjectRef {
    ObjectRef::new(Kind::Gateway, "a", "g")
}

#[tokio::test(start_paused = true)]
async fn an_event_says_who_what_and_why() {
    let (board, log, _issuer) = board(true, stored);
    board.post(&gateway(), "u", vec![news(&"é".repeat(1000))]);
    board.post(&ObjectRef::new(Kind::GatewayClass, "", "c"), "", vec![news("no")]);
    sleep(Duration::from_secs(10)).await;
    let asked = log.lock().unwrap().clone();
    assert_eq!(asked[0].path, "/apis/events.k8s.io/v1/namespaces/a/events");
    let event = &asked[0].body;
    assert_eq!(event["regarding"]["kind"], "Gateway");
    assert_eq!((&event["regarding"]["namespace"], &event["regarding"]["uid"]), (&json!("a"), &json!("u")));
    assert_eq!((&event["type"], &event["reason"]), (&json!("Warning"), &json!("InvalidParameters")));
    assert_eq!(event["reportingController"], "gatewright.dev/gateway-controller");
    assert!(event["note"].as_str().unwrap().len() <= 1024);
    assert!(event["metadata"]["name"].as_str().unwrap().starts_with("g."));
    assert_eq!(asked[1].path, "/apis/events.k8s.io/v1/namespaces/default/events");
}

#[tokio::test(start_paused = true)]
async fn the_same_news_again_raise_a_count() {
    let (board, log, _issuer) = board(true, stored);
    for note in ["a", "a", "b", "a"] {
        board.post(&gateway(), "u", vec![news(note)]);
    }
    sleep(Duration::from_secs(10)).await;
    let asked = log.lock().unwrap().clone();
    let said: Vec<_> = asked.iter().map(|asked| (&asked.method, asked.body["series"]["count"].as_i64())).collect();
    assert_eq!(
        said,
        [(&Method::POST, None), (&Method::PATCH, Some(2)), (&Method::POST, None), (&Method::PATCH, Some(3))]
    );
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_told_slowly_and_in_part() {
    let (board, log, _issuer) = board(true, stored);
    for number in 0..10_000 {
        board.post(&ObjectRef::new(Kind::HttpRoute, "a", format!("r{number}")), "u", vec![news("no")]);
    }
    sleep(Duration::from_secs(10)).await;
    assert!(log.lock().unwrap().len() <= 51);
    sleep(Duration::from_secs(600)).await;
    assert!(log.lock().unwrap().len() <= 257);
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_lead_tells_nothing() {
    let (board, log, _issuer) = board(false, stored);
    board.post(&gateway(), "u", vec![news("no")]);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(log.lock().unwrap().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_refuses_is_not_asked_again_for_the_same() {
    let (board, log, _issuer) = board(true, |_| Answer::Failure(403, "Forbidden"));
    board.post(&gateway(), "u", vec![news("no")]);
    sleep(Duration::from_secs(600)).await;
    assert_eq!(log.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_posted_is_not_told_once_the_term_is_over() {
    let (board, log, issuer) = board(true, stored);
    for note in ["a", "b", "c"] {
        board.post(&gateway(), "u", vec![news(note)]);
    }
    while log.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    issuer.revoke();
    sleep(Duration::from_secs(10)).await;
    assert_eq!(log.lock().unwrap().len(), 1);
}
