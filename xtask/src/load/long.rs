//! HTTP/1.1 requests that last: the second half of the body comes late, and the answer after it.

use anyhow::{Context, Result, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::sleep,
};

use super::{Job, LASTS, Schedule, Via, in_time};
use crate::response::Response;

pub(super) async fn keep_asking(job: &Job) {
    let mut schedule = Schedule::new(LASTS);
    while let Some(due) = schedule.wait(job).await {
        job.record(Via::Http1Long, due, &ask(job).await);
    }
}

async fn ask(job: &Job) -> Result<()> {
    let mut connection = in_time(job.connect(job.target.http)).await?;
    let head = format!("POST /load HTTP/1.1\r\nHost: {}\r\nContent-Length: 10\r\n\r\nfirst", job.target.host);
    connection.write_all(head.as_bytes()).await?;
    sleep(LASTS).await;
    connection.write_all(b" last").await.context("the connection ended in the middle of the request")?;
    let mut bytes = Vec::with_capacity(1024);
    let response = in_time(async {
        loop {
            if let Some(response) = Response::take(&mut bytes)? {
                return Ok(response);
            }
            ensure!(connection.read_buf(&mut bytes).await? > 0, "the connection ended without an answer");
        }
    })
    .await?;
    ensure!(response.status == 200, "answered with {}", response.status);
    Ok(())
}
