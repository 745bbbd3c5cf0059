//! Copies of a request for backends whose response nobody waits for.

use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use gatewright_core::filter::mirror::Mirror;
use tokio::sync::mpsc;

use super::subrequest;
use crate::budget::{Budget, Permit};
use crate::failure::{Failure, What};
use crate::message::{BodyLength, Read, RequestHead, Source};
use crate::observe::Event;
use crate::snapshot::{BackendSnapshot, Snapshot};
use crate::upstream;
use crate::worker::{Watch, Worker};

/// Pieces of a body that a mirror may lag behind: with pieces of 64 KiB, 1 MiB. One that lags more is given up, since
/// the request itself must not wait.
const LAG_PIECES_MAX: usize = 16;

/// The mirrors of one request, as it feeds them.
#[derive(Default)]
pub(super) struct Mirrors {
    bodies: Vec<mpsc::Sender<Piece>>,
}

enum Piece {
    /// With the permit to keep it until the mirror has taken it. Several mirrors share the bytes, and yet each pays.
    Data(Bytes, Permit),
    End,
}

impl Mirrors {
    /// Sends a copy of the request's head to each, and has their bodies fed by what comes. For lack of budget one is left
    /// out: whoever mirrors must not hold up whoever is served.
    pub(super) fn start(&mut self, mirrors: &[&Mirror], snapshot: &Snapshot, worker: &Rc<Worker>, head: &RequestHead) {
        if head.upgrade.is_some() {
            return;
        }
        for mirror in mirrors {
            let Some(backend) = snapshot.backend_by_id(&mirror.backend) else { continue };
            let Some(permit) = worker.budget.mirror() else { continue };
            let (sender, receiver) = mpsc::channel(LAG_PIECES_MAX);
            if head.body != BodyLength::Empty {
                self.bodies.push(sender);
            }
            let head = RequestHead { expects_continue: false, ..head.clone() };
            worker.recorder.count(Event::Mirrored);
            tokio::task::spawn_local(mirror_request(
                worker.clone(),
                backend.clone(),
                head,
                Body { pieces: receiver, rest: Bytes::new(), permit: None },
                permit,
            ));
        }
    }

    /// Passes on a piece of the body. A mirror that lags too far behind is given up, and so is one for whose lag there is
    /// no budget.
    pub(super) fn pass(&mut self, piece: &[u8], budget: &Budget) {
        if !self.bodies.is_empty() {
            let bytes = Bytes::copy_from_slice(piece);
            self.bodies.retain(|body| {
                let permit = budget.bytes(bytes.len());
                permit.is_some_and(|permit| body.try_send(Piece::Data(bytes.clone(), permit)).is_ok())
            });
        }
    }

    /// The body is complete.
    pub(super) fn end(&mut self) {
        for body in self.bodies.drain(..) {
            // One that is gone, or too far behind, misses its end and is broken off.
            let _ = body.try_send(Piece::End);
        }
    }
}

/// Sends the copy and reads its response away. Whatever goes wrong is the mirror's own affair.
async fn mirror_request(
    worker: Rc<Worker>,
    backend: Arc<BackendSnapshot>,
    head: RequestHead,
    body: Body,
    _permit: Permit,
) {
    let _watch = Watch::new(&worker, "mirrored request");
    let exchange = exchange(&worker, &backend, &head, body);
    let outcome = tokio::time::timeout(worker.limits.progress_timeout, exchange).await;
    if let Ok(Err(failure)) = outcome {
        tracing::debug!(backend = %backend.id, what = ?failure.what, "mirrored request failed");
    }
}

async fn exchange(
    worker: &Rc<Worker>,
    backend: &BackendSnapshot,
    head: &RequestHead,
    mut body: Body,
) -> Result<(), Failure> {
    let endpoint = upstream::choose(backend, &worker.endpoints, &[]).ok_or(What::NoEndpoint)?;
    let mut upstream = match upstream::kept(worker, &endpoint, backend) {
        Some(upstream) => upstream,
        None => upstream::connect(worker, &endpoint, backend).await?,
    };
    let response = subrequest::send(worker, &mut upstream, head, &mut body).await?;
    subrequest::read(worker, &mut upstream, &response, |_| Ok(())).await?;
    upstream.release();
    Ok(())
}

/// A body that comes in pieces from the request it copies.
struct Body {
    pieces: mpsc::Receiver<Piece>,
    /// Of the last piece: what the buffer had no room for, and the permit for it.
    rest: Bytes,
    permit: Option<Permit>,
}

impl Source for Body {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<Read, Failure>> {
        if self.rest.is_empty() {
            match ready!(self.pieces.poll_recv(cx)) {
                Some(Piece::Data(data, permit)) => (self.rest, self.permit) = (data, Some(permit)),
                Some(Piece::End) => return Poll::Ready(Ok(Read::End)),
                None => return Poll::Ready(Err(What::ClientGone.into())),
            }
        }
        let piece = self.rest.split_to(self.rest.len().min(buffer.len()));
        buffer[..piece.len()].copy_from_slice(&piece);
        if self.rest.is_empty() {
            self.permit = None;
        }
        Poll::Ready(Ok(Read::Data { bytes: piece.len(), last: false }))
    }
}
