//! HTTP/2, in plaintext by prior knowledge or in TLS by ALPN; requests of a connection overlap.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinSet,
};
use tokio_rustls::TlsConnector;

use super::{Duration, Job, PATHS, Schedule, Via, in_time};

/// Requests after which a TLS connection is given up for a new one, so that rotation meets handshakes.
const REQUESTS_PER_TLS_CONNECTION: usize = 50;

pub(super) async fn keep_asking(job: &Job, period: Duration, tls: bool) {
    let via = if tls { Via::H2Tls } else { Via::H2c };
    let mut schedule = Schedule::new(period);
    let mut running = JoinSet::new();
    let mut paths = PATHS.iter().cycle();
    let mut connection: Option<SendRequest<Bytes>> = None;
    let mut asked = 0;
    while let (Some(due), Some(path)) = (schedule.wait(job).await, paths.next()) {
        if tls && asked % REQUESTS_PER_TLS_CONNECTION == 0 {
            connection = None;
        }
        asked += 1;
        let ready = match in_time(ready(job, connection.take(), tls)).await {
            Ok(ready) => ready,
            Err(error) => {
                job.record(via, due, &Err(error));
                continue;
            }
        };
        connection = Some(ready.clone());
        let job = job.clone();
        let url = format!("{}://{}{path}", if tls { "https" } else { "http" }, job.target.host);
        running.spawn(async move { job.record(via, due, &in_time(ask(ready, &url)).await) });
        while running.try_join_next().is_some() {}
    }
    running.join_all().await;
}

/// Returns a connection that takes another request: a new one when the kept one was told to go away.
pub(super) async fn ready(job: &Job, kept: Option<SendRequest<Bytes>>, tls: bool) -> Result<SendRequest<Bytes>> {
    if let Some(kept) = kept
        && let Ok(ready) = kept.ready().await
    {
        return Ok(ready);
    }
    if !tls {
        return handshake(job.connect(job.target.http).await?).await;
    }
    let connection = job.connect(job.target.https).await?;
    let name = ServerName::try_from(job.target.host)?;
    handshake(TlsConnector::from(job.tls.clone()).connect(name, connection).await.context("TLS handshake")?).await
}

async fn handshake(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<SendRequest<Bytes>> {
    let (sender, connection) = h2::client::handshake(stream).await.context("HTTP/2 handshake")?;
    tokio::spawn(connection);
    Ok(sender.ready().await?)
}

async fn ask(mut connection: SendRequest<Bytes>, url: &str) -> Result<()> {
    let request = Request::get(url).body(())?;
    let (response, _) = connection.send_request(request, true)?;
    let response = response.await?;
    ensure!(response.status() == 200, "answered with {}", response.status());
    let mut body = response.into_body();
    while let Some(data) = body.data().await {
        let bytes = data?.len();
        let _ = body.flow_control().release_capacity(bytes);
    }
    Ok(())
}
