//! The admin listener answers what it should, and refuses what it must.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
};

use gatewright_core::plan::{Certificate, CertificateId, KeyPair, Plan, PrivateKey};
use prometheus_client::registry::Registry;

use super::{Admin, Audience, DataPlane, start};
use crate::report::StatusReport;

fn serve() -> (Arc<Admin>, SocketAddr) {
    let admin =
        Arc::new(Admin::new(Registry::default(), Audience::LocalBeyondHealth, DataPlane::new(StatusReport::default)));
    let address = start(admin.clone(), ([127, 0, 0, 1], 0).into()).unwrap();
    (admin, address)
}

/// Sends raw bytes, and returns the status and the body.
fn ask(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

fn get(address: SocketAddr, path: &str) -> (u16, String) {
    ask(address, &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n"))
}

#[test]
fn it_is_ready_when_a_plan_is_in_force_and_until_it_drains() {
    let (admin, address) = serve();
    assert_eq!(get(address, "/healthz"), (200, "ok\n".into()));
    assert_eq!(get(address, "/readyz").0, 503);
    assert_eq!(get(address, "/plan").0, 503);
    admin.update(|now| now.plan = Some(Arc::default()));
    assert_eq!(get(address, "/readyz"), (200, "ok\n".into()));
    assert_eq!(get(address, "/plan?pretty").0, 200);
    admin.update(|now| now.is_draining = true);
    assert_eq!(get(address, "/readyz"), (503, "draining\n".into()));
}

#[test]
fn a_plan_is_shown_without_its_keys() {
    let (admin, address) = serve();
    let pair = KeyPair { chain: "chain".into(), key: PrivateKey::new("very secret") };
    let mut plan = Plan::default();
    plan.certificates.insert(CertificateId::new("secret/ns/tls"), Certificate::Valid(pair));
    admin.update(|now| now.plan = Some(Arc::new(plan)));
    let (_, body) = get(address, "/plan");
    assert!(body.contains("secret/ns/tls") && body.contains("redacted") && !body.contains("very secret"), "{body}");
}

#[test]
fn what_is_no_plain_get_is_refused() {
    let (_admin, address) = serve();
    for (request, status) in [
        ("POST /healthz HTTP/1.1\r\n\r\n", 405),
        ("GET /healthz HTTP/2.0\r\n\r\n", 400),
        ("GET healthz HTTP/1.1\r\n\r\n", 400),
        ("GET /healthz  HTTP/1.1\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nhost : a\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nhost: rebound.example.com:19000\r\n\r\n", 421),
        ("GET /../etc/passwd HTTP/1.1\r\n\r\n", 404),
        ("HEAD /healthz HTTP/1.1\r\nhost: [::1]:19000\r\n\r\n", 200),
        ("GET /healthz HTTP/1.0\r\nhost: localhost\r\n\r\n", 200),
    ] {
        assert_eq!(ask(address, request).0, status, "{request}");
    }
    assert_eq!(ask(address, "HEAD /healthz HTTP/1.1\r\n\r\n").1, "");
    let long = format!("GET / HTTP/1.1\r\na: {}", "x".repeat(9_000));
    assert_eq!(ask(address, &long).0, 431);
}

#[test]
fn another_machine_gets_health_and_metrics_alone() {
    let (admin, _) = serve();
    admin.update(|now| now.plan = Some(Arc::default()));
    for (path, status) in [("/healthz", 200), ("/readyz", 200), ("/metrics", 200), ("/plan", 403), ("/status", 403)] {
        assert_eq!((path, admin.answer(path, false).status), (path, status));
        assert_eq!((path, admin.answer(path, true).status), (path, 200));
    }
    let open = Admin::new(Registry::default(), Audience::Everybody, DataPlane::new(StatusReport::default));
    assert_eq!(open.answer("/status", false).status, 200);
}

#[test]
fn it_is_not_ready_as_long_as_keys_may_come() {
    let (admin, address) = serve();
    admin.update(|now| (now.plan, now.is_waiting) = (Some(Arc::default()), true));
    assert_eq!(get(address, "/readyz").0, 503);
}
