//! As much of HTTP/1.1 as the admin listener needs: a GET or HEAD without a body, strictly read, and one answer.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Shutdown, TcpStream},
};

use super::Answer;

/// Bytes of a request's head; a probe's or browser's has a few hundred.
const HEAD_BYTES_MAX: usize = 8 * 1024;

pub(super) struct Request {
    /// Without its query.
    pub(super) path: String,
    /// False for HEAD.
    pub(super) wants_body: bool,
}

/// Why a request is not answered as asked.
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) message: &'static str,
}

/// Reads one request.
///
/// # Errors
/// When the client goes away or is too slow.
pub(super) fn read(mut stream: &TcpStream) -> io::Result<Result<Request, Refusal>> {
    let mut head = Vec::with_capacity(1024);
    let mut buffer = [0; 1024];
    loop {
        if let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") {
            return Ok(parse(&head[..end]));
        }
        if head.len() > HEAD_BYTES_MAX {
            return Ok(Err(Refusal { status: 431, message: "request head too large\n" }));
        }
        match stream.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => head.extend_from_slice(&buffer[..count]),
        }
    }
}

/// Parses a head without its last empty line.
pub(super) fn parse(head: &[u8]) -> Result<Request, Refusal> {
    let bad = Refusal { status: 400, message: "malformed request\n" };
    let Ok(head) = std::str::from_utf8(head) else { return Err(bad) };
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some("HTTP/1.1" | "HTTP/1.0"), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(bad);
    };
    if !matches!(method, "GET" | "HEAD") {
        return Err(Refusal { status: 405, message: "only GET and HEAD are answered here\n" });
    }
    let mut host = None;
    for line in lines {
        match line.split_once(':') {
            Some((name, _)) if name.is_empty() || name.ends_with(|last: char| last.is_ascii_whitespace()) => {
                return Err(bad);
            }
            Some((name, value)) if name.eq_ignore_ascii_case("host") => host = Some(value.trim()),
            Some(_) => {}
            None => return Err(bad),
        }
    }
    if !host.is_none_or(names_this_machine) {
        return Err(Refusal { status: 421, message: "ask for an IP address or localhost\n" });
    }
    if !target.starts_with('/') {
        return Err(bad);
    }
    let path = target.split('?').next().unwrap_or_default().to_owned();
    Ok(Request { path, wants_body: method == "GET" })
}

/// Whether `host` is an address or `localhost`: a web page that has its own name resolve to this machine gets nothing
/// from here.
fn names_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}

/// Sends `answer` and closes the connection.
pub(super) fn write(mut stream: &TcpStream, answer: &Answer, has_body: bool) -> io::Result<()> {
    let reason = match answer.status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        421 => "Misdirected Request",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    };
    let head = format!(
        "HTTP/1.1 {} {reason}\r\ncontent-type: {}\r\ncontent-length: {}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n",
        answer.status,
        answer.content_type,
        answer.body.len()
    );
    let body = if has_body { &*answer.body } else { "" };
    stream.write_all(format!("{head}{body}").as_bytes())?;
    stream.shutdown(Shutdown::Write)
}
