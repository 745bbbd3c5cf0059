//! An HTTP/1.1 client that writes raw bytes.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
};

use super::{PATIENCE, shown};

/// A connection to the gateway, plain or inside TLS.
pub(crate) struct Client<S = TcpStream> {
    pub(crate) stream: S,
    unread: Vec<u8>,
}

/// A final response; interim ones before it are kept apart.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Status line and fields, verbatim, with the empty line.
    pub(crate) head: String,
    /// Without framing.
    pub(crate) body: Vec<u8>,
    /// Verbatim, without the empty line.
    pub(crate) trailers: String,
    /// Statuses of the interim responses before it.
    pub(crate) interim: Vec<u16>,
}

impl Response {
    /// Returns the values of a field in order.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        self.head
            .split("\r\n")
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .filter(|(have, _)| have.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }

    pub(crate) fn closes(&self) -> bool {
        self.values("connection").iter().any(|value| value.eq_ignore_ascii_case("close"))
    }

    pub(crate) fn text(&self) -> String {
        shown(&self.body)
    }
}

impl Client<TcpStream> {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the gateway listens");
        stream.set_nodelay(true).expect("a connected socket takes options");
        stream.set_read_timeout(Some(PATIENCE)).expect("a connected socket takes options");
        stream.set_write_timeout(Some(PATIENCE)).expect("a connected socket takes options");
        Self::over(stream)
    }

    /// Ends the sending side; answers can still be read.
    pub(crate) fn finish(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

impl<S: Read + Write> Client<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self { stream, unread: Vec::new() }
    }

    /// Writes everything in one go. A gateway that has heard enough may close in the middle: that is not this
    /// function's to judge.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
        let _ = self.stream.flush();
    }

    /// Writes in pieces of `size` bytes, so that the gateway reads it in pieces too.
    pub(crate) fn send_in_pieces(&mut self, bytes: &[u8], size: usize) {
        for piece in bytes.chunks(size) {
            if self.stream.write_all(piece).and_then(|()| self.stream.flush()).is_err() {
                return;
            }
            std::thread::yield_now();
        }
    }

    /// Reads the response to a request that may have a body in its answer.
    pub(crate) fn receive(&mut self) -> Response {
        self.receive_for("GET")
    }

    pub(crate) fn receive_for(&mut self, method: &str) -> Response {
        self.try_receive(method).unwrap_or_else(|seen| panic!("no whole response; received \"{}\"", shown(&seen)))
    }

    /// Reads a response, or what there was of one when the connection ended.
    pub(crate) fn try_receive(&mut self, method: &str) -> Result<Response, Vec<u8>> {
        let mut interim = Vec::new();
        loop {
            let head = self.read_until(b"\r\n\r\n")?;
            let head = String::from_utf8_lossy(&head).into_owned();
            let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
            let status: u16 = status.ok_or_else(|| head.clone().into_bytes())?;
            if (100..200).contains(&status) && status != 101 {
                interim.push(status);
                continue;
            }
            let mut response = Response { status, head, body: Vec::new(), trailers: String::new(), interim };
            self.read_body(method, &mut response)?;
            return Ok(response);
        }
    }

    fn read_body(&mut self, method: &str, response: &mut Response) -> Result<(), Vec<u8>> {
        if method == "HEAD" || matches!(response.status, 101 | 204 | 304) {
            return Ok(());
        }
        if response.values("transfer-encoding").contains(&"chunked") {
            return self.read_chunks(response);
        }
        let length =
            response.values("content-length").first().map(|length| length.parse().expect("the gateway's own number"));
        response.body = match length {
            Some(length) => self.read_exactly(length)?,
            None => self.read_to_end(),
        };
        Ok(())
    }

    fn read_chunks(&mut self, response: &mut Response) -> Result<(), Vec<u8>> {
        loop {
            let line = self.read_until(b"\r\n")?;
            let size = str::from_utf8(&line).ok().and_then(|line| usize::from_str_radix(line.trim_end(), 16).ok());
            let size = size.unwrap_or_else(|| panic!("no chunk size: \"{}\"", shown(&line)));
            if size == 0 {
                break;
            }
            response.body.extend(self.read_exactly(size)?);
            assert_eq!(self.read_exactly(2)?, b"\r\n", "after a chunk");
        }
        loop {
            let line = self.read_until(b"\r\n")?;
            if line == b"\r\n" {
                return Ok(());
            }
            response.trailers.push_str(&String::from_utf8_lossy(&line));
        }
    }

    /// Reads until the gateway closes; a reset counts as its end.
    pub(crate) fn read_to_end(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.unread)
    }

    pub(crate) fn read_exactly(&mut self, length: usize) -> Result<Vec<u8>, Vec<u8>> {
        while self.unread.len() < length {
            if !self.fill() {
                return Err(std::mem::take(&mut self.unread));
            }
        }
        Ok(self.unread.drain(..length).collect())
    }

    fn read_until(&mut self, end: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
        loop {
            if let Some(at) = self.unread.windows(end.len()).position(|window| window == end) {
                return Ok(self.unread.drain(..at + end.len()).collect());
            }
            if !self.fill() {
                return Err(std::mem::take(&mut self.unread));
            }
        }
    }

    /// Reads more bytes; whether there were any before the end.
    fn fill(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(count) => {
                    self.unread.extend_from_slice(&buffer[..count]);
                    return count > 0;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    panic!("the gateway neither answered nor closed; received \"{}\"", shown(&self.unread));
                }
                Err(_) => return false,
            }
        }
    }
}
