//! As much of HTTP/1.1 as the commands need to read what came back: status, fields, and a body with Content-Length.

use std::io::{self, Read};

use anyhow::{Context, Result, ensure};

/// A whole response.
#[derive(Debug, PartialEq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Status line and fields, without the empty line.
    head: String,
    pub(crate) body: Vec<u8>,
}

/// A response's head, and how many bytes it and the body take.
struct Frame {
    status: u16,
    head_bytes: usize,
    total_bytes: usize,
}

impl Response {
    /// Takes one response from the front of `bytes`; `None` when it is not whole yet.
    pub(crate) fn take(bytes: &mut Vec<u8>) -> Result<Option<Self>> {
        let Some(Frame { status, head_bytes, total_bytes }) = frame(bytes)? else { return Ok(None) };
        if bytes.len() < total_bytes {
            return Ok(None);
        }
        let rest = bytes.split_off(total_bytes);
        let body = bytes.split_off(head_bytes + 4);
        bytes.truncate(head_bytes);
        let head = String::from_utf8(std::mem::replace(bytes, rest)).context("a head is ASCII")?;
        Ok(Some(Self { status, head, body }))
    }

    /// Reads from a blocking connection until a response is whole.
    pub(crate) fn read(connection: &mut impl Read) -> Result<Self> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            if let Some(response) = Self::take(&mut bytes)? {
                return Ok(response);
            }
            let read = connection.read(&mut buffer)?;
            ensure!(read > 0, io::Error::from(io::ErrorKind::UnexpectedEof));
            bytes.extend_from_slice(&buffer[..read]);
        }
    }

    /// Returns the value of a field; names are compared as the protocol says, without case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        field(&self.head, name)
    }
}

fn frame(bytes: &[u8]) -> Result<Option<Frame>> {
    let Some(head_bytes) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..head_bytes]).context("a head is ASCII")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("a response has a status")?;
    let body_bytes: usize = match field(head, "content-length") {
        Some(length) => length.parse().context("Content-Length is a number")?,
        None => 0,
    };
    Ok(Some(Frame { status, head_bytes, total_bytes: head_bytes + 4 + body_bytes }))
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n")
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_whole_responses_and_leaves_the_rest() {
        let mut bytes = b"HTTP/1.1 200 OK\r\nX-Edit: 7\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 404".to_vec();
        let response = Response::take(&mut bytes).unwrap().unwrap();
        assert_eq!((response.status, response.field("x-edit"), &response.body[..]), (200, Some("7"), &b"ok"[..]));
        assert_eq!(bytes, b"HTTP/1.1 404");
        assert_eq!(Response::take(&mut bytes).unwrap(), None);
    }

    #[test]
    fn waits_for_the_body() {
        let mut bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok".to_vec();
        assert_eq!(Response::take(&mut bytes).unwrap(), None);
        assert!(bytes.ends_with(b"ok"), "nothing is lost while waiting");
    }

    #[test]
    fn what_is_no_response_is_an_error() {
        assert!(Response::take(&mut b"SSH-2.0\r\n\r\n".to_vec()).is_err());
        assert!(Response::read(&mut &b"HTTP/1.1 200 OK\r\n"[..]).is_err(), "the connection ended");
    }
}
