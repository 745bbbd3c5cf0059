//! Writes against an API server that refuses them.

use gatewright_core::world::{Controllers, Kind};
use http::Method;
use serde_json::{Value, json};

use super::*;
use crate::double::{self, Answer, Asked, Log};
use crate::leader::{self, Issuer};
use crate::status::sample::accepted;

const OURS: &str = "gatewright.dev/gateway-controller";

fn class() -> ObjectRef {
    ObjectRef::new(Kind::GatewayClass, "", "c")
}

fn class_of_version(version: u64, status: &Value) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "GatewayClass",
        "metadata": {"name": "c", "uid": "u", "resourceVersion": version.to_string()},
        "status": status,
    })
}

/// Lays a status that is not stored yet on a desk, and writes it to an API server that answers as `answer` says.
fn write(answer: impl FnMut(&Asked) -> Answer + Send + 'static) -> (Log, Issuer) {
    let desk = Arc::new(Desk::new(Controllers::Named(vec![OURS.to_owned()])));
    desk.open();
    let stored = Stored { resource_version: "1".into(), uid: "u".into(), ..Stored::default() };
    desk.saw(&class(), stored);
    desk.draft(&[class()].into(), &[(class(), accepted(1))].into());
    desk.say(&[class()].into());
    let resource = ApiResource {
        group: "gateway.networking.k8s.io".into(),
        version: "v1".into(),
        api_version: "gateway.networking.k8s.io/v1".into(),
        kind: "GatewayClass".into(),
        plural: "gatewayclasses".into(),
    };
    let kinds = Kinds::default();
    kinds.set([(Kind::GatewayClass, resource)].into());
    let (client, log) = double::client(answer);
    let (mut issuer, tokens) = leader::channel();
    issuer.extend(tokio::time::Instant::now() + Duration::from_secs(3600));
    let vitals = Arc::new(Vitals::default());
    let (board, _) = Board::new(tokens.clone(), vitals.clone());
    tokio::spawn(run(client, desk, kinds, tokens, (board, vitals)));
    (log, issuer)
}

fn methods(log: &Log) -> Vec<(Method, String)> {
    let version = |asked: &Asked| asked.body["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    log.lock().unwrap().iter().map(|asked| (asked.method.clone(), version(asked))).collect()
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_met_on_the_object_as_it_is_now() {
    let mut patches = 0;
    let (log, _issuer) = write(move |asked| match asked.method {
        Method::GET => Answer::Json(class_of_version(7, &Value::Null)),
        _ => {
            patches += 1;
            match patches {
                1 => Answer::Failure(409, "Conflict"),
                _ => Answer::Json(class_of_version(8, &asked.body["status"])),
            }
        }
    });
    sleep(Duration::from_secs(60)).await;
    let wanted = [(Method::PATCH, "1"), (Method::GET, ""), (Method::PATCH, "7")];
    assert_eq!(methods(&log), wanted.map(|(method, version)| (method, version.to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_conflicts_ends_in_one_write() {
    /// Others write for so long.
    const STORM: Duration = Duration::from_secs(5);
    let begun = tokio::time::Instant::now();
    let mut version = 1;
    let (log, _issuer) = write(move |asked| match asked.method {
        Method::GET => {
            version += 1;
            Answer::Json(class_of_version(version, &Value::Null))
        }
        // The answers of a real one take time.
        _ if begun.elapsed() < STORM => Answer::Failure(409, "Conflict"),
        _ => Answer::Json(class_of_version(version + 1, &asked.body["status"])),
    });
    sleep(STORM + Duration::from_secs(30)).await;
    let after = log.lock().unwrap().iter().filter(|it| it.at - begun >= STORM && it.method == Method::PATCH).count();
    assert_eq!(after, 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_written_again_twice_a_minute_at_most() {
    let (log, _issuer) = write(|_| Answer::Failure(403, "Forbidden"));
    sleep(Duration::from_secs(600)).await;
    let count = log.lock().unwrap().len();
    assert!((12..=28).contains(&count), "{count} writes in ten minutes");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_by_whoever_does_not_lead() {
    let (log, issuer) = write(|_| Answer::Failure(500, "InternalError"));
    issuer.revoke();
    sleep(Duration::from_secs(60)).await;
    assert!(log.lock().unwrap().len() <= 1);
}

#[tokio::test(start_paused = true)]
async fn one_object_is_written_ten_times_a_second_at_most() {
    let mut version = 1;
    // Somebody undoes every write at once, so that there is always something to write.
    let (log, _issuer) = write(move |_| {
        version += 1;
        Answer::Json(class_of_version(version, &Value::Null))
    });
    sleep(Duration::from_secs(10)).await;
    let count = log.lock().unwrap().len();
    assert!((50..=140).contains(&count), "{count} writes in ten seconds");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_after_the_leader_task_is_gone() {
    let (log, issuer) = write(|_| Answer::Failure(500, "InternalError"));
    sleep(Duration::from_secs(3)).await;
    drop(issuer);
    let count = log.lock().unwrap().len();
    assert!(count > 0);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(log.lock().unwrap().len(), count);
}

#[tokio::test(start_paused = true)]
async fn the_next_term_writes_what_the_last_one_did_not() {
    let mut is_first = true;
    let (log, mut issuer) = write(move |asked| match std::mem::take(&mut is_first) {
        true => Answer::After(Duration::from_secs(30), Box::new(Answer::Broken)),
        false => Answer::Json(class_of_version(2, &asked.body["status"])),
    });
    sleep(Duration::from_secs(1)).await;
    issuer.revoke();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(log.lock().unwrap().len(), 1, "it is written without a term");
    issuer.extend(tokio::time::Instant::now() + Duration::from_secs(60));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(log.lock().unwrap().len(), 2);
}
