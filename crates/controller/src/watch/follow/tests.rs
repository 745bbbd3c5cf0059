//! A watch against an API server that misbehaves: nothing vanishes, nothing hangs, nobody is asked too often.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::{sync::mpsc::Receiver, time::Instant};

use super::*;
use crate::double::{self, Answer, Asked, Log, event, failure, list};

/// Follows Services on an API server that answers as `answer` says.
fn follow_services(answer: impl FnMut(&Asked) -> Answer + Send + 'static) -> (Receiver<Change>, Log) {
    let (client, log) = double::client(answer);
    let resource = ApiResource {
        group: String::new(),
        version: "v1".into(),
        api_version: "v1".into(),
        kind: "Service".into(),
        plural: "services".into(),
    };
    let (changes, told) = mpsc::channel(64);
    tokio::spawn(follow(client, Subject { kind: Kind::Service, namespace: None }, resource, changes));
    (told, log)
}

fn service(name: &str, version: u64) -> Value {
    let metadata = json!({"name": name, "namespace": "a", "resourceVersion": version.to_string()});
    json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": 80}]}})
}

/// What a change says, in a word and the names that it is about.
fn word(change: &Change) -> String {
    match change {
        Change::Listed { objects, .. } => {
            let names: Vec<String> = objects.iter().map(|seen| seen.object.object_ref().key.name.clone()).collect();
            format!("listed {}", names.join(" "))
        }
        Change::Applied(seen) => format!("applied {}", seen.object.object_ref().key.name),
        Change::Deleted(object) => format!("deleted {}", object.key.name),
        Change::Failing { failure: Failure::Forbidden(_), .. } => "forbidden".into(),
        Change::Failing { failure: Failure::Unavailable(_), .. } => "unavailable".into(),
        Change::Well { .. } => "well".into(),
        Change::Served { .. } | Change::Unread(_) => "something else".into(),
    }
}

async fn next(told: &mut Receiver<Change>) -> String {
    word(&told.recv().await.unwrap())
}

fn lists(log: &Log) -> usize {
    log.lock().unwrap().iter().filter(|asked| !asked.is_watch()).count()
}

/// A watch in which nothing happens, whose connection stays open as long as the test lives.
fn silence() -> Answer {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::mem::forget(sender);
    Answer::Watch(receiver)
}

