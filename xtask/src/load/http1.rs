//! HTTP/1.1, one request at a time per connection.

use anyhow::{Result, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Duration, Job, PATHS, Schedule, Via, in_time};
use crate::response::Response;

/// Asks on a connection that is kept, or on a new one each time.
pub(super) async fn keep_asking(job: &Job, period: Duration, fresh: bool) {
    let via = if fresh { Via::Http1Fresh } else { Via::Http1 };
    let mut schedule = Schedule::new(period);
    let mut kept = None;
    let mut paths = PATHS.iter().cycle();
    while let (Some(due), Some(path)) = (schedule.wait(job).await, paths.next()) {
        let result = in_time(ask(job, kept.take(), path)).await;
        job.record(via, due, &result.as_ref().map(|_| ()).map_err(|error| anyhow::anyhow!("{error:#}")));
        if let (Ok(connection), false) = (result, fresh) {
            kept = connection;
        }
    }
}

/// Returns the connection, unless the answer says that it closes.
async fn ask(job: &Job, kept: Option<TcpStream>, path: &str) -> Result<Option<TcpStream>> {
    let mut connection = match kept {
        Some(connection) => connection,
        None => job.connect(job.target.http).await?,
    };
    connection.write_all(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", job.target.host).as_bytes()).await?;
    let mut bytes = Vec::with_capacity(1024);
    let response = loop {
        if let Some(response) = Response::take(&mut bytes)? {
            break response;
        }
        ensure!(connection.read_buf(&mut bytes).await? > 0, "the connection ended without an answer");
    };
    ensure!(response.status == 200, "answered with {}", response.status);
    let closes = response.field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Ok((!closes).then_some(connection))
}
