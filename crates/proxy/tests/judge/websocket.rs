//! A real WebSocket client and server (tungstenite), over every pair of HTTP versions: HTTP/1.1's upgrade and RFC 8441's
//! extended CONNECT. What hostile traffic does around an upgrade is in `upgrade.rs`.

mod peer;
mod tunnel;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use gatewright_core::plan::BackendProtocol;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use crate::harness::{
    Answer, Gateway, Origin, PATIENCE, each, forward,
    h2::{Connection, Frame, HEADERS},
    prefix, rule,
};
use peer::{Peer, Socket};
use tunnel::{Refused, Version, open};

/// Runs `case` for each version towards the client and each towards the backend.
fn over_all_versions<F: Future<Output = ()>>(case: impl Fn(Socket) -> F) {
    between_all_versions(|gateway, client| {
        run(async {
            case(open(gateway.address, client, "/").await.expect("a socket")).await;
        });
    });
}

/// Runs `case` for each version towards the backend, with each version that the client is to speak.
fn between_all_versions(case: impl Fn(&Gateway, Version)) {
    each(VERSIONS.map(|pair| (format!("{:?} to {:?}", pair.0, pair.1), pair)), |(client, backend)| {
        let peer = Peer::start(*backend);
        case(&gateway(&peer, *backend), *client);
    });
}

const VERSIONS: [(Version, Version); 4] = [
    (Version::Http1, Version::Http1),
    (Version::Http2, Version::Http1),
    (Version::Http1, Version::Http2),
    (Version::Http2, Version::Http2),
];

fn gateway(peer: &Peer, version: Version) -> Gateway {
    let protocol = match version {
        Version::Http1 => BackendProtocol::Http1,
        Version::Http2 => BackendProtocol::Http2,
    };
    Gateway::builder()
        .limits(|limits| {
            limits.progress_timeout = Duration::from_millis(300);
            limits.drain_timeout = Duration::from_secs(1);
        })
        .endpoint("peer", protocol, &[peer.address])
        .rules("", vec![rule(prefix("/"), [forward("peer")])])
        .start()
}

/// Runs a client on this thread, for as long as the gateway may be waited for.
fn run(client: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        tokio::time::timeout(PATIENCE * 2, client).await.expect("the case hangs");
    });
}

async fn receive(socket: &mut Socket) -> Message {
    socket.next().await.expect("the socket is open").expect("a message")
}

#[test]
fn messages_of_every_length_come_back() {
    over_all_versions(|mut socket| async move {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 200_000] {
            for message in [Message::text("é".repeat(length / 2)), Message::binary(vec![0xff; length])] {
                socket.send(message.clone()).await.expect("an open socket");
                assert_eq!(receive(&mut socket).await, message);
            }
        }
    });
}

#[test]
fn large_message_comes_back() {
    over_all_versions(|mut socket| async move {
        let message = Message::binary((0..8_000_000_u32).map(|n| n as u8).collect::<Vec<_>>());
        socket.send(message.clone()).await.expect("an open socket");
        assert!(receive(&mut socket).await == message);
    });
}

/// Messages stay in order while both directions are full.
#[test]
fn many_messages_come_back_in_order() {
    over_all_versions(|socket| async move {
        let (mut sender, mut receiver) = socket.split();
        let sending = async {
            for n in 0..3000 {
                sender.send(Message::text(n.to_string())).await.expect("an open socket");
            }
        };
        let receiving = async {
            for n in 0..3000 {
                let message = receiver.next().await.expect("the socket is open").expect("a message");
                assert_eq!(message, Message::text(n.to_string()));
            }
        };
        tokio::join!(sending, receiving);
    });
}

#[test]
fn ping_is_answered_by_the_peer() {
    over_all_versions(|mut socket| async move {
        socket.send(Message::Ping("are you there".into())).await.expect("an open socket");
        assert_eq!(receive(&mut socket).await, Message::Pong("are you there".into()));
        socket.send(Message::text("ping me")).await.expect("an open socket");
        assert_eq!(receive(&mut socket).await, Message::Ping("and you".into()));
    });
}

