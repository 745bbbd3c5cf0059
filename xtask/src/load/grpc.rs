//! gRPC calls that last: messages go to and fro for a while, and the call ends with OK, whatever happens to its gateway.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use h2::{RecvStream, client::SendRequest};
use http::Request;
use tokio::time::sleep;

use super::{Job, LASTS, Schedule, Via, http2, in_time};

/// Messages of a call.
const MESSAGES: u32 = 12;
/// One message of eight bytes: not compressed, its length, itself.
const MESSAGE: [u8; 13] = *b"\0\0\0\0\x08messages";
/// The call that a GRPCRoute of the site must serve.
const CALL: &str = "/faults.Echo/Talk";

pub(super) async fn keep_calling(job: &Job) {
    let mut schedule = Schedule::new(LASTS);
    let mut connection = None;
    while let Some(due) = schedule.wait(job).await {
        let result = call(job, &mut connection).await;
        if result.is_err() {
            connection = None;
        }
        job.record(Via::Grpc, due, &result);
    }
}

async fn call(job: &Job, connection: &mut Option<SendRequest<Bytes>>) -> Result<()> {
    let mut ready = in_time(http2::ready(job, connection.take(), false)).await?;
    *connection = Some(ready.clone());
    let request = Request::post(format!("http://{}{CALL}", job.target.host));
    let request = request.header("content-type", "application/grpc").header("te", "trailers").body(())?;
    let (response, mut send) = ready.send_request(request, false)?;
    let response = in_time(async { Ok(response.await?) }).await?;
    ensure!(response.status() == 200, "answered with {}", response.status());
    let mut body = response.into_body();
    for _ in 0..MESSAGES {
        send.send_data(Bytes::from_static(&MESSAGE), false)?;
        in_time(receive(&mut body)).await?;
        sleep(LASTS / MESSAGES).await;
    }
    send.send_data(Bytes::new(), true)?;
    let trailers = in_time(async { Ok(body.trailers().await?) }).await?.context("the call ended without trailers")?;
    let status = trailers.get("grpc-status").context("the call has no status")?;
    ensure!(status == "0", "the call ended with status {status:?}");
    Ok(())
}

/// Takes one message.
async fn receive(body: &mut RecvStream) -> Result<()> {
    let mut received = 0;
    while received < MESSAGE.len() {
        let data = body.data().await.context("the call was cut")??;
        received += data.len();
        body.flow_control().release_capacity(data.len())?;
    }
    ensure!(received == MESSAGE.len(), "{received} bytes came back");
    Ok(())
}
