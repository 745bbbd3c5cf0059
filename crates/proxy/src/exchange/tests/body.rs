use tokio::io::AsyncWriteExt as _;

use crate::testbed::{Bed, app, listen, rule};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test(start_paused = true)]
async fn bodies_keep_their_framing_and_trailers() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.say("POST / HTTP/1.1\r\nHost: h.org\r\nTransfer-Encoding: chunked\r\n\r\n3;ext\r\nabc\r\n0\r\nX-Sum: 1\r\nHost: x\r\n\r\n").await;
        let mut serving = backend.accept().await;
        let head = serving.head().await;
        assert!(head.ends_with("transfer-encoding: chunked"), "{head}");
        serving.hear("3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n").await;
        serving.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\nX-Sum: 2\r\n\r\n").await;
        client.hear("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nde\r\n0\r\nX-Sum: 2\r\n\r\n").await;
    })
    .await;
}

/// HARDENING S10.
#[tokio::test(start_paused = true)]
async fn after_an_early_answer_the_rest_of_the_body_is_not_the_next_request() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.say("POST / HTTP/1.1\r\nHost: h.org\r\nContent-Length: 39\r\n\r\n").await;
        let mut early = backend.accept().await;
        early.answer("200 OK").await;
        client.hear(OK).await;
        assert_eq!(early.rest().await, "", "it is not used again");
        // 39 bytes that look like a request.
        client.say("GET /smuggled HTTP/1.1\r\nHost: h.org\r\n\r\n").await;
        client.get().await;
        let head = backend.accept().await.answer("200 OK").await;
        assert!(head.starts_with("GET / HTTP/1.1\r\n"), "{head}");
        client.hear(OK).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn after_an_early_answer_a_body_that_does_not_come_ends_the_connection() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.say("POST / HTTP/1.1\r\nHost: h.org\r\nContent-Length: 40\r\n\r\nfour").await;
        backend.accept().await.answer("200 OK").await;
        assert_eq!(client.rest().await, OK);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_answers_early_and_leaves_is_still_heard() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.say("POST / HTTP/1.1\r\nHost: h.org\r\nContent-Length: 40\r\n\r\n").await;
        let mut early = backend.accept().await;
        early.head().await;
        early.say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n").await;
        drop(early);
        let _ = client.0.write_all(&[b'x'; 40]).await;
        assert!(client.head().await.starts_with("HTTP/1.1 413 "));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn responses_without_a_body_leave_the_connections_in_step() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        let mut serving = None;
        for (method, answer, heard) in [
            ("HEAD", "200 OK\r\nContent-Length: 9", "200 OK\r\ncontent-length: 9"),
            ("HEAD", "200 OK\r\nTransfer-Encoding: chunked", "200 OK"),
            ("GET", "204 No Content", "204 No Content"),
            (
                "GET",
                "304 Not Modified\r\nContent-Length: 9\r\nETag: x",
                "304 Not Modified\r\nETag: x\r\ncontent-length: 9",
            ),
        ] {
            client.say(&format!("{method} / HTTP/1.1\r\nHost: h.org\r\n\r\n")).await;
            if serving.is_none() {
                serving = Some(backend.accept().await);
            }
            let serving = serving.as_mut().unwrap();
            serving.head().await;
            serving.say(&format!("HTTP/1.1 {answer}\r\n\r\n")).await;
            client.hear(&format!("HTTP/1.1 {heard}\r\n\r\n")).await;
        }
        client.get().await;
        serving.unwrap().answer("200 OK").await;
        client.hear(OK).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_head_has_no_body_and_keeps_the_connection() {
    Bed::run(rule(), async |bed| {
        let mut client = bed.client();
        client.say("HEAD / HTTP/1.1\r\nHost: other.org\r\n\r\nGET / HTTP/1.1\r\nHost: other.org\r\n\r\n").await;
        let head = client.head().await;
        assert!(head.starts_with("HTTP/1.1 404 ") && !head.contains("close"), "{head}");
        assert!(client.head().await.starts_with("HTTP/1.1 404 "));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_response_that_breaks_off_breaks_the_clients_connection_off() {
    for (framing, body) in [("Content-Length: 9", "half"), ("Transfer-Encoding: chunked", "4\r\nhalf\r\n")] {
        Bed::run(rule(), async |bed| {
            let mut backend = listen(app(1));
            let mut client = bed.client();
            client.get().await;
            let mut serving = backend.accept().await;
            serving.head().await;
            serving.say(&format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n{body}")).await;
            drop(serving);
            let heard = client.rest().await;
            assert!(heard.ends_with(body), "{heard}");
        })
        .await;
    }
}

/// HARDENING S19.
#[tokio::test(start_paused = true)]
async fn a_connection_on_which_a_backend_says_too_much_is_not_used_again() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.get().await;
        let mut loose = backend.accept().await;
        loose.head().await;
        loose.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n").await;
        client.hear(OK).await;
        assert_eq!(loose.rest().await, "");
        client.get().await;
        backend.accept().await.answer("200 OK").await;
        client.hear(OK).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn interim_responses_are_passed_on() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.get().await;
        let mut serving = backend.accept().await;
        serving.head().await;
        serving.say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n").await;
        client.hear("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n").await;
        serving.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        client.hear(OK).await;
    })
    .await;
}

const EXPECTING: &str = "POST / HTTP/1.1\r\nHost: h.org\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_first_is_told_to_go_on() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.say(EXPECTING).await;
        let mut serving = backend.accept().await;
        assert!(serving.head().await.contains("expect: 100-continue"));
        serving.say("HTTP/1.1 100 Continue\r\n\r\n").await;
        client.hear("HTTP/1.1 100 Continue\r\n\r\n").await;
        client.say("hi").await;
        serving.hear("hi").await;
        serving.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        client.hear(OK).await;
        client.get().await;
        serving.answer("200 OK").await;
        client.hear(OK).await;
    })
    .await;
}

/// HARDENING S11.
#[tokio::test(start_paused = true)]
async fn a_client_that_is_told_not_to_go_on_cannot_go_on() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.say(EXPECTING).await;
        let mut serving = backend.accept().await;
        serving.answer("403 Forbidden").await;
        client.hear("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").await;
        client.get().await;
        assert_eq!(client.rest().await, "");
        assert!(backend.is_quiet());
    })
    .await;
}