/// Shortly before a drain cuts what is left, each client is told to go elsewhere, and the sockets close in order.
#[test]
fn a_drain_says_farewell() {
    each(VERSIONS.map(|pair| (format!("{:?} to {:?}", pair.0, pair.1), pair)), |(client, backend)| {
        let peer = Peer::start(*backend);
        let gateway = gateway(&peer, *backend);
        run(async {
            let mut socket = open(gateway.address, *client, "/").await.expect("a socket");
            socket.send(Message::text("before")).await.expect("an open socket");
            assert_eq!(receive(&mut socket).await, Message::text("before"));
            let draining = std::thread::spawn(move || gateway.proxy.drain());
            let Message::Close(Some(said)) = receive(&mut socket).await else { panic!("no farewell") };
            assert_eq!(said.code, CloseCode::Away);
            assert!(socket.next().await.is_none(), "nothing comes after the farewell");
            draining.join().expect("the drain ends");
        });
    });
}

/// Whoever closes, the other side sees the code and the reason.
#[test]
fn close_codes_pass_both_ways() {
    let closing = |code: u16, reason: &'static str| CloseFrame { code: CloseCode::from(code), reason: reason.into() };
    over_all_versions(|mut socket| async move {
        socket.send(Message::Close(Some(closing(4001, "enough")))).await.expect("an open socket");
        assert_eq!(receive(&mut socket).await, Message::Close(Some(closing(4001, "enough"))));
        assert!(socket.next().await.is_none(), "the connection ends");
    });
    over_all_versions(|mut socket| async move {
        socket.send(Message::text("close 1013")).await.expect("an open socket");
        assert_eq!(receive(&mut socket).await, Message::Close(Some(closing(1013, "as asked"))));
        assert!(socket.next().await.is_none(), "the connection ends");
    });
}

/// A tunnel may rest for longer than an exchange may.
#[test]
fn quiet_socket_stays_open() {
    over_all_versions(|mut socket| async move {
        tokio::time::sleep(Duration::from_millis(700)).await;
        socket.send(Message::text("still here")).await.expect("an open socket");
        assert_eq!(receive(&mut socket).await, Message::text("still here"));
    });
}

/// A peer that refuses has its own answer passed on.
#[test]
fn refusal_of_the_peer_is_passed_on() {
    between_all_versions(|gateway, client| {
        run(async {
            let refused = open(gateway.address, client, "/refuse").await.map(drop);
            assert_eq!(refused, Err(Refused(403)));
        });
    });
}

/// The subprotocol is agreed on between the ends.
#[test]
fn subprotocol_is_negotiated_through() {
    between_all_versions(|gateway, client| {
        run(async {
            let agreed = tunnel::agree(gateway.address, client, "/", "chat, superchat").await;
            assert_eq!(agreed.as_deref(), Some("superchat"));
        });
    });
}

/// Half a close travels through a tunnel over HTTP/2: what is on its way back still comes.
#[test]
fn half_close_travels() {
    let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let origin = Origin::answering(move |_| Answer::raw(switch).then_echo());
    let gateway = Gateway::to(&origin);
    let mut connection = Connection::connect(gateway.address, &[]);
    let fields = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "http"),
        (":authority", "a.test"),
        (":path", "/socket?x=y"),
        ("sec-websocket-version", "13"),
        ("origin", "http://a.test"),
    ];
    connection.send(&Frame::headers(1, false, fields));
    while connection.next().expect("an answer").kind != HEADERS {}
    connection.send(&Frame::data(1, true, "bye"));
    let crate::harness::h2::Outcome::Answered(answered) = connection.outcome(1) else { panic!("no end of the tunnel") };
    assert_eq!((answered.status(), answered.body.as_slice()), (200, b"bye".as_slice()));
    assert_eq!(answered.value(0, "sec-websocket-accept"), None, "HTTP/1.1's proof has no place in HTTP/2");
    let request = origin.one();
    assert_eq!(request.line(), "GET /socket?x=y HTTP/1.1");
    assert_eq!(request.values("upgrade"), ["websocket"]);
    assert_eq!(request.values("sec-websocket-version"), ["13"]);
    assert_eq!(request.values("sec-websocket-key").len(), 1, "HTTP/1.1 wants a key");
    assert_eq!(request.values("origin"), ["http://a.test"]);
    origin.wait_for_closed(1);
}
