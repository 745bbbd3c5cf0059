//! The backend of measurements: reads heads, answers each with the same bytes, and does nothing else.
//!
//! It runs as a process of its own so that it can be pinned to a core, and ends when its standard input closes, so that
//! it cannot outlive the command that started it. It refuses to know about request bodies.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr},
    process::Stdio,
};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::process::{self, Process};

/// Requests for paths that begin so are answered with [`LARGE_BYTES`]; all others with a few bytes.
pub(crate) const LARGE_PATH: &str = "/large";
pub(crate) const LARGE_BYTES: usize = 1024 * 1024;
const SMALL_BYTES: usize = 13;

#[derive(clap::Args)]
pub(crate) struct Args {}

/// A running origin and where it listens.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    _process: Process,
}

/// Starts an origin pinned to `core`.
pub(crate) fn start(core: usize) -> Result<Origin> {
    let mut command = process::pinned(core, std::env::current_exe()?);
    command.arg("origin").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = Process::start("origin", command)?;
    let address = process.read_line()?.trim().parse().context("the origin prints its address first")?;
    Ok(Origin { address, _process: process })
}

pub(crate) fn run(Args {}: &Args) -> Result<()> {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("{}", listener.local_addr()?);
        std::io::stdout().flush()?;
        let replies: &'static Replies = Box::leak(Box::new(Replies::new()));
        loop {
            let (connection, _) = listener.accept().await?;
            connection.set_nodelay(true)?;
            tokio::spawn(answer(connection, replies));
        }
    })
}

/// The two responses, as they go onto the wire.
struct Replies {
    small: Vec<u8>,
    large: Vec<u8>,
}

impl Replies {
    fn new() -> Self {
        Self { small: response(SMALL_BYTES), large: response(LARGE_BYTES) }
    }

    fn of(&self, head: &[u8]) -> &[u8] {
        let path = head.strip_prefix(b"GET ").unwrap_or_default();
        if path.starts_with(LARGE_PATH.as_bytes()) { &self.large } else { &self.small }
    }
}

fn response(body_bytes: usize) -> Vec<u8> {
    let mut response =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {body_bytes}\r\n\r\n").into_bytes();
    response.resize(response.len() + body_bytes, b'x');
    response
}

async fn answer(mut connection: TcpStream, replies: &Replies) {
    let mut buffer = [0; 8 * 1024];
    let mut held = 0;
    while let Ok(read @ 1..) = connection.read(&mut buffer[held..]).await {
        held += read;
        let mut start = 0;
        while let Some(end) = head_end(&buffer[start..held]) {
            if connection.write_all(replies.of(&buffer[start..])).await.is_err() {
                return;
            }
            start += end;
        }
        buffer.copy_within(start..held, 0);
        held -= start;
        if held == buffer.len() {
            return;
        }
    }
}

/// Says where the first head ends, its empty line included.
fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|position| position + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_end_of_a_head() {
        assert_eq!(head_end(b""), None);
        assert_eq!(head_end(b"GET / HTTP/1.1\r\nHost: a\r\n"), None);
        assert_eq!(head_end(b"GET / HTTP/1.1\r\n\r\nGET"), Some(18));
    }

    #[test]
    fn path_chooses_the_reply() {
        let replies = Replies::new();
        assert!(replies.of(b"GET / HTTP/1.1\r\n\r\n").ends_with(b"Content-Length: 13\r\n\r\nxxxxxxxxxxxxx"));
        assert!(replies.of(b"GET /large HTTP/1.1\r\n\r\n").len() > LARGE_BYTES);
    }
}
