//! Asks a running process for its status.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, bail};

use crate::report::StatusReport;

/// How long the process may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of an answer: what 40,000 routes with a few conditions each come to, and half as much again.
const ANSWER_BYTES_MAX: u64 = 256 * 1024 * 1024;

pub(super) fn ask(admin: SocketAddr) -> anyhow::Result<StatusReport> {
    let body = get(admin, "/status").with_context(|| {
        format!(
            "no answer from {admin}. Is `gatewright run` running, with its admin listener there (--admin)? \
             `gatewright status PATH` needs no running process"
        )
    })?;
    serde_json::from_str(&body).context("the answer is no status; is that another version of Gatewright?")
}

fn get(admin: SocketAddr, path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect_timeout(&admin, ANSWER_TIMEOUT)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {admin}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200 ") => Ok(body.to_owned()),
        _ => bail!("it answered {:?}", answer.lines().next().unwrap_or_default()),
    }
}
