//! A WebSocket that is never given up: every message must come back, however often its route was edited meanwhile.

use anyhow::{Context, Result, ensure};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

use super::{Duration, Job, Schedule, Via, in_time};

pub(super) async fn keep_asking(job: &Job, period: Duration) {
    let mut schedule = Schedule::new(period);
    let mut socket = None;
    let mut number = 0_u64;
    while let Some(due) = schedule.wait(job).await {
        number += 1;
        let result = in_time(echo(job, &mut socket, number)).await;
        if result.is_err() {
            socket = None;
        }
        job.record(Via::WebSocket, due, &result);
    }
}

async fn echo(job: &Job, socket: &mut Option<WebSocketStream<TcpStream>>, number: u64) -> Result<()> {
    let socket = match socket {
        Some(socket) => socket,
        None => {
            let connection = job.connect(job.target.http).await?;
            let (opened, _) =
                tokio_tungstenite::client_async(format!("ws://{}/socket", job.target.host), connection).await?;
            socket.insert(opened)
        }
    };
    let sent = Message::text(number.to_string());
    socket.send(sent.clone()).await?;
    let received = socket.next().await.context("the WebSocket was cut")??;
    ensure!(received == sent, "{sent} came back as {received}");
    Ok(())
}
