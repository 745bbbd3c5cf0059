//! A WebSocket that is never given up: every message must come back, however often its route was edited meanwhile. Where
//! gateways may go, one may be closed in order between two messages (status 1001), and is opened anew.

use anyhow::{Context, Result, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{self, Message, protocol::frame::coding::CloseCode},
};

use super::{Duration, Instant, Job, Schedule, Via, in_time};

pub(super) async fn keep_asking(job: &Job, period: Duration) {
    let mut schedule = Schedule::new(period);
    let mut socket = None;
    let mut number = 0_u64;
    loop {
        let due = tokio::select! {
            due = schedule.wait(job) => due,
            said = hear(&mut socket), if job.target.may_go => {
                let parted = part(socket.take(), said).await;
                if parted.is_err() {
                    job.record(Via::WebSocket, Instant::now(), &parted);
                }
                continue;
            }
        };
        let Some(due) = due else { return };
        number += 1;
        let result = in_time(echo(job, &mut socket, number)).await;
        if result.is_err() {
            socket = None;
        }
        job.record(Via::WebSocket, due, &result);
    }
}

/// Waits for what comes unasked. Dropped before, nothing is lost.
async fn hear(socket: &mut Option<WebSocketStream<TcpStream>>) -> Option<tungstenite::Result<Message>> {
    match socket {
        Some(socket) => socket.next().await,
        None => std::future::pending().await,
    }
}

/// Follows a socket to its end that was closed in order, by what it `said`, between two messages.
async fn part(socket: Option<WebSocketStream<TcpStream>>, said: Option<tungstenite::Result<Message>>) -> Result<()> {
    let said = said.context("the WebSocket was cut")??;
    let Message::Close(Some(frame)) = said else { bail!("{said} came unasked") };
    ensure!(frame.code == CloseCode::Away, "closed with {frame}");
    let mut socket = socket.context("there is one")?;
    while let Some(after) = in_time(async { Ok(socket.next().await) }).await? {
        after?;
    }
    Ok(())
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
