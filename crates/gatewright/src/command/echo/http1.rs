//! HTTP/1.1 for the echo backend: one request after another, each answered when its body is in.

use std::io;

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use super::{BODY_BYTES_MAX, IDLE_TIMEOUT, Request, websocket};

/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 64 * 1024;

pub(super) async fn serve(stream: TcpStream, name: &str) -> anyhow::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(mut request) = timeout(IDLE_TIMEOUT, read_head(&mut stream)).await?? {
        if request.header("upgrade").is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket")) {
            return websocket::serve(stream, request.header("sec-websocket-key").unwrap_or_default()).await;
        }
        if request.header("expect").is_some() {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        timeout(IDLE_TIMEOUT, read_body(&mut stream, &mut request)).await??;
        let body = request.describe(name);
        let close = request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{}\r\n",
            body.len(),
            if close { "connection: close\r\n" } else { "" }
        );
        let body = if request.method == "HEAD" { "" } else { &body };
        stream.write_all(format!("{head}{body}").as_bytes()).await?;
        if close {
            return Ok(stream.shutdown().await?);
        }
    }
    Ok(())
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Returns the next request without its body, or `None` when the client is done.
async fn read_head(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut left = HEAD_BYTES_MAX;
    let first = read_line(stream, &mut left).await?;
    let mut words = first.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return if first.is_empty() { Ok(None) } else { Err(io::Error::other("no request line")) };
    };
    let mut request = Request {
        method: method.into(),
        target: target.into(),
        protocol: "HTTP/1.1",
        host: String::new(),
        headers: Vec::new(),
        body: Vec::new(),
        body_bytes: 0,
    };
    loop {
        let line = read_line(stream, &mut left).await?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| io::Error::other("no field line"))?;
        request.headers.push((name.into(), value.trim().into()));
    }
    request.host = request.header("host").unwrap_or_default().to_owned();
    Ok(Some(request))
}

async fn read_line(stream: &mut BufReader<TcpStream>, left: &mut usize) -> io::Result<String> {
    let mut line = Vec::new();
    let read = stream.take(*left as u64).read_until(b'\n', &mut line).await?;
    *left -= read;
    if *left == 0 {
        return Err(io::Error::other("head too large"));
    }
    while line.ends_with(b"\n") || line.ends_with(b"\r") {
        line.pop();
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

async fn read_body(stream: &mut BufReader<TcpStream>, request: &mut Request) -> io::Result<()> {
    if request.header("transfer-encoding").is_none() {
        let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        return read_part(stream, request, length).await;
    }
    loop {
        let mut left = HEAD_BYTES_MAX;
        let line = read_line(stream, &mut left).await?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let length = usize::from_str_radix(size, 16).map_err(|_| io::Error::other("no chunk size"))?;
        if length == 0 {
            while !read_line(stream, &mut left).await?.is_empty() {}
            return Ok(());
        }
        read_part(stream, request, length).await?;
        read_line(stream, &mut left).await?;
    }
}

/// Reads `length` bytes of the body, and keeps what may be kept.
async fn read_part(stream: &mut BufReader<TcpStream>, request: &mut Request, length: usize) -> io::Result<()> {
    let mut left = length;
    let mut buffer = [0; 16 * 1024];
    while left > 0 {
        let most = left.min(buffer.len());
        let read = stream.read(&mut buffer[..most]).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let keep = read.min(BODY_BYTES_MAX - request.body.len());
        request.body.extend_from_slice(&buffer[..keep]);
        request.body_bytes += read;
        left -= read;
    }
    Ok(())
}
