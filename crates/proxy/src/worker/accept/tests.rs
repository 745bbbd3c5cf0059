use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::LocalSet;

use super::*;
use crate::testbed::{PORT, Setup, plan, rule, worker};

/// HARDENING F25.
#[tokio::test]
#[expect(clippy::await_holding_refcell_ref, reason = "that is the fault which the test provokes")]
async fn a_panic_ends_its_connection_alone_and_is_counted() {
    let (worker, observer) = worker(&plan(rule()), Setup::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let open = || worker.connections_open.load(Ordering::Relaxed);
    let test = async {
        let accepting = Accepting::start(listener, PORT, worker.clone());
        let mut bystander = TcpStream::connect(address).await.unwrap();
        let mut victim = TcpStream::connect(address).await.unwrap();
        while open() < 2 {
            tokio::task::yield_now().await;
        }
        // Whoever wants the scratch buffer now finds it taken, which the code rules out: a fault of our own.
        let taken = worker.scratch.borrow_mut();
        victim.write_all(b"GET / HTTP/1.1\r\nHost: h.org\r\n\r\n").await.unwrap();
        while open() == 2 {
            tokio::task::yield_now().await;
        }
        drop(taken);
        assert_eq!(victim.read(&mut [0; 9]).await.unwrap_or(0), 0, "closed");
        assert_eq!(observer.event(Event::Panicked), 1);
        assert_eq!(observer.event(Event::ConnectionClosed), 1);
        bystander.write_all(b"GET / HTTP/1.1\r\nHost: other.org\r\n\r\n").await.unwrap();
        let mut answer = [0; 12];
        bystander.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 404");
        assert_eq!(open(), 1);
        accepting.close().await;
    };
    LocalSet::new().run_until(test).await;
}
