//! Tasks that serve one stream after the other.
//!
//! A task per stream would be allocated, copied and given a timer for every request, which costs about a tenth of
//! what a small request costs in all. So a task that is done waits for the next stream of its connection.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::{Handler, Stream};
use crate::message::{Refused, RequestHead};
use crate::watchdog::Watchdog;

/// Where a task's timer begins; every exchange sets it to its own deadlines.
const WATCHDOG_BEGINNING: Duration = Duration::from_secs(60);

/// One stream to serve. `guard` is dropped when it is done.
pub(super) struct Job<G> {
    pub(super) head: Result<Box<RequestHead>, Refused>,
    pub(super) stream: Stream,
    pub(super) guard: G,
}

/// The tasks of one connection.
pub(super) struct Lanes<H, G> {
    handler: Rc<H>,
    idle: Rc<Idle<G>>,
}

/// Those that have nothing to do; the last to finish is the first to go on, being still in the cache.
type Idle<G> = RefCell<Vec<Rc<Lane<G>>>>;

/// How a task is handed its next job.
struct Lane<G> {
    job: Cell<Option<Job<G>>>,
    waker: Cell<Option<Waker>>,
    closed: Cell<bool>,
}

impl<H: Handler, G: 'static> Lanes<H, G> {
    pub(super) fn new(handler: Rc<H>) -> Self {
        Self { handler, idle: Rc::default() }
    }

    /// Has `job` done by a task that waits, or by a new one.
    pub(super) fn serve(&self, job: Job<G>) {
        let idle = self.idle.borrow_mut().pop();
        if let Some(lane) = idle {
            lane.job.set(Some(job));
            lane.wake();
        } else {
            let lane = Rc::new(Lane { job: Cell::new(Some(job)), waker: Cell::new(None), closed: Cell::new(false) });
            tokio::task::spawn_local(run(self.handler.clone(), lane, Rc::downgrade(&self.idle)));
        }
    }
}

impl<H, G> Lanes<H, G> {
    /// Ends the tasks that have nothing to do.
    pub(super) fn shrink(&self) {
        for lane in self.idle.take() {
            lane.closed.set(true);
            lane.wake();
        }
    }
}

impl<H, G> Drop for Lanes<H, G> {
    fn drop(&mut self) {
        self.shrink();
    }
}

impl<G> Lane<G> {
    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Waits for a job; `None` when there will be none.
    async fn next(&self) -> Option<Job<G>> {
        poll_fn(|cx| {
            if let Some(job) = self.job.take() {
                return Poll::Ready(Some(job));
            }
            if self.closed.get() {
                return Poll::Ready(None);
            }
            self.waker.set(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await
    }
}

async fn run<H: Handler, G>(handler: Rc<H>, lane: Rc<Lane<G>>, idle: Weak<Idle<G>>) {
    let mut watchdog = Watchdog::new(Instant::now() + WATCHDOG_BEGINNING);
    while let Some(Job { head, stream, guard }) = lane.next().await {
        handler.handle(head, stream, &mut watchdog).await;
        drop(guard);
        let Some(idle) = idle.upgrade() else { return };
        idle.borrow_mut().push(lane.clone());
    }
}
