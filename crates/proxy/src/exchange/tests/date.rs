//! RFC 9110 §6.6.1: every final response says when it was made.

use tokio::io::AsyncReadExt as _;

use crate::testbed::{Bed, Peer, app, listen, rule};

/// Returns the values of Date in the next head that a client gets.
async fn dates(client: &mut Peer) -> Vec<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.0.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let fields = head.split("\r\n").filter_map(|line| line.split_once(": "));
    fields.filter(|(name, _)| name.eq_ignore_ascii_case("date")).map(|(_, value)| value.to_owned()).collect()
}

#[track_caller]
fn is_one_date(dates: &[String]) {
    let [date] = dates else { panic!("one date is wanted: {dates:?}") };
    assert!(date.len() == 29 && date.ends_with(" GMT") && !date.contains("1970"), "{date}");
}

#[tokio::test(start_paused = true)]
async fn a_response_without_a_date_gets_one_and_another_keeps_its_own() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.get().await;
        let mut serving = backend.accept().await;
        serving.head().await;
        serving.say("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n").await;
        assert_eq!(dates(&mut client).await, [""; 0], "of an interim response");
        is_one_date(&dates(&mut client).await);
        client.get().await;
        serving.head().await;
        serving.say("HTTP/1.1 204 No Content\r\nDATE: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n").await;
        assert_eq!(dates(&mut client).await, ["Sun, 06 Nov 1994 08:49:37 GMT"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn answers_of_the_gateway_have_a_date() {
    Bed::run(rule(), async |bed| {
        for request in ["GET / HTTP/1.1\r\nHost: none.org\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "nonsense\r\n\r\n"] {
            let mut client = bed.client();
            client.say(request).await;
            is_one_date(&dates(&mut client).await);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_upgraded_connection_has_no_date() {
    Bed::run(rule(), async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.say("GET / HTTP/1.1\r\nHost: h.org\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n").await;
        let mut serving = backend.accept().await;
        serving.head().await;
        serving.say("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n").await;
        assert_eq!(dates(&mut client).await, [""; 0]);
    })
    .await;
}
