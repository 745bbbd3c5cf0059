use std::time::Duration;

use gatewright_core::plan::{Retry, Rule, Timeouts};
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;

use crate::testbed::{Bed, app, listen, rule};

const SECOND: Duration = Duration::from_secs(1);

fn within(request: Option<Duration>, backend_request: Option<Duration>) -> Rule {
    Rule { timeouts: Timeouts { request, backend_request }, ..rule() }
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_takes_too_long_is_a_504() {
    for (rule, seconds) in [
        (within(Some(3 * SECOND), None), 3),
        (within(None, Some(2 * SECOND)), 2),
        (rule(), 60),
        (within(Some(90 * SECOND), None), 90),
    ] {
        Bed::run(rule, async |bed| {
            let mut backend = listen(app(1));
            let (mut client, began) = (bed.client(), Instant::now());
            client.get().await;
            let mut silent = backend.accept().await;
            silent.head().await;
            assert!(client.head().await.starts_with("HTTP/1.1 504 "));
            assert_eq!(began.elapsed().as_secs(), seconds);
            assert_eq!(silent.rest().await, "", "and is told so");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_try_that_takes_too_long_leaves_time_for_another() {
    let retry = Retry { codes: vec![504], attempts: 1, backoff: Duration::from_millis(25) };
    let rule = Rule { retry: Some(Box::new(retry)), ..within(Some(10 * SECOND), Some(SECOND)) };
    Bed::run(rule, async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.get().await;
        let mut silent = backend.accept().await;
        silent.head().await;
        backend.accept().await.answer("200 OK").await;
        assert!(client.head().await.starts_with("HTTP/1.1 200 "));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_request_covers_all_its_tries() {
    let retry = Retry { codes: vec![500], attempts: 9, backoff: Duration::from_millis(25) };
    let rule = Rule { retry: Some(Box::new(retry)), ..within(Some(SECOND), None) };
    Bed::run(rule, async |bed| {
        let mut backend = listen(app(1));
        let (mut client, began) = (bed.client(), Instant::now());
        client.get().await;
        let mut failing = backend.accept().await;
        tokio::time::sleep(SECOND * 2 / 3).await;
        failing.answer("500 Internal Server Error").await;
        let mut silent = backend.accept().await;
        silent.head().await;
        assert!(client.head().await.starts_with("HTTP/1.1 504 "));
        assert_eq!(began.elapsed().as_millis(), SECOND.as_millis());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_response_that_stops_in_its_middle_is_cut_short() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.get().await;
        let mut slow = backend.accept().await;
        slow.head().await;
        slow.say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").await;
        assert_eq!(client.rest().await, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf");
    })
    .await;
}

/// HARDENING D1.
#[tokio::test(start_paused = true)]
async fn a_client_that_sends_its_body_too_slowly_is_a_408() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let (mut client, began) = (bed.client(), Instant::now());
        client.say("POST / HTTP/1.1\r\nHost: h.org\r\nContent-Length: 1000\r\n\r\nx").await;
        let mut waiting = backend.accept().await;
        waiting.head().await;
        waiting.hear("x").await;
        let head = client.head().await;
        assert!(head.starts_with("HTTP/1.1 408 ") && head.ends_with("connection: close"), "{head}");
        assert_eq!(began.elapsed().as_secs(), 10);
        assert_eq!(waiting.rest().await, "");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_does_not_read_is_not_the_clients_fault() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let (client, began) = (bed.client(), Instant::now());
        let (reader, mut writer) = tokio::io::split(client.0);
        let sending = tokio::task::spawn_local(async move {
            let head = "POST / HTTP/1.1\r\nHost: h.org\r\nContent-Length: 1000000\r\n\r\n";
            writer.write_all(head.as_bytes()).await.unwrap();
            let _ = writer.write_all(&vec![b'x'; 1_000_000]).await;
        });
        let _deaf = backend.accept().await;
        let mut answer = [0; 12];
        tokio::io::AsyncReadExt::read_exact(&mut { reader }, &mut answer).await.unwrap();
        assert_eq!(std::str::from_utf8(&answer), Ok("HTTP/1.1 504"));
        assert_eq!(began.elapsed().as_secs(), 60);
        sending.abort();
    })
    .await;
}

/// HARDENING D1: all of a head, not each of its bytes, has ten seconds.
#[tokio::test(start_paused = true)]
async fn a_head_that_trickles_in_is_a_408() {
    Bed::run(rule(), async |bed| {
        let (mut client, began) = (bed.client(), Instant::now());
        client.say("GET / HTTP/1.1\r\n").await;
        tokio::time::sleep(9 * SECOND).await;
        client.say("Host: h.org\r\n").await;
        assert!(client.head().await.starts_with("HTTP/1.1 408 "));
        assert_eq!(began.elapsed().as_secs(), 10);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_without_a_word() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.get().await;
        backend.accept().await.answer("200 OK").await;
        client.hear("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        let began = Instant::now();
        assert_eq!(client.rest().await, "");
        assert_eq!(began.elapsed().as_secs(), 300);
    })
    .await;
}

/// HARDENING D1: also one whose head begins late.
#[tokio::test(start_paused = true)]
async fn a_client_that_asks_for_nothing_is_gone_within_15_s() {
    Bed::run(rule(), async |bed| {
        let (mut silent, mut late, began) = (bed.client(), bed.client(), Instant::now());
        tokio::time::sleep(10 * SECOND).await;
        late.say("GET / HTTP/1.1\r\nHost: h").await;
        assert_eq!(silent.rest().await, "");
        assert_eq!(began.elapsed().as_secs(), 14);
        assert!(late.rest().await.starts_with("HTTP/1.1 408 "));
        assert!(began.elapsed().as_secs() <= 15, "{:?}", began.elapsed());
    })
    .await;
}

/// Answers with as much as no pipe holds.
async fn flood(mut serving: crate::testbed::Peer) {
    serving.head().await;
    serving.say("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n").await;
    let _ = serving.0.write_all(&[b'x'; 1_000_000]).await;
}

/// HARDENING D1.
#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_gone_within_30_s() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let (mut client, began) = (bed.client(), Instant::now());
        client.get().await;
        flood(backend.accept().await).await;
        while bed.ended.get() == 0 {
            tokio::time::sleep(SECOND).await;
        }
        assert!((20..=22).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    })
    .await;
}

/// HARDENING D1: slow, but it takes what it asked for.
#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_is_served_to_the_end() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.get().await;
        let serving = tokio::task::spawn_local(flood(backend.accept().await));
        client.head().await;
        let mut piece = vec![0; 10_000];
        for _ in 0..100 {
            tokio::time::sleep(15 * SECOND).await;
            tokio::io::AsyncReadExt::read_exact(&mut client.0, &mut piece).await.unwrap();
        }
        serving.await.unwrap();
    })
    .await;
}

/// HARDENING 4.6: a request that moves steadily, and has no timeout by its route, has the proxy's.
#[tokio::test(start_paused = true)]
async fn a_request_that_is_not_answered_in_time_is_given_up() {
    const HOUR: Duration = Duration::from_secs(3600);
    for (rule, seconds) in [
        (rule(), 300),
        (within(None, Some(400 * SECOND)), 400),
        (within(Some(500 * SECOND), None), 500),
        (within(Some(Duration::ZERO), None), 1000),
    ] {
        Bed::run(rule, async |bed| {
            let mut backend = listen(app(1));
            let (client, began) = (bed.client(), Instant::now());
            let (mut reader, mut writer) = tokio::io::split(client.0);
            writer.write_all(b"POST / HTTP/1.1\r\nHost: h.org\r\nContent-Length: 2000000\r\n\r\n").await.unwrap();
            let sending = tokio::task::spawn_local(async move {
                for _ in 0..1000 {
                    writer.write_all(&[b'x'; 2000]).await.unwrap();
                    tokio::time::sleep(SECOND).await;
                }
            });
            let mut serving = backend.accept().await;
            serving.head().await;
            let answering = tokio::task::spawn_local(async move {
                let mut body = vec![0; 2_000_000];
                if tokio::io::AsyncReadExt::read_exact(&mut serving.0, &mut body).await.is_ok() {
                    serving.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
                }
            });
            let mut answer = [0; 12];
            let read = tokio::io::AsyncReadExt::read_exact(&mut reader, &mut answer);
            tokio::time::timeout(HOUR, read).await.unwrap().unwrap();
            let expected = match seconds {
                // The client alone is waited for.
                300 => "HTTP/1.1 408",
                400 | 500 => "HTTP/1.1 504",
                _ => "HTTP/1.1 200",
            };
            assert_eq!((std::str::from_utf8(&answer), began.elapsed().as_secs()), (Ok(expected), seconds.min(999)));
            sending.abort();
            answering.abort();
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_that_has_begun_may_go_on_for_as_long_as_it_moves() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.get().await;
        let mut slow = backend.accept().await;
        slow.head().await;
        slow.say("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n").await;
        client.head().await;
        for _ in 0..20 {
            tokio::time::sleep(50 * SECOND).await;
            slow.say("x").await;
            client.hear("x").await;
        }
    })
    .await;
}

/// GEP-1742: zero is no limit; such a request may rest for as long as a stream of gRPC may.
#[tokio::test(start_paused = true)]
async fn a_request_without_a_limit_may_rest() {
    Bed::run(within(Some(Duration::ZERO), None), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.get().await;
        let mut slow = backend.accept().await;
        slow.head().await;
        tokio::time::sleep(299 * SECOND).await;
        slow.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        client.hear("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    })
    .await;
}
