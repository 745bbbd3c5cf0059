//! A request of the gateway's own beside the client's: a mirror's copy, or a question to an authorization server.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, ready};

use crate::failure::Failure;
use crate::forward::{Pump, Stopped};
use crate::message::{BodyLength, Fields, Read, RequestHead, ResponseHead, Source};
use crate::upstream::Upstream;
use crate::worker::Worker;

/// Sends the request and waits for its response's head, interim ones passed over. A backend that takes no more of the
/// body may still answer.
pub(super) async fn send(
    worker: &Rc<Worker>,
    upstream: &mut Upstream,
    head: &RequestHead,
    body: &mut impl Source,
) -> Result<ResponseHead, Failure> {
    poll_fn(|cx| upstream.send_head(cx, head).into()).await?;
    let has_body = !matches!(head.body, BodyLength::Empty | BodyLength::Known(0));
    let mut upload = if has_body { Pump::default() } else { Pump::done() };
    let mut refused = false;
    let mut response = ResponseHead::default();
    poll_fn(|cx| {
        let mut scratch = worker.scratch.borrow_mut();
        if !upload.is_done() && !refused {
            match upload.poll(cx, body, upstream, &mut scratch, |_| {}) {
                Poll::Ready(Err(Stopped::Source(failure))) => return Poll::Ready(Err(failure)),
                Poll::Ready(Err(Stopped::Sink(_))) => refused = true,
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
        }
        loop {
            ready!(upstream.poll_response(cx, &mut response, &mut scratch))?;
            if response.status >= 200 {
                return Poll::Ready(Ok(()));
            }
        }
    })
    .await?;
    Ok(response)
}

/// Reads the response's body to its end, and returns its trailers. `take` sees the pieces, and may end it.
pub(super) async fn read(
    worker: &Rc<Worker>,
    upstream: &mut Upstream,
    response: &ResponseHead,
    mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<Option<Fields>, Failure> {
    if response.body == BodyLength::Empty {
        return Ok(None);
    }
    poll_fn(|cx| {
        let mut scratch = worker.scratch.borrow_mut();
        loop {
            match ready!(upstream.poll_read(cx, &mut scratch))? {
                Read::Data { bytes, last } => {
                    take(&scratch[..bytes])?;
                    if last {
                        return Poll::Ready(Ok(None));
                    }
                }
                Read::Trailers(trailers) => return Poll::Ready(Ok(Some(trailers))),
                Read::End => return Poll::Ready(Ok(None)),
            }
        }
    })
    .await
}
