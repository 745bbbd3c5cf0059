//! HARDENING H8 and the end of a proxy as its clients see it: nobody who did nothing wrong loses a request.

use std::{
    sync::{Mutex, mpsc},
    thread,
};

use gatewright_core::plan::Plan;
use socket2::{Domain, Socket, Type};

use crate::harness::{
    Answer, Client, Gateway, Origin, PATIENCE,
    h2::{Connection, Frame, GOAWAY, PING},
};

const UPGRADE: &str = "GET /socket HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn get(client: &mut Client) {
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
}

/// Waits until the gateway has met this connection.
fn ping(connection: &mut Connection) {
    connection.send(&Frame::new(PING, 0, 0, [1; 8]));
    while connection.next().expect("an answer to the ping").kind != PING {}
}

fn goaway(connection: &mut Connection) -> Frame {
    loop {
        let frame = connection.next().expect("a GOAWAY before the end");
        if frame.kind == GOAWAY {
            return frame;
        }
    }
}

/// An origin that holds its answers back until it is told.
fn holding() -> (Origin, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (release, held) = mpsc::channel();
    let (arrived, seen) = mpsc::channel();
    let gate = Mutex::new((arrived, held));
    let origin = Origin::answering(move |_| {
        let gate = gate.lock().expect("no holder panics");
        let _ = gate.0.send(());
        let _ = gate.1.recv_timeout(PATIENCE);
        Answer::ok("late")
    });
    (origin, seen, release)
}

/// H8: a drain announces itself, lets what runs end, and names what it will not do.
#[test]
fn drain_ends_connections_gracefully() {
    let (origin, seen, release) = holding();
    let gateway = Gateway::builder().limits(|limits| limits.drain_timeout = PATIENCE).forward("", &origin).start();
    let mut running = Connection::connect(gateway.address, &[]);
    running.get(1, "/");
    seen.recv_timeout(PATIENCE).expect("the request arrives");
    let mut idle = Connection::connect(gateway.address, &[]);
    ping(&mut idle);

    let draining = thread::spawn(move || gateway.proxy.drain());
    let announced = goaway(&mut running);
    assert_eq!((announced.last_stream(), announced.code()), (0x7fff_ffff, 0), "the announcement");
    assert_eq!(idle.end(), Some(0), "an idle connection ends without error");
    release.send(()).expect("the origin waits");
    assert_eq!(running.outcome(1).status(), Some(200), "what ran has ended well");
    running.end();
    let last = running.goaway.expect("the announcement at least");
    assert_eq!((last.last_stream(), last.code()), (1, 0), "the last word");
    draining.join().expect("the drain ends");
}

/// While it winds down, the gateway serves whoever comes, and sends everyone elsewhere.
#[test]
fn winding_down_serves_everyone_once_more() {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    let mut kept = gateway.connect();
    get(&mut kept);
    assert!(!kept.receive().closes());
    let mut streams = Connection::connect(gateway.address, &[]);
    streams.get(1, "/");
    assert_eq!(streams.outcome(1).status(), Some(200));

    gateway.proxy.wind_down();
    let announced = goaway(&mut streams);
    assert_eq!((announced.last_stream(), announced.code()), (0x7fff_ffff, 0), "the announcement");
    streams.get(3, "/");
    assert_eq!(streams.outcome(3).status(), Some(200), "a request that crossed the announcement");
    get(&mut kept);
    let answer = kept.receive();
    assert_eq!((answer.status, answer.closes()), (200, true), "the last answer of a connection from before");

    let mut new = gateway.connect();
    get(&mut new);
    let answer = new.receive();
    assert_eq!((answer.status, answer.closes()), (200, true), "the only answer of a new connection");
    let mut new = Connection::connect(gateway.address, &[]);
    new.get(1, "/");
    assert_eq!(new.outcome(1).status(), Some(200));
    assert_eq!(new.end(), Some(0), "a new connection has one stream");
    assert_eq!(origin.take().len(), 6);
    gateway.proxy.drain();
}

/// Connections that the kernel has accepted and the gateway has not are served, not reset.
#[test]
fn drain_empties_the_queue_of_its_sockets() {
    for _ in 0..10 {
        let origin = Origin::start();
        let gateway = Gateway::builder().limits(|limits| limits.drain_timeout = PATIENCE).forward("", &origin).start();
        let mut clients: Vec<_> = (0..50).map(|_| gateway.connect()).collect();
        let draining = thread::spawn(move || gateway.proxy.drain());
        for client in &mut clients {
            get(client);
            assert_eq!(client.receive().status, 200);
        }
        drop(clients);
        draining.join().expect("the drain ends");
        assert_eq!(origin.take().len(), 50);
    }
}

/// An upgraded connection has the drain's time to end by itself, and both sides may still speak.
#[test]
fn drain_waits_for_tunnels() {
    let origin = Origin::answering(|_| Answer::raw(SWITCH).then_echo());
    let gateway = Gateway::builder().limits(|limits| limits.drain_timeout = PATIENCE).forward("", &origin).start();
    let mut client = gateway.connect();
    client.send(UPGRADE);
    assert_eq!(client.receive().status, 101);
    let mut idle = Connection::connect(gateway.address, &[]);
    ping(&mut idle);
    let draining = thread::spawn(move || gateway.proxy.drain());
    assert_eq!(idle.end(), Some(0), "the drain has begun");
    client.send("still here");
    assert_eq!(client.read_exactly(10).as_deref(), Ok(b"still here".as_slice()));
    client.finish();
    assert_eq!(client.read_to_end(), b"");
    draining.join().expect("the drain ends");
    assert!(origin.bytes().concat().ends_with(b"still here"));
}

/// A port that is taken out of the Plan is closed when the new Plan is reported to be in force, and can be had again.
#[test]
fn port_comes_and_goes() {
    let origin = Origin::start();
    let (gateway, plan) = Gateway::builder().forward("", &origin).start_with_plan();
    for _ in 0..20 {
        gateway.proxy.publish(&Plan::default()).expect("a Plan is published");
        let report = gateway.proxy.publish(&plan).expect("a Plan is published");
        assert_eq!(report.ports.get(&gateway.address.port()), Some(&Ok(vec![gateway.address])));
        let mut client = gateway.connect();
        get(&mut client);
        assert_eq!(client.receive().status, 200);
    }
}

/// Two processes of one user could share a port by SO_REUSEPORT, and each would get half of the connections.
#[test]
fn port_of_another_process_is_not_shared() {
    let other = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a process may have sockets");
    other.set_reuse_port(true).expect("a new socket takes options");
    other.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("loopback has free ports");
    other.listen(1).expect("a bound socket listens");
    let address = other.local_addr().expect("a bound socket has an address").as_socket().expect("of IPv4");
    let origin = Origin::start();
    let (gateway, mut plan) = Gateway::builder().forward("", &origin).start_with_plan();
    let port = plan.ports[&gateway.address.port()].clone();
    plan.ports.insert(address.port(), port);
    let report = gateway.proxy.publish(&plan).expect("a Plan is published");
    let why = report.ports[&address.port()].as_ref().expect_err("it is taken");
    assert!(why.contains("another process"), "{why}");
    assert!(report.ports[&gateway.address.port()].is_ok(), "the others are served");
    drop(other);
    let report = gateway.proxy.publish(&plan).expect("a Plan is published");
    assert_eq!(report.ports[&address.port()], Ok(vec![address]), "it is free by now");
}
