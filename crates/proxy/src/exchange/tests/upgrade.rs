use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, sleep};

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
