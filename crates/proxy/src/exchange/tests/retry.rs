use std::time::Duration;

use gatewright_core::plan::{Retry, Rule};

use crate::observe::Event;
use crate::testbed::{Bed, app, listen, rule, rule_to};

fn retrying(codes: &[u16], attempts: u32) -> Rule {
    let backoff = Duration::from_millis(25);
    Rule { retry: Some(Box::new(Retry { codes: codes.to_vec(), attempts, backoff })), ..rule() }
}

#[tokio::test(start_paused = true)]
async fn a_listed_code_is_tried_again_until_it_is_another() {
    Bed::run(retrying(&[503], 3), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.get().await;
        for _ in 0..2 {
            backend.accept().await.answer("503 Service Unavailable").await;
        }
        backend.accept().await.answer("200 OK").await;
        assert!(client.head().await.starts_with("HTTP/1.1 200 "));
        assert_eq!(bed.observer.event(Event::Retried), 2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn when_all_tries_are_used_the_backends_own_answer_is_passed_on() {
    for attempts in [0, 2] {
        Bed::run(retrying(&[503], attempts), async |bed| {
            let mut backend = listen(app(1));
            let mut client = bed.client();
            client.get().await;
            for _ in 0..attempts {
                backend.accept().await.answer("503 Service Unavailable").await;
            }
            let mut last = backend.accept().await;
            last.head().await;
            last.say("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\nX-Own: 1\r\n\r\nown").await;
            client.hear("HTTP/1.1 503 Service Unavailable\r\nX-Own: 1\r\ncontent-length: 3\r\n\r\nown").await;
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_code_that_is_not_listed_is_passed_on() {
    Bed::run(retrying(&[500], 3), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.get().await;
        backend.accept().await.answer("503 Service Unavailable").await;
        assert!(client.head().await.starts_with("HTTP/1.1 503 "));
        assert!(backend.is_quiet());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_refuses_is_passed_over() {
    Bed::run(rule_to("pair"), async |bed| {
        // Of the two endpoints the second listens.
        let mut backend = listen(app(2));
        for _ in 0..20 {
            let mut client = bed.client();
            client.say("POST / HTTP/1.1\r\nHost: h.org\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi").await;
            let mut serving = backend.accept().await;
            serving.head().await;
            serving.hear("hi").await;
            serving.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
            assert!(client.rest().await.starts_with("HTTP/1.1 200 "));
        }
        assert!(bed.observer.event(Event::EndpointEjected) <= 1, "and left alone from then on");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn when_every_endpoint_refuses_the_answer_is_502() {
    Bed::run(rule_to("pair"), async |bed| {
        // On this network nobody else listens.
        let _elsewhere = listen(crate::testbed::mirror());
        let mut client = bed.client();
        client.get().await;
        assert!(client.head().await.starts_with("HTTP/1.1 502 "));
    })
    .await;
}

/// A backend that closes a kept connection just when it is used again.
async fn stale(bed: &Bed, method: &str) -> (crate::testbed::Peer, crate::testbed::Listening) {
    let mut backend = listen(app(1));
    let mut client = bed.client();
    client.get().await;
    let mut kept = backend.accept().await;
    kept.answer("200 OK").await;
    client.head().await;
    client.hear("ok").await;
    client.say(&format!("{method} / HTTP/1.1\r\nHost: h.org\r\nContent-Length: 2\r\n\r\nhi")).await;
    kept.head().await;
    drop(kept);
    (client, backend)
}

#[tokio::test(start_paused = true)]
async fn a_stale_connection_is_not_the_clients_concern() {
    Bed::run(rule(), async |bed| {
        let (mut client, mut backend) = stale(&bed, "PUT").await;
        let mut fresh = backend.accept().await;
        fresh.head().await;
        fresh.hear("hi").await;
        fresh.say("HTTP/1.1 204 No Content\r\n\r\n").await;
        client.hear("HTTP/1.1 204 No Content\r\n\r\n").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_repeated_is_not_sent_twice() {
    Bed::run(rule(), async |bed| {
        let (mut client, mut backend) = stale(&bed, "POST").await;
        assert!(client.head().await.starts_with("HTTP/1.1 502 "));
        assert!(backend.is_quiet());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_body_is_sent_again_however_it_was_framed() {
    for (request, body) in [
        ("Content-Length: 5\r\n\r\nhello", "hello"),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-sum: 1\r\n\r\n", "2\r\nhi\r\n0\r\nx-sum: 1\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n\r\n0\r\nx-sum: 1\r\n\r\n", "0\r\nx-sum: 1\r\n\r\n"),
        ("Content-Length: 0\r\n\r\n", ""),
    ] {
        Bed::run(retrying(&[500], 1), async |bed| {
            let mut backend = listen(app(1));
            let mut client = bed.client();
            client.say(&format!("POST / HTTP/1.1\r\nHost: h.org\r\n{request}")).await;
            for status in ["500 Internal Server Error", "200 OK"] {
                let mut serving = backend.accept().await;
                serving.head().await;
                serving.hear(body).await;
                serving.say(&format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")).await;
            }
            assert!(client.head().await.starts_with("HTTP/1.1 200 "), "{request:?}");
        })
        .await;
    }
}
