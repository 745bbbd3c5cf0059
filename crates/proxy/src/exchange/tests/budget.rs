//! What is spent beyond forwarding each request once has a bound in the whole process.

use std::time::Duration;

use gatewright_core::filter::Filter;
use gatewright_core::filter::external_auth::{AuthProtocol, ExternalAuth};
use gatewright_core::filter::mirror::Mirror;
use gatewright_core::plan::{BackendId, Retry, Rule};

use crate::budget::Resource;
use crate::limits::Limits;
use crate::observe::Event;
use crate::testbed::{Bed, app, listen, mirror, plan, rule};

fn retrying() -> Rule {
    let retry = Retry { codes: vec![503], attempts: 3, backoff: Duration::from_millis(25) };
    Rule { retry: Some(Box::new(retry)), ..rule() }
}

#[tokio::test(start_paused = true)]
async fn mirrors_over_the_budget_are_dropped_and_counted() {
    let mirror_filter = Filter::Mirror(Mirror { backend: BackendId::new("mirror"), numerator: 1, denominator: 1 });
    let plan = plan(Rule { filters: vec![mirror_filter], ..rule() });
    Bed::run_within(Limits { mirrors_max: 2, ..Limits::default() }, &plan, async |bed| {
        let (mut backend, mut copies) = (listen(app(1)), listen(mirror()));
        let mut hanging = Vec::new();
        for nth in 0..5 {
            let mut client = bed.client();
            client.say("GET / HTTP/1.1\r\nHost: h.org\r\nConnection: close\r\n\r\n").await;
            let mut serving = backend.accept().await;
            serving.head().await;
            serving.say("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
            assert!(client.rest().await.starts_with("HTTP/1.1 204 "), "request {nth} is served");
            if nth < 2 {
                let mut copy = copies.accept().await;
                copy.head().await;
                hanging.push(copy);
            }
        }
        assert!(copies.is_quiet());
        let state = bed.observer.budget(Resource::Mirrors);
        assert_eq!((state.used, state.refused, bed.observer.event(Event::Mirrored)), (2, 3, 2));
        // A mirror that hangs is given up in time, and its place is free again.
        for mut copy in hanging {
            assert_eq!(copy.rest().await, "");
        }
        assert_eq!(bed.observer.budget(Resource::Mirrors).used, 0);
    })
    .await;
}

/// Of 30 live requests a fifth is 6, so that the least counts: 10.
#[tokio::test(start_paused = true)]
async fn retries_over_the_budget_are_not_made() {
    Bed::run(retrying(), async |bed| {
        let mut backend = listen(app(1));
        let mut clients = Vec::new();
        for _ in 0..30 {
            let mut client = bed.client();
            client.get().await;
            let mut serving = backend.accept().await;
            serving.head().await;
            clients.push((client, serving));
        }
        for (_, serving) in &mut clients {
            serving.say("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
        }
        let mut again = Vec::new();
        for _ in 0..10 {
            let mut serving = backend.accept().await;
            serving.head().await;
            again.push(serving);
        }
        let mut told = 0;
        for (client, _) in &mut clients {
            let answer = tokio::time::timeout(Duration::from_secs(1), client.head()).await;
            told += u32::from(answer.is_ok_and(|head| head.starts_with("HTTP/1.1 503 ")));
        }
        assert_eq!(told, 20, "the others get the backend's own answer");
        assert!(backend.is_quiet());
        let state = bed.observer.budget(Resource::Retries);
        assert_eq!((state.used, state.refused, bed.observer.event(Event::Retried)), (10, 20, 10));
        for serving in &mut again {
            serving.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        }
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(bed.observer.budget(Resource::Retries).used, 0, "a retry that is answered is none any longer");
    })
    .await;
}

/// No backend does anything twice for it.
#[tokio::test(start_paused = true)]
async fn what_no_backend_has_seen_moves_on_whatever_the_budget() {
    let rule = Rule { retry: None, ..crate::testbed::rule_to("pair") };
    Bed::run_within(Limits { retries_min: 0, ..Limits::default() }, &plan(rule), async |bed| {
        let mut backend = listen(app(2));
        for _ in 0..10 {
            let mut client = bed.client();
            client.say("GET / HTTP/1.1\r\nHost: h.org\r\nConnection: close\r\n\r\n").await;
            let mut serving = backend.accept().await;
            serving.head().await;
            serving.say("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
            assert!(client.rest().await.starts_with("HTTP/1.1 204 "));
        }
        assert!(bed.observer.event(Event::Retried) > 0);
        assert_eq!(bed.observer.budget(Resource::Retries).refused, 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_may_not_be_kept_is_not_sent_again() {
    for (bytes, status) in [(4, "503"), (5, "200")] {
        let limits = Limits { buffered_bytes_max: bytes, ..Limits::default() };
        Bed::run_within(limits, &plan(retrying()), async |bed| {
            let mut backend = listen(app(1));
            let mut client = bed.client();
            client.say("POST / HTTP/1.1\r\nHost: h.org\r\nContent-Length: 5\r\n\r\nhello").await;
            let mut serving = backend.accept().await;
            serving.head().await;
            serving.hear("hello").await;
            serving.say("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
            if status == "200" {
                let mut again = backend.accept().await;
                again.head().await;
                again.hear("hello").await;
                again.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            }
            assert!(client.head().await.starts_with(&format!("HTTP/1.1 {status} ")), "{bytes} bytes");
            assert!(backend.is_quiet());
            let state = bed.observer.budget(Resource::BufferedBytes);
            assert_eq!(state.refused, u64::from(status == "503"));
        })
        .await;
    }
}

/// It cannot be asked about, and so it must not pass.
#[tokio::test(start_paused = true)]
async fn a_body_that_may_not_be_held_for_authorization_is_a_503() {
    let protocol =
        AuthProtocol::Http { path_prefix: "".into(), request_headers: Vec::new(), response_headers: Vec::new() };
    let auth = ExternalAuth { backend: BackendId::new("auth"), protocol, body_bytes_max: 64 };
    let plan = plan(Rule { filters: vec![Filter::ExternalAuth(Box::new(auth))], ..rule() });
    Bed::run_within(Limits { buffered_bytes_max: 4, ..Limits::default() }, &plan, async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.say("POST / HTTP/1.1\r\nHost: h.org\r\nContent-Length: 5\r\n\r\nhello").await;
        assert!(client.head().await.starts_with("HTTP/1.1 503 "));
        assert!(backend.is_quiet());
        assert_eq!(bed.observer.budget(Resource::BufferedBytes).used, 0);
    })
    .await;
}
