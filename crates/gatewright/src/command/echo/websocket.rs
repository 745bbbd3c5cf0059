//! WebSocket for the echo backend (RFC 6455): every message comes back as it was.

use std::io;

use aws_lc_rs::digest;
use base64::{Engine, prelude::BASE64_STANDARD};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use super::{BODY_BYTES_MAX, IDLE_TIMEOUT};

/// RFC 6455 §1.3.
const ACCEPT_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const OPCODE_CLOSE: u8 = 0x8;
const OPCODE_PING: u8 = 0x9;
const OPCODE_PONG: u8 = 0xA;

/// Accepts the handshake and echoes until the client closes.
pub(super) async fn serve(mut stream: BufReader<TcpStream>, key: &str) -> anyhow::Result<()> {
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{ACCEPT_SUFFIX}").as_bytes());
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: {}\r\n\r\n",
        BASE64_STANDARD.encode(hash)
    );
    stream.write_all(head.as_bytes()).await?;
    loop {
        let (first, payload) = timeout(IDLE_TIMEOUT, read_frame(&mut stream)).await??;
        match first & 0x0f {
            OPCODE_PONG => {}
            OPCODE_PING => write_frame(&mut stream, first & 0xf0 | OPCODE_PONG, &payload).await?,
            OPCODE_CLOSE => {
                write_frame(&mut stream, first, &payload).await?;
                return Ok(stream.shutdown().await?);
            }
            _ => write_frame(&mut stream, first, &payload).await?,
        }
    }
}

/// Returns a frame's first byte and its payload, unmasked (RFC 6455 §5.2).
async fn read_frame(stream: &mut BufReader<TcpStream>) -> io::Result<(u8, Vec<u8>)> {
    let first = stream.read_u8().await?;
    let second = stream.read_u8().await?;
    let length = match second & 0x7f {
        126 => u64::from(stream.read_u16().await?),
        127 => stream.read_u64().await?,
        short => u64::from(short),
    };
    if length > BODY_BYTES_MAX as u64 {
        return Err(io::Error::other("frame too large"));
    }
    let mut mask = [0; 4];
    if second & 0x80 != 0 {
        stream.read_exact(&mut mask).await?;
    }
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload).await?;
    payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    Ok((first, payload))
}

async fn write_frame(stream: &mut BufReader<TcpStream>, first: u8, payload: &[u8]) -> io::Result<()> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(length as u8),
        length @ 126..=0xffff => {
            frame.push(126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    stream.write_all(&frame).await
}
