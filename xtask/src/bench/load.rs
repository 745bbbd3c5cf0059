//! Load generators: what they are asked, and how their reports read.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::{HOST, LOAD_CORE, peer::Ports};
use crate::{origin, process};

/// Requests of one run of h2load over each of its connections. Some contenders say goodbye to a connection after 10,000,
/// and h2load counts as failed what it had meant to send there and did not.
const H2_CONNECTION_REQUESTS: u32 = 9_000;

/// A closed loop: every connection or stream asks again as soon as it was answered.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) enum Load {
    /// Small GETs on HTTP/1.1 keep-alive connections.
    Http1 { connections: u32 },
    /// GETs of [`origin::LARGE_BYTES`] on HTTP/1.1 keep-alive connections.
    LargeBodies { connections: u32 },
    /// Small GETs on HTTP/2 in plaintext by prior knowledge.
    H2c { connections: u32, streams: u32 },
    /// One small GET per TLS 1.3 connection, each with a full handshake.
    Handshakes { connections: u32 },
}

/// What a generator saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Count {
    pub(crate) answered: u64,
    /// Other statuses than 2xx, and connections that broke.
    pub(crate) failed: u64,
}

impl Load {
    /// Runs for `window`; a `script` of wrk's decides hosts and paths when given.
    pub(crate) fn run(self, ports: &Ports, script: Option<&Path>, window: Duration) -> Result<Count> {
        match self {
            Self::Http1 { connections } => {
                wrk(connections, &format!("http://127.0.0.1:{}/", ports.http1), None, script, window)
            }
            Self::LargeBodies { connections } => {
                let url = format!("http://127.0.0.1:{}{}", ports.http1, origin::LARGE_PATH);
                wrk(connections, &url, None, script, window)
            }
            Self::Handshakes { connections } => {
                let url = format!("https://127.0.0.1:{}/", ports.https);
                wrk(connections, &url, Some("Connection: close"), script, window)
            }
            Self::H2c { connections, streams } => h2load(connections, streams, ports.h2c, window),
        }
    }
}

fn wrk(connections: u32, url: &str, header: Option<&str>, script: Option<&Path>, window: Duration) -> Result<Count> {
    let mut command = process::pinned(LOAD_CORE, "wrk");
    // wrk counts in whole seconds.
    command.args(["--threads", "1", "--connections", &connections.to_string()]);
    command.args(["--duration", &format!("{}s", window.as_secs().max(1)), "--timeout", "10s"]);
    command.args(["--header", &format!("Host: {HOST}")]);
    command.args(header.iter().flat_map(|header| ["--header", header]));
    if let Some(script) = script {
        command.arg("--script").arg(script);
    }
    parse_wrk(&report_of("wrk", command.arg(url))?)
}

/// Runs h2load, each time on new connections, until the window is full.
fn h2load(connections: u32, streams: u32, port: u16, window: Duration) -> Result<Count> {
    let start = Instant::now();
    let mut sum = Count { answered: 0, failed: 0 };
    while start.elapsed() < window {
        let mut command = process::pinned(LOAD_CORE, "h2load");
        command.args(["--clients", &connections.to_string(), "--max-concurrent-streams", &streams.to_string()]);
        command.args(["--requests", &(connections * H2_CONNECTION_REQUESTS).to_string()]);
        command.args(["--header", &format!(":authority: {HOST}")]);
        let count = parse_h2load(&report_of("h2load", command.arg(format!("http://127.0.0.1:{port}/")))?)?;
        ensure!(count.answered > 0, "h2load ends without an answer");
        sum = Count { answered: sum.answered + count.answered, failed: sum.failed + count.failed };
    }
    Ok(sum)
}

fn report_of(name: &str, command: &mut std::process::Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {name}"))?;
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{name} failed: {report}{}", String::from_utf8_lossy(&output.stderr));
    Ok(report)
}

/// Reads `12345 requests in 3.00s, 1.2MB read` and the lines that wrk prints only when something failed.
fn parse_wrk(report: &str) -> Result<Count> {
    let answered = number_before(report, " requests in ").context("wrk says how many requests")?;
    let socket_errors = report.lines().find_map(|line| line.trim().strip_prefix("Socket errors:"));
    let broken: u64 = socket_errors.into_iter().flat_map(|errors| errors.split(',')).filter_map(last_number).sum();
    let refused = report.lines().find(|line| line.trim().starts_with("Non-2xx")).and_then(last_number).unwrap_or(0);
    Ok(Count { answered, failed: broken + refused })
}

/// Reads `requests: 9 total, 9 started, 9 done, 9 succeeded, 0 failed, 0 errored, 0 timeout` and the statuses.
fn parse_h2load(report: &str) -> Result<Count> {
    let requests = report.lines().find(|line| line.starts_with("requests:")).context("h2load counts requests")?;
    let statuses = report.lines().find(|line| line.starts_with("status codes:")).context("h2load counts statuses")?;
    let answered = number_before(statuses, " 2xx").context("h2load counts 2xx")?;
    let refused: u64 = [" 3xx", " 4xx", " 5xx"].iter().filter_map(|class| number_before(statuses, class)).sum();
    Ok(Count { answered, failed: refused + number_before(requests, " errored").unwrap_or(0) })
}

fn number_before(text: &str, mark: &str) -> Option<u64> {
    text[..text.find(mark)?].rsplit([' ', '\n']).next()?.parse().ok()
}

fn last_number(text: &str) -> Option<u64> {
    text.rsplit(' ').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_wrk() {
        let clean = "Running 3s test @ http://127.0.0.1:1/\n  1 threads and 64 connections\n  81234 requests in 3.00s, 9.1MB read\n";
        assert_eq!(parse_wrk(clean).unwrap(), Count { answered: 81234, failed: 0 });
        let broken = "  10 requests in 3.00s, 1KB read\n  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 5\n";
        assert_eq!(parse_wrk(broken).unwrap(), Count { answered: 10, failed: 15 });
        assert!(parse_wrk("unable to connect").is_err());
    }

    #[test]
    fn reads_h2load() {
        let report = "finished in 3.00s, 2.00 req/s\nrequests: 9 total, 9 started, 8 done, 7 succeeded, 2 failed, 1 errored, 0 timeout\nstatus codes: 7 2xx, 0 3xx, 0 4xx, 1 5xx\n";
        assert_eq!(parse_h2load(report).unwrap(), Count { answered: 7, failed: 2 });
    }
}
