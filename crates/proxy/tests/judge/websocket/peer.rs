//! The backend's end: a WebSocket server that sends back what it gets, over either version of HTTP.

use std::{
    net::{Ipv4Addr, SocketAddr},
    thread,
};

use futures_util::{SinkExt, StreamExt};
use http::{Response, StatusCode};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{LocalSet, spawn_local},
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{ErrorResponse, Request as Handshake, Response as Shaken},
        protocol::{CloseFrame, Role},
    },
};

use super::tunnel::{Tunnel, Version};

/// What unread small DATA frames may take at the codec's reckoning of 256 bytes each: both ends are sent thousands at once.
pub(super) const DATA_FRAME_BUDGET: usize = 4 * 1024 * 1024;

pub(super) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

pub(super) type Socket = WebSocketStream<Box<dyn Io>>;

pub(super) struct Peer {
    pub(super) address: SocketAddr,
}

impl Peer {
    pub(super) fn start(version: Version) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
        listener.set_nonblocking(true).expect("a socket takes options");
        let address = listener.local_addr().expect("a bound socket has an address");
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            LocalSet::new().block_on(&runtime, async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                while let Ok((stream, _)) = listener.accept().await {
                    stream.set_nodelay(true).expect("a connected socket takes options");
                    match version {
                        Version::Http1 => drop(spawn_local(serve_http1(stream))),
                        Version::Http2 => drop(spawn_local(serve_http2(stream))),
                    }
                }
            });
        });
        Self { address }
    }
}

async fn serve_http1(stream: TcpStream) {
    #[allow(clippy::result_large_err, reason = "the library's own type")]
    let answer = |request: &Handshake, mut response: Shaken| {
        if request.uri().path() == "/refuse" {
            let mut refusal = ErrorResponse::new(None);
            *refusal.status_mut() = StatusCode::FORBIDDEN;
            return Err(refusal);
        }
        if request.headers().contains_key("sec-websocket-protocol") {
            response.headers_mut().insert("sec-websocket-protocol", "superchat".parse().expect("a value"));
        }
        Ok(response)
    };
    if let Ok(socket) = accept_hdr_async(Box::new(stream) as Box<dyn Io>, answer).await {
        converse(socket).await;
    }
}

async fn serve_http2(stream: TcpStream) {
    let mut builder = h2::server::Builder::new();
    builder.enable_connect_protocol().data_frame_budget(DATA_FRAME_BUDGET);
    let Ok(mut connection) = builder.handshake(stream).await else { return };
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        assert_eq!(request.method(), "CONNECT");
        assert_eq!(request.extensions().get::<h2::ext::Protocol>().map(h2::ext::Protocol::as_str), Some("websocket"));
        assert!(!request.headers().contains_key("sec-websocket-key"), "HTTP/2 has no key");
        let refuses = request.uri().path() == "/refuse";
        let mut response = Response::new(());
        if refuses {
            *response.status_mut() = StatusCode::FORBIDDEN;
        } else if request.headers().contains_key("sec-websocket-protocol") {
            response.headers_mut().insert("sec-websocket-protocol", "superchat".parse().expect("a value"));
        }
        let Ok(sender) = respond.send_response(response, refuses) else { continue };
        if !refuses {
            let io: Box<dyn Io> = Box::new(Tunnel::new(sender, request.into_body()));
            spawn_local(async { converse(WebSocketStream::from_raw_socket(io, Role::Server, None).await).await });
        }
    }
}

/// Sends back what comes, and does what it is told to.
async fn converse(mut socket: Socket) {
    while let Some(Ok(message)) = socket.next().await {
        let answer = match &message {
            Message::Text(text) if text.as_str() == "ping me" => Message::Ping("and you".into()),
            Message::Text(text) if text.starts_with("close ") => {
                let code: u16 = text["close ".len()..].parse().expect("a code");
                Message::Close(Some(CloseFrame { code: code.into(), reason: "as asked".into() }))
            }
            Message::Text(_) | Message::Binary(_) => message,
            // Pings and closes are answered by the library.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => continue,
        };
        if socket.send(answer).await.is_err() {
            break;
        }
    }
    // Over HTTP/2 a stream that is merely dropped is one that failed.
    let _ = socket.get_mut().shutdown().await;
}
