use tokio::time::advance;

use super::*;

fn endpoint() -> Endpoint {
    Endpoint::new(([127, 0, 0, 1], 1).into())
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_keeps_failing_is_left_alone_for_longer_and_longer() {
    let endpoint = endpoint();
    let mut seconds = Vec::new();
    for _ in 0..7 {
        assert!(endpoint.failed());
        let until = endpoint.ejected_until().unwrap();
        let time = until - Instant::now();
        assert!(endpoint.is_ejected(Instant::now()));
        advance(time).await;
        assert!(!endpoint.is_ejected(Instant::now()));
        seconds.push(time.as_secs());
    }
    assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30]);
}

#[tokio::test(start_paused = true)]
async fn connections_that_fail_together_are_one_sign() {
    let endpoint = endpoint();
    assert!(endpoint.failed());
    assert!(!endpoint.failed() && !endpoint.failed());
    assert_eq!(endpoint.ejected_until(), Some(Instant::now() + EJECTION_MIN));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_works_clears_an_endpoint() {
    let endpoint = endpoint();
    endpoint.failed();
    endpoint.succeeded();
    assert!(!endpoint.is_ejected(Instant::now()));
    endpoint.failed();
    assert_eq!(endpoint.ejected_until(), Some(Instant::now() + EJECTION_MIN), "from the beginning");
}

/// Whoever comes back is met by one connection, not by all that were kept away.
#[tokio::test(start_paused = true)]
async fn after_an_ejection_one_connection_finds_out() {
    let endpoint = Rc::new(endpoint());
    drop(endpoint.probe());
    assert!(!endpoint.is_ejected(Instant::now()), "while it works, connections come as they like");
    endpoint.failed();
    advance(EJECTION_MIN).await;
    assert!(!endpoint.is_ejected(Instant::now()));
    let first = endpoint.probe();
    assert!(endpoint.is_ejected(Instant::now()), "the others keep away");
    drop(endpoint.probe());
    assert!(endpoint.is_ejected(Instant::now()), "a second is not the one");
    drop(first);
    assert!(!endpoint.is_ejected(Instant::now()), "who gave up told nothing");
    let second = endpoint.probe();
    assert!(endpoint.failed(), "it fails again");
    drop(second);
    assert!(endpoint.is_ejected(Instant::now()));
    advance(2 * EJECTION_MIN).await;
    let third = endpoint.probe();
    endpoint.succeeded();
    drop(third);
    assert!(!endpoint.is_ejected(Instant::now()));
}

#[test]
fn load_is_counted_for_as_long_as_an_exchange_lasts() {
    let endpoint = Rc::new(endpoint());
    let (one, two) = (Load::new(endpoint.clone()), Load::new(endpoint.clone()));
    assert_eq!(endpoint.load.get(), 2);
    drop(one);
    assert_eq!(endpoint.load.get(), 1);
    drop(two);
    assert_eq!(endpoint.load.get(), 0);
}

/// A connection to a listener of ours, and the other end of it.
async fn connection() -> (Transport<Stream>, tokio::net::TcpStream) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = Stream::connect(listener.local_addr().unwrap(), None, Duration::from_secs(9)).await.unwrap();
    (Transport::new(stream, Vec::new()), listener.accept().await.unwrap().0)
}

/// Waits until something can be read, so that the kernel has told.
async fn readable(transport: &mut Transport<Stream>) {
    let Stream::Plain(stream) = transport.io() else { unreachable!("a plain connection") };
    stream.readable().await.unwrap();
}

#[tokio::test]
async fn a_kept_connection_is_lent_again_unless_it_ended_or_spoke() {
    use tokio::io::AsyncWriteExt as _;
    let endpoint = endpoint();
    let (alive, _peer) = connection().await;
    let (mut ended, peer) = connection().await;
    drop(peer);
    readable(&mut ended).await;
    let (mut spoke, mut peer) = connection().await;
    peer.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").await.unwrap();
    readable(&mut spoke).await;
    for transport in [alive, ended, spoke] {
        endpoint.give(transport, 3);
    }
    assert!(endpoint.take().is_some());
    assert!(endpoint.take().is_none());
}

#[tokio::test]
async fn no_more_are_kept_than_may_be_and_none_once_retired() {
    let endpoint = endpoint();
    let (one, _one) = connection().await;
    let (two, _two) = connection().await;
    endpoint.give(one, 1);
    endpoint.give(two, 1);
    assert!(endpoint.take().is_some() && endpoint.take().is_none());
    let (three, _three) = connection().await;
    let (four, _four) = connection().await;
    endpoint.give(three, 9);
    endpoint.retire();
    endpoint.give(four, 9);
    assert!(endpoint.take().is_none());
}
