//! gRPC through the real binaries: a client's messages come back from `gatewright echo`, stream by stream.

use std::fs;

use bytes::Bytes;
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request, Response};

use crate::harness::{self, Gateway, Process, free_port};

const MANIFESTS: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: gatewright}
spec: {controllerName: gatewright.dev/gateway-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gateway, namespace: test}
spec:
  gatewayClassName: gatewright
  listeners:
  - {name: http, protocol: HTTP, port: PORT}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: calls, namespace: test}
spec:
  parentRefs: [{name: gateway}]
  rules:
  - matches: [{method: {service: test.Echo}}]
    backendRefs: [{name: echo, port: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: echo, namespace: test}
spec: {ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: echo-1, namespace: test, labels: {kubernetes.io/service-name: echo}}
addressType: IPv4
ports: [{port: BACKEND}]
endpoints: [{addresses: [127.0.0.1]}]
";

/// A message in gRPC's framing.
fn message(text: &str) -> Bytes {
    let length = u32::try_from(text.len()).expect("a short text").to_be_bytes();
    [&[0], &length[..], text.as_bytes()].concat().into()
}

fn call(path: &str) -> Request<()> {
    let request = Request::post(format!("http://a.test{path}")).header("content-type", "application/grpc");
    request.header("te", "trailers").body(()).expect("a request")
}

async fn receive(body: &mut RecvStream, length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let data = body.data().await.expect("a message before the end").expect("a whole message");
        body.flow_control().release_capacity(data.len()).expect("it was received");
        bytes.extend_from_slice(&data);
    }
    bytes
}

async fn end(mut body: RecvStream) -> HeaderMap {
    assert!(body.data().await.is_none(), "nothing but trailers");
    body.trailers().await.expect("a whole answer").expect("trailers")
}

fn last(mut sending: SendStream<Bytes>) {
    sending.send_data(Bytes::new(), true).expect("an open stream");
}

#[test]
fn messages_come_back_from_the_echo() {
    let echo = Process::start(&["echo", "--listen", "127.0.0.1:0"]);
    let backend = echo.address_after("listens on http://").port();
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let port = free_port();
    let manifests = MANIFESTS.replace("PORT", &port.to_string()).replace("BACKEND", &backend.to_string());
    fs::write(folder.path().join("grpc.yaml"), manifests).expect("a file is written");
    let gateway = Gateway::start(folder.path(), port);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("an event loop");
    let talk = async { tokio::time::timeout(harness::PATIENCE, talk(gateway.address)).await };
    runtime.block_on(talk).expect("in time");
}

async fn talk(address: std::net::SocketAddr) {
    let stream = tokio::net::TcpStream::connect(address).await.expect("the gateway listens");
    let (client, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    tokio::spawn(connection);
    let mut client = client.ready().await.expect("a connection");

    // Both directions at once, a message at a time.
    let (response, mut sending) = client.send_request(call("/test.Echo/Both"), false).expect("a stream");
    sending.send_data(message("one"), false).expect("an open stream");
    let response: Response<RecvStream> = response.await.expect("an answer before the end");
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"application/grpc".parse().expect("a value"))
    );
    let mut body = response.into_body();
    assert_eq!(receive(&mut body, 8).await, message("one"));
    for nth in 0..100 {
        let sent = message(&format!("message {nth}"));
        sending.send_data(sent.clone(), false).expect("an open stream");
        assert_eq!(receive(&mut body, sent.len()).await, sent);
    }
    last(sending);
    assert_eq!(end(body).await["grpc-status"], "0");

    // A call of no message, and one that no rule takes.
    let (response, sending) = client.send_request(call("/test.Echo/None"), false).expect("a stream");
    last(sending);
    assert_eq!(end(response.await.expect("an answer").into_body()).await["grpc-status"], "0");
    let (response, _) = client.send_request(call("/test.Other/Call"), true).expect("a stream");
    let response = response.await.expect("an answer");
    assert_eq!(
        (response.status().as_u16(), &response.headers()["grpc-status"]),
        (200, &"12".parse().expect("a value"))
    );
}
