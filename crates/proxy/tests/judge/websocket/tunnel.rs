//! The client's end: a WebSocket over either version of HTTP.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use h2::{RecvStream, SendStream, client, ext::Protocol};
use http::{Method, Request};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, client::IntoClientRequest, protocol::Role},
};

use super::peer::{DATA_FRAME_BUDGET, Io, Socket};

#[derive(Clone, Copy, Debug)]
pub(super) enum Version {
    Http1,
    Http2,
}

/// The status that came instead of a tunnel.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused(pub(super) u16);

pub(super) async fn open(address: SocketAddr, version: Version, path: &str) -> Result<Socket, Refused> {
    handshake(address, version, path, None).await.map(|(socket, _)| socket)
}

/// Offers subprotocols and returns the one that was chosen.
pub(super) async fn agree(address: SocketAddr, version: Version, path: &str, offer: &str) -> Option<String> {
    handshake(address, version, path, Some(offer)).await.expect("a tunnel").1
}

async fn handshake(
    address: SocketAddr,
    version: Version,
    path: &str,
    offer: Option<&str>,
) -> Result<(Socket, Option<String>), Refused> {
    let stream = TcpStream::connect(address).await.expect("the gateway listens");
    stream.set_nodelay(true).expect("a connected socket takes options");
    match version {
        Version::Http1 => upgrade(stream, path, offer).await,
        Version::Http2 => extended_connect(stream, path, offer).await,
    }
}

async fn upgrade(stream: TcpStream, path: &str, offer: Option<&str>) -> Result<(Socket, Option<String>), Refused> {
    let mut request = format!("ws://a.test{path}").into_client_request().expect("a request");
    if let Some(offer) = offer {
        request.headers_mut().insert("sec-websocket-protocol", offer.parse().expect("a value"));
    }
    match client_async(request, Box::new(stream) as Box<dyn Io>).await {
        Ok((socket, response)) => Ok((socket, chosen(response.headers()))),
        Err(Error::Http(response)) => Err(Refused(response.status().as_u16())),
        Err(error) => panic!("{error}"),
    }
}

async fn extended_connect(
    stream: TcpStream,
    path: &str,
    offer: Option<&str>,
) -> Result<(Socket, Option<String>), Refused> {
    let (mut requests, connection) =
        client::Builder::new().data_frame_budget(DATA_FRAME_BUDGET).handshake(stream).await.expect("HTTP/2");
    tokio::task::spawn_local(connection);
    while !requests.is_extended_connect_protocol_enabled() {
        tokio::task::yield_now().await;
    }
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri(format!("http://a.test{path}"))
        .extension(Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13");
    if let Some(offer) = offer {
        request = request.header("sec-websocket-protocol", offer);
    }
    let (response, sender) = requests.send_request(request.body(()).expect("a request"), false).expect("a stream");
    let response = response.await.expect("an answer");
    if response.status() != 200 {
        return Err(Refused(response.status().as_u16()));
    }
    let chosen = chosen(response.headers());
    let io: Box<dyn Io> = Box::new(Tunnel::new(sender, response.into_body()));
    Ok((WebSocketStream::from_raw_socket(io, Role::Client, None).await, chosen))
}

fn chosen(headers: &http::HeaderMap) -> Option<String> {
    headers.get("sec-websocket-protocol").map(|value| value.to_str().expect("text").to_owned())
}

/// A stream of HTTP/2 as a pipe of bytes.
pub(super) struct Tunnel {
    sender: SendStream<Bytes>,
    receiver: RecvStream,
    unread: Bytes,
}

impl Tunnel {
    pub(super) fn new(sender: SendStream<Bytes>, receiver: RecvStream) -> Self {
        Self { sender, receiver, unread: Bytes::new() }
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            match ready!(self.receiver.poll_data(cx)) {
                None => return Poll::Ready(Ok(())),
                Some(data) => {
                    self.unread = data.map_err(io::Error::other)?;
                    let length = self.unread.len();
                    self.receiver.flow_control().release_capacity(length).map_err(io::Error::other)?;
                }
            }
        }
        let length = buffer.remaining().min(self.unread.len());
        buffer.put_slice(&self.unread.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.sender.reserve_capacity(bytes.len());
        let mut room = self.sender.capacity();
        if room == 0 {
            room = match ready!(self.sender.poll_capacity(cx)) {
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
                Some(room) => room.map_err(io::Error::other)?,
            };
        }
        let length = room.min(bytes.len());
        self.sender.send_data(Bytes::copy_from_slice(&bytes[..length]), false).map_err(io::Error::other)?;
        Poll::Ready(Ok(length))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A stream that has ended already needs no end.
        let _ = self.sender.send_data(Bytes::new(), true);
        Poll::Ready(Ok(()))
    }
}
