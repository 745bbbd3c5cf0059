//! HTTP/2 for the echo backend: a task per stream. A gRPC call gets its own messages back.

use std::sync::Arc;

use bytes::Bytes;
use h2::{
    RecvStream, SendStream,
    server::{self, SendResponse},
};
use http::{HeaderMap, HeaderValue, Response, request::Parts};
use tokio::net::TcpStream;

use super::{BODY_BYTES_MAX, Request};

pub(super) async fn serve(stream: TcpStream, name: &str) -> anyhow::Result<()> {
    let name: Arc<str> = name.into();
    let mut connection = server::handshake(stream).await?;
    while let Some(request) = connection.accept().await {
        let (request, respond) = request?;
        let name = name.clone();
        tokio::spawn(async move {
            if let Err(error) = exchange(request, respond, &name).await {
                tracing::debug!(%error, "echo");
            }
        });
    }
    Ok(())
}

async fn exchange(
    request: http::Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    name: &str,
) -> anyhow::Result<()> {
    let (head, mut body) = request.into_parts();
    if head.headers.get("content-type").is_some_and(|value| value.as_bytes().starts_with(b"application/grpc")) {
        return echo_messages(body, respond).await;
    }
    let mut request = describe(&head);
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        let keep = data.len().min(BODY_BYTES_MAX - request.body.len());
        request.body.extend_from_slice(&data[..keep]);
        request.body_bytes += data.len();
    }
    let response = Response::builder().header("content-type", "application/json").body(())?;
    let mut send = respond.send_response(response, false)?;
    Ok(send_all(&mut send, request.describe(name).into(), true).await?)
}

fn describe(head: &Parts) -> Request {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Request {
        method: head.method.to_string(),
        target: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        protocol: "HTTP/2",
        host: head.uri.authority().map(ToString::to_string).unwrap_or_default(),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: Vec::new(),
        body_bytes: 0,
    }
}

/// Sends each piece back as it comes, whatever its messages mean, and ends the call with OK.
async fn echo_messages(mut body: RecvStream, mut respond: SendResponse<Bytes>) -> anyhow::Result<()> {
    let response = Response::builder().header("content-type", "application/grpc").body(())?;
    let mut send = respond.send_response(response, false)?;
    while let Some(data) = body.data().await {
        let data = data?;
        let length = data.len();
        send_all(&mut send, data, false).await?;
        body.flow_control().release_capacity(length)?;
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    Ok(send.send_trailers(trailers)?)
}

/// Sends as the peer's window allows.
async fn send_all(send: &mut SendStream<Bytes>, mut data: Bytes, end: bool) -> Result<(), h2::Error> {
    while !data.is_empty() {
        send.reserve_capacity(data.len());
        match std::future::poll_fn(|cx| send.poll_capacity(cx)).await {
            Some(capacity) => {
                let part = data.split_to(capacity?.min(data.len()));
                send.send_data(part, end && data.is_empty())?;
            }
            None => return Ok(()),
        }
    }
    Ok(())
}
