use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep};

use super::super::farewell::CLOSE;
use crate::testbed::{Bed, Peer, app, listen, rule};

const ASK: &str = "GET /chat HTTP/1.1\r\nHost: h.org\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const AGREE: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/// A tunnel, from both ends.
async fn tunnel(bed: &Bed) -> (Peer, Peer) {
    let mut backend = listen(app(1));
    let mut client = bed.client();
    client.say(ASK).await;
    let mut serving = backend.accept().await;
    let head = serving.head().await;
    assert!(head.contains("connection: upgrade\r\nupgrade: websocket"), "{head}");
    serving.say(AGREE).await;
    client.hear("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n").await;
    (client, serving)
}

#[tokio::test(start_paused = true)]
async fn a_tunnel_carries_both_directions_and_ends_them_one_by_one() {
    Bed::run(rule(), async |bed| {
        let (mut client, mut serving) = tunnel(&bed).await;
        client.say("ping").await;
        serving.hear("ping").await;
        serving.say("pong").await;
        client.hear("pong").await;
        client.0.shutdown().await.unwrap();
        assert_eq!(serving.rest().await, "", "the client has said all");
        serving.say("goodbye").await;
        drop(serving);
        assert_eq!(client.rest().await, "goodbye", "the backend had not");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_tunnel_may_rest_but_not_for_ever() {
    Bed::run(rule(), async |bed| {
        let (mut client, mut serving) = tunnel(&bed).await;
        client.say("hello").await;
        serving.hear("hello").await;
        sleep(Duration::from_secs(290)).await;
        serving.say("still there").await;
        client.hear("still there").await;
        let began = Instant::now();
        assert_eq!(client.rest().await, "");
        assert_eq!(began.elapsed().as_secs(), 300);
    })
    .await;
}

const SECOND: Duration = Duration::from_secs(1);

/// Empty messages of a client and of a backend.
const ASKED: [u8; 6] = [0x81, 0x80, 0, 0, 0, 0];
const ANSWERED: [u8; 2] = [0x81, 0];

async fn receive(peer: &mut Peer, expected: &[u8]) {
    let mut bytes = vec![0; expected.len()];
    peer.0.read_exact(&mut bytes).await.unwrap();
    assert_eq!(bytes, expected);
}

#[tokio::test(start_paused = true)]
async fn a_farewell_comes_right_behind_the_next_answer() {
    Bed::run(rule(), async |bed| {
        let (mut client, mut serving) = tunnel(&bed).await;
        client.0.write_all(&ASKED).await.unwrap();
        receive(&mut serving, &ASKED).await;
        serving.0.write_all(&ANSWERED).await.unwrap();
        receive(&mut client, &ANSWERED).await;
        bed.worker.part(Instant::now() + SECOND);
        sleep(SECOND / 2).await;
        client.0.write_all(&ASKED).await.unwrap();
        receive(&mut serving, &ASKED).await;
        let began = Instant::now();
        serving.0.write_all(&ANSWERED).await.unwrap();
        receive(&mut client, &[&ANSWERED[..], &CLOSE].concat()).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_farewell_to_who_says_nothing_comes_at_the_last_call() {
    Bed::run(rule(), async |bed| {
        let (mut client, _serving) = tunnel(&bed).await;
        let began = Instant::now();
        bed.worker.part(began + SECOND);
        receive(&mut client, &CLOSE).await;
        assert_eq!(began.elapsed().as_secs(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_farewell_waits_for_the_end_of_a_frame_however_late() {
    Bed::run(rule(), async |bed| {
        let (mut client, mut serving) = tunnel(&bed).await;
        bed.worker.part(Instant::now() + SECOND);
        for piece in [&[0x81, 3][..], b"a", b"b", b"c"] {
            serving.0.write_all(piece).await.unwrap();
            receive(&mut client, piece).await;
            sleep(SECOND).await;
        }
        receive(&mut client, &CLOSE).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn bytes_that_came_before_the_answer_go_into_the_tunnel() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.say(&format!("{ASK}early")).await;
        let mut serving = backend.accept().await;
        serving.head().await;
        serving.say(&format!("{AGREE}first")).await;
        serving.hear("early").await;
        client.head().await;
        client.hear("first").await;
    })
    .await;
}

/// HARDENING S15.
#[tokio::test(start_paused = true)]
async fn an_upgrade_that_is_declined_ends_the_connection() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.say(&format!("{ASK}GET /smuggled HTTP/1.1\r\nHost: h.org\r\n\r\n")).await;
        let mut serving = backend.accept().await;
        serving.answer("403 Forbidden").await;
        assert_eq!(client.rest().await, "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
        assert_eq!(serving.rest().await, "");
        assert!(backend.is_quiet());
    })
    .await;
}

/// HARDENING S19.
#[tokio::test(start_paused = true)]
async fn an_upgrade_that_nobody_asked_for_is_a_502() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.get().await;
        let mut serving = backend.accept().await;
        serving.head().await;
        serving.say(AGREE).await;
        assert!(client.head().await.starts_with("HTTP/1.1 502 "));
        assert_eq!(serving.rest().await, "");
    })
    .await;
}
