//! Both bodies at once, until the response is through.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, ready};

use super::attempt::overdue;
use super::farewell::{CLOSE, Farewell};
use super::forward::Exchange;
use super::trial::Trial;
use crate::downstream::Downstream;
use crate::failure::Failure;
use crate::forward::{Part, Pump, Stopped};
use crate::upstream::Upstream;

impl<D: Downstream> Exchange<'_, D> {
    /// Moves the response's body to the client, and what is left of the request's to the backend. Of a `tunnel` both
    /// must end, or a WebSocket's client must have answered the farewell; otherwise a response that is through ends the
    /// exchange, whatever is left of the request.
    pub(super) async fn relay(
        &mut self,
        upstream: &mut Upstream,
        trial: &mut Trial,
        tunnel: bool,
    ) -> Result<(), Failure> {
        let worker = self.worker;
        let mut download = Pump::default();
        let mut refused = None;
        let (mut last_call, mut is_late) = (pin!(worker.last_call()), false);
        let ended = poll_fn(|cx| {
            let mut scratch = worker.scratch.borrow_mut();
            self.poll_upload(cx, upstream, trial, &mut scratch, &mut refused)?;
            if let Some(farewell) = &mut trial.farewell
                && farewell.is_said
            {
                ready!(self.poll_parting(cx, farewell, trial.upload.is_done() || refused.is_some()))?;
                return Poll::Ready(Ok(()));
            }
            let before = download.bytes;
            let farewell = &mut trial.farewell;
            let moved = download.poll(cx, upstream, self.client, &mut scratch, |part| {
                if let (Some(farewell), Part::Bytes(bytes)) = (farewell.as_mut(), part) {
                    farewell.backend_says(bytes, worker.is_parting());
                }
            });
            if moved.is_pending() && download.bytes != before {
                trial.deadlines.progressed((!trial.upload.is_done()).then_some(trial.upload.bytes), &worker.limits);
                trial.deadlines.arm(self.watchdog);
            }
            match moved {
                Poll::Ready(Ok(())) if !tunnel || trial.upload.is_done() || refused.is_some() => {
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Err(Stopped::Source(failure) | Stopped::Sink(failure))) => {
                    return Poll::Ready(Err(failure));
                }
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
            if let Some(farewell) = &mut trial.farewell
                && {
                    is_late = is_late || last_call.as_mut().poll(cx).is_ready();
                    worker.is_parting() && farewell.is_due(is_late)
                }
            {
                self.client.write(cx, &CLOSE, false)?;
                farewell.is_said = true;
                // The client's answer may be there already.
                cx.waker().wake_by_ref();
            }
            ready!(self.watchdog.poll(cx));
            Poll::Ready(Err(overdue(trial)))
        })
        .await;
        self.account.response_bytes = download.bytes;
        ended
    }

    /// Ready when the client has answered the farewell, or has nothing more to say, and its side is ended.
    fn poll_parting(
        &mut self,
        cx: &mut Context<'_>,
        farewell: &mut Farewell,
        is_silent: bool,
    ) -> Poll<Result<(), Failure>> {
        ready!(self.client.poll_flush(cx))?;
        if !farewell.is_ended {
            if !farewell.from_client.has_closed() && !is_silent {
                return Poll::Pending;
            }
            self.client.finish(cx, None)?;
            farewell.is_ended = true;
        }
        self.client.poll_flush(cx)
    }
}
