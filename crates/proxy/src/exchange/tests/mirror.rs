use gatewright_core::filter::Filter;
use gatewright_core::filter::mirror::Mirror;
use gatewright_core::plan::{BackendId, Rule};
use tokio::io::AsyncWriteExt as _;

use crate::observe::Event;
use crate::testbed::{Bed, app, listen, mirror, rule};

fn mirrored() -> Rule {
    let mirror = Mirror { backend: BackendId::new("mirror"), numerator: 1, denominator: 1 };
    Rule { filters: vec![Filter::Mirror(mirror)], ..rule() }
}

#[tokio::test(start_paused = true)]
async fn a_mirror_gets_the_whole_request_and_the_client_the_backends_answer() {
    Bed::run(mirrored(), async |bed| {
        let (mut backend, mut copies) = (listen(app(1)), listen(mirror()));
        let mut client = bed.client();
        client.say("PUT /a?b HTTP/1.1\r\nHost: h.org\r\nX: y\r\nContent-Length: 5\r\n\r\nhello").await;
        let mut serving = backend.accept().await;
        let head = serving.head().await;
        serving.hear("hello").await;
        let mut copy = copies.accept().await;
        assert_eq!(copy.head().await, head);
        copy.hear("hello").await;
        copy.say("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n").await;
        serving.say("HTTP/1.1 204 No Content\r\n\r\n").await;
        client.hear("HTTP/1.1 204 No Content\r\n\r\n").await;
        assert_eq!(bed.observer.event(Event::Mirrored), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_mirror_that_refuses_or_breaks_harms_nothing() {
    for listens in [false, true] {
        Bed::run(mirrored(), async |bed| {
            let mut backend = listen(app(1));
            let mut copies = listens.then(|| listen(mirror()));
            let mut client = bed.client();
            client.say("PUT / HTTP/1.1\r\nHost: h.org\r\nContent-Length: 4\r\n\r\nhi").await;
            let mut serving = backend.accept().await;
            if let Some(copies) = &mut copies {
                drop(copies.accept().await);
            }
            client.say("ho").await;
            serving.head().await;
            serving.hear("hiho").await;
            serving.say("HTTP/1.1 204 No Content\r\n\r\n").await;
            client.hear("HTTP/1.1 204 No Content\r\n\r\n").await;
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_mirror_that_lags_too_far_behind_is_given_up() {
    Bed::run(mirrored(), async |bed| {
        let (mut backend, mut copies) = (listen(app(1)), listen(mirror()));
        let mut client = bed.client();
        let body = vec![b'x'; 4 * 1024 * 1024];
        client.say(&format!("PUT / HTTP/1.1\r\nHost: h.org\r\nContent-Length: {}\r\n\r\n", body.len())).await;
        let mut serving = backend.accept().await;
        serving.head().await;
        let mut lagging = copies.accept().await;
        let received = async {
            let mut received = vec![0; body.len()];
            tokio::io::AsyncReadExt::read_exact(&mut serving.0, &mut received).await.unwrap();
            received
        };
        let (sent, received) = tokio::join!(client.0.write_all(&body), received);
        sent.unwrap();
        assert!(received == body, "the request itself does not wait");
        serving.say("HTTP/1.1 204 No Content\r\n\r\n").await;
        client.hear("HTTP/1.1 204 No Content\r\n\r\n").await;
        let copied = lagging.rest().await.len();
        assert!(copied < body.len(), "{copied} bytes, then broken off");
    })
    .await;
}
