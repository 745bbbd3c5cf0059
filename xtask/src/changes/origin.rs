//! The backends: each answers with its own name, and one echoes WebSocket messages.

use std::{
    net::{Ipv4Addr, TcpListener},
    thread,
};

use anyhow::Result;
use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The names of those that answer HTTP, which are also their bodies.
pub(super) const NAMES: [&str; 4] = ["red", "green", "blue", "white"];

/// Where the backends listen, on loopback.
#[derive(Clone)]
pub(super) struct Origins {
    /// In the order of [`NAMES`].
    pub(super) http: [u16; NAMES.len()],
    pub(super) websocket: u16,
}

/// Starts all backends on a thread of their own, which ends with the process.
pub(super) fn start() -> Result<Origins> {
    let listeners = NAMES.map(|_| bind());
    let websocket = bind()?;
    let mut http = [0; NAMES.len()];
    let mut named = Vec::new();
    for ((name, listener), port) in NAMES.into_iter().zip(listeners).zip(&mut http) {
        let listener = listener?;
        *port = listener.local_addr()?.port();
        named.push((name, listener));
    }
    let origins = Origins { http, websocket: websocket.local_addr()?.port() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::spawn(move || {
        runtime.block_on(async {
            for (name, listener) in named {
                tokio::spawn(accept(listener, move |connection| answer(connection, name)));
            }
            accept(websocket, echo).await
        })
    });
    Ok(origins)
}

fn bind() -> Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn accept<F>(listener: TcpListener, serve: impl Fn(TcpStream) -> F) -> Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (connection, _) = listener.accept().await?;
        connection.set_nodelay(true)?;
        tokio::spawn(serve(connection));
    }
}

async fn answer(mut connection: TcpStream, name: &str) {
    let response =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{name}", name.len());
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = connection.read(&mut buffer).await {
        head.extend_from_slice(&buffer[..read]);
        // A proxy does not pipeline: what ends with an empty line is one request.
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            if connection.write_all(response.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

async fn echo(connection: TcpStream) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(connection).await else { return };
    while let Some(Ok(message)) = socket.next().await {
        if message.is_close() || socket.send(message).await.is_err() {
            return;
        }
    }
}
