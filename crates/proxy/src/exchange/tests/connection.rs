use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::Instant;

use crate::testbed::{Bed, app, listen, rule};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test(start_paused = true)]
async fn requests_share_connections_on_both_sides() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.get().await;
        let mut serving = backend.accept().await;
        serving.answer("200 OK").await;
        client.hear(OK).await;
        let mut another = bed.client();
        another.get().await;
        serving.answer("200 OK").await;
        another.hear(OK).await;
        assert!(backend.is_quiet());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn pipelined_requests_are_answered_in_their_order() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        let request = |path: &str, body: &str| {
            format!("POST {path} HTTP/1.1\r\nHost: h.org\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        };
        client.say(&[request("/1", "one"), request("/2", ""), request("/3", "three")].concat()).await;
        let mut serving = backend.accept().await;
        for (path, body) in [("/1", "one"), ("/2", ""), ("/3", "three")] {
            let head = serving.head().await;
            assert!(head.starts_with(&format!("POST {path} ")), "{head}");
            serving.hear(body).await;
            serving.say(&format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{path}")).await;
            client.hear(&format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{path}")).await;
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_wants_to_close_gets_its_answer_first() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.say("GET / HTTP/1.1\r\nHost: h.org\r\nConnection: close\r\n\r\n").await;
        let head = backend.accept().await.answer("200 OK").await;
        assert!(!head.contains("close"), "that is between the client and us: {head}");
        assert_eq!(client.rest().await, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_older_client_keeps_its_connection_if_it_asks_and_a_length_is_known() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.say("GET / HTTP/1.0\r\nHost: h.org\r\nConnection: keep-alive\r\n\r\n").await;
        let mut serving = backend.accept().await;
        let head = serving.answer("200 OK").await;
        assert!(head.starts_with("GET / HTTP/1.1\r\n"), "{head}");
        client.hear("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nok").await;
        client.say("GET / HTTP/1.0\r\nHost: h.org\r\nConnection: keep-alive\r\n\r\n").await;
        serving.head().await;
        serving.say("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n").await;
        assert_eq!(client.rest().await, "HTTP/1.1 200 OK\r\n\r\nabc", "its end is the body's");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_is_not_worked_for() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.get().await;
        let mut serving = backend.accept().await;
        serving.head().await;
        drop(client);
        let began = Instant::now();
        assert_eq!(serving.rest().await, "");
        assert_eq!(began.elapsed(), Duration::ZERO);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn asked_to_end_a_busy_connection_answers_and_an_idle_one_waits_a_little() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let (mut busy, mut idle, mut late) = (bed.client(), bed.client(), bed.client());
        busy.get().await;
        let mut serving = backend.accept().await;
        serving.head().await;
        for _ in 0..9 {
            yield_now().await;
        }
        let began = Instant::now();
        bed.worker.connections.close(|_| true);
        serving.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        let last = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
        assert_eq!(busy.rest().await, last);
        late.get().await;
        serving.answer("200 OK").await;
        assert_eq!(late.rest().await, last, "a request that was on its way");
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert_eq!(idle.rest().await, "");
        assert_eq!(began.elapsed(), bed.worker.limits.drain_idle_timeout);
        drop((busy, idle, late));
        while bed.ended.get() < 3 {
            yield_now().await;
        }
    })
    .await;
}
