//! `gatewright echo`: a small backend that says what reached it.
//!
//! Speaks HTTP/1.1, HTTP/2 by prior knowledge, WebSocket and just enough gRPC to send messages back. For trying things
//! out, not for load: it keeps no limits beyond those that protect itself.

mod http1;
mod http2;
mod websocket;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    process::ExitCode,
    sync::Arc,
    thread,
    time::Duration,
};

use anyhow::Context;
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;

/// Answer every request with what was received, as JSON
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:3000", value_name = "ADDRESS")]
    listen: SocketAddr,

    /// How this instance calls itself in its answers
    #[arg(long, default_value = "echo")]
    name: String,
}

/// Bytes of a request body that are kept to be sent back; the rest is read and counted.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// How long a client may stay silent.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// Serves until the process ends.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let listener = TcpListener::bind(args.listen).with_context(|| format!("cannot listen on {}", args.listen))?;
    crate::output::news(&format!("{} listens on http://{}", args.name, listener.local_addr()?));
    serve(listener, &args.name.as_str().into())?;
    Ok(ExitCode::SUCCESS)
}

/// Serves in the background, for a `run` without a backend of its own, and returns where.
pub(crate) fn start(listen: SocketAddr, name: &str) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(listen)?;
    let address = listener.local_addr()?;
    let name: Arc<str> = name.into();
    thread::Builder::new().name("echo".into()).spawn(move || {
        if let Err(error) = serve(listener, &name) {
            tracing::error!(%error, "the echo backend ended");
        }
    })?;
    Ok(address)
}

fn serve(listener: TcpListener, name: &Arc<str>) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let name = name.clone();
                    tokio::spawn(async move {
                        if let Err(error) = connection(stream, &name).await {
                            tracing::debug!(%peer, %error, "echo");
                        }
                    });
                }
                // Out of descriptors, say: others may end meanwhile.
                Err(error) => {
                    tracing::warn!(%error, "echo cannot accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    })
}

/// HTTP/2 begins with a preface (RFC 9113 §3.4) that no HTTP/1.1 method shares.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

async fn connection(stream: TcpStream, name: &str) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut start = [0; PREFACE.len()];
    let mut seen = 0;
    // Peeks until the bytes are no preface or all of it.
    while start[..seen] == PREFACE[..seen] && seen < PREFACE.len() {
        let more = tokio::time::timeout(IDLE_TIMEOUT, stream.peek(&mut start)).await??;
        if more == 0 {
            return Ok(());
        }
        if more == seen {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        seen = more;
    }
    if start[..seen] == *PREFACE { http2::serve(stream, name).await } else { http1::serve(stream, name).await }
}

/// A request as it came.
struct Request {
    method: String,
    /// Path and query.
    target: String,
    protocol: &'static str,
    host: String,
    /// In order; one name may come several times.
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    body_bytes: usize,
}

impl Request {
    /// Returns the JSON that tells the client about its request.
    fn describe(&self, name: &str) -> String {
        let mut headers = Map::new();
        for (name, value) in &self.headers {
            let values = headers.entry(name.to_ascii_lowercase()).or_insert_with(|| json!([]));
            if let Value::Array(values) = values {
                values.push(json!(value));
            }
        }
        let answer = json!({
            "instance": name,
            "method": self.method,
            "path": self.target,
            "host": self.host,
            "protocol": self.protocol,
            "headers": headers,
            "bodyBytes": self.body_bytes,
            "body": String::from_utf8_lossy(&self.body),
        });
        format!("{answer:#}\n")
    }
}