#[tokio::test(start_paused = true)]
async fn a_silent_watch_is_begun_again_within_a_minute_and_without_a_list() {
    let (mut told, log) = follow_services(|asked| match asked.is_watch() {
        false => Answer::Json(list(5, &[service("s", 1)])),
        true => silence(),
    });
    assert_eq!(next(&mut told).await, "listed s");
    sleep(Duration::from_secs(600)).await;
    let asked = log.lock().unwrap().clone();
    let watches: Vec<&Asked> = asked.iter().filter(|asked| asked.is_watch()).collect();
    assert!(watches.len() >= 10, "{} watches in ten minutes", watches.len());
    let gaps = watches.windows(2).map(|pair| pair[1].at - pair[0].at);
    assert!(gaps.max().unwrap() <= Duration::from_secs(60));
    assert!(watches.iter().all(|watch| watch.query.contains("resourceVersion=5")));
    assert_eq!(lists(&log), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_vanishes_while_a_watch_that_is_gone_is_listed_again() {
    let mut lists = 0;
    let mut watches = 0;
    let (mut told, _) = follow_services(move |asked| match asked.is_watch() {
        false => {
            lists += 1;
            match lists {
                1 => Answer::Json(list(5, &[service("s", 1), service("t", 2)])),
                // A list may be gone, too, and an API server that starts refuses or breaks off.
                2 => Answer::Failure(410, "Expired"),
                3 => Answer::Failure(503, "ServiceUnavailable"),
                4 => Answer::Broken,
                _ => Answer::Json(list(9, &[service("t", 2), service("u", 8)])),
            }
        }
        true => {
            watches += 1;
            match watches {
                1 => Answer::events([event("ERROR", &failure(410, "Expired"))]),
                _ => silence(),
            }
        }
    });
    let mut words = Vec::new();
    while !words.iter().any(|word| word == "listed t u") {
        words.push(next(&mut told).await);
    }
    assert_eq!(words[0], "listed s t");
    let between = &words[1..words.len() - 1];
    assert!(between.len() >= 3 && between.iter().all(|word| word == "unavailable"), "{words:?}");
}

#[tokio::test(start_paused = true)]
async fn what_rbac_refuses_is_asked_twice_a_minute_at_most() {
    for refuses_lists in [true, false] {
        let (mut told, log) = follow_services(move |asked| match asked.is_watch() == refuses_lists {
            true => Answer::Json(list(5, &[service("s", 1)])),
            false => Answer::Failure(403, "Forbidden"),
        });
        let begun = Instant::now();
        let mut words = Vec::new();
        while begun.elapsed() < Duration::from_secs(600) {
            words.push(next(&mut told).await);
        }
        let refused = words.iter().filter(|word| *word == "forbidden").count();
        assert!((15..=21).contains(&refused), "{words:?}");
        assert!(log.lock().unwrap().len() <= 2 * refused + 2);
        let rest: Vec<&String> = words.iter().filter(|word| *word != "forbidden").collect();
        assert!(rest.iter().all(|word| *word == "listed s") && rest.len() <= 1, "{words:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_of_the_api_server_costs_one_list_at_most() {
    /// When the API server is away, in seconds; its watch cache is empty afterwards.
    const AWAY: std::ops::Range<u64> = 60..80;
    let begun = Instant::now();
    let has_forgotten = Arc::new(Mutex::new(true));
    let (mut told, log) = follow_services(move |asked| {
        if AWAY.contains(&begun.elapsed().as_secs()) {
            return Answer::Broken;
        }
        let is_back = begun.elapsed().as_secs() >= AWAY.end;
        match asked.is_watch() {
            false => Answer::Json(list(if is_back { 50 } else { 5 }, &[service("s", 1)])),
            true if is_back && std::mem::take(&mut *has_forgotten.lock().unwrap()) => {
                Answer::events([event("ERROR", &failure(410, "Expired"))])
            }
            true if is_back => silence(),
            true => {
                let (sender, receiver) = mpsc::unbounded_channel();
                tokio::spawn(async move {
                    tokio::time::sleep_until(begun + Duration::from_secs(AWAY.start)).await;
                    drop(sender);
                });
                Answer::Watch(receiver)
            }
        }
    });
    tokio::spawn(async move { while told.recv().await.is_some() {} });
    sleep(Duration::from_secs(300)).await;
    assert_eq!(lists(&log), 2, "one at the start, one after the restart");
    let asked = log.lock().unwrap().clone();
    let away: Vec<&Asked> = asked.iter().filter(|it| AWAY.contains(&(it.at - begun).as_secs())).collect();
    assert!(away.len() <= 20, "{} tries while it was away", away.len());
    let back = asked.iter().find(|it| it.at - begun >= Duration::from_secs(AWAY.end)).unwrap();
    assert!(back.at - begun <= Duration::from_secs(AWAY.end + 7));
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_goes_on_where_it_was_is_well_again() {
    let mut watches = 0;
    let (mut told, _) = follow_services(move |asked| match asked.is_watch() {
        false => Answer::Json(list(5, &[service("s", 1)])),
        true => {
            watches += 1;
            match watches {
                1 => Answer::Failure(403, "Forbidden"),
                2 => Answer::Broken,
                _ => silence(),
            }
        }
    });
    for word in ["listed s", "forbidden", "unavailable", "well"] {
        assert_eq!(next(&mut told).await, word);
    }
}

#[tokio::test(start_paused = true)]
async fn followers_do_not_come_back_all_at_once() {
    let begun = Instant::now();
    let mut logs = Vec::new();
    for _ in 0..20 {
        let (mut told, log) = follow_services(|_| Answer::Broken);
        tokio::spawn(async move { while told.recv().await.is_some() {} });
        logs.push(log);
    }
    sleep(Duration::from_secs(30)).await;
    let last = |log: &Log| log.lock().unwrap().last().unwrap().at.duration_since(begun).as_millis();
    let mut last: Vec<u128> = logs.iter().map(last).collect();
    last.sort_unstable();
    last.dedup();
    assert!(last.len() >= 15, "{last:?}");
}
