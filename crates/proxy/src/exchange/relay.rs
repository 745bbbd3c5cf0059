//! Both bodies at once, until the response is through.

use std::future::poll_fn;
use std::task::{Poll, ready};

use super::attempt::overdue;
use super::forward::Exchange;
use super::trial::Trial;
use crate::downstream::Downstream;
use crate::failure::Failure;
use crate::forward::{Pump, Stopped};
use crate::upstream::Upstream;

impl<D: Downstream> Exchange<'_, D> {
    /// Moves the response's body to the client, and what is left of the request's to the backend. Of a `tunnel` both
    /// must end; otherwise a response that is through ends the exchange, whatever is left of the request.
    pub(super) async fn relay(
        &mut self,
        upstream: &mut Upstream,
        trial: &mut Trial,
        tunnel: bool,
    ) -> Result<(), Failure> {
        let worker = self.worker;
        let mut download = Pump::default();
        let mut refused = None;
        let ended = poll_fn(|cx| {
            let mut scratch = worker.scratch.borrow_mut();
            self.poll_upload(cx, upstream, trial, &mut scratch, &mut refused)?;
            let before = download.bytes;
            let moved = download.poll(cx, upstream, self.client, &mut scratch, |_| {});
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
            ready!(self.watchdog.poll(cx));
            Poll::Ready(Err(overdue(trial)))
        })
        .await;
        self.account.response_bytes = download.bytes;
        ended
    }
}
