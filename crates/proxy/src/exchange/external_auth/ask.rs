//! One question to an authorization server, and its whole answer.

use std::rc::Rc;
use std::task::{Context, Poll};

use super::super::subrequest;
use super::Reply;
use crate::failure::{Failure, What};
use crate::message::{Read, RequestHead, Source};
use crate::snapshot::BackendSnapshot;
use crate::upstream;
use crate::worker::Worker;

/// Endpoints and connections that are tried, where none has acted on the question.
const TRIES: u32 = 3;
/// Bytes of an answer: a page that says no. What is longer says nothing.
const REPLY_BYTES_MAX: usize = 1024 * 1024;

/// Asks, and reads the answer to its end.
///
/// # Errors
/// What kept the last try from an answer.
pub(super) async fn ask(
    worker: &Rc<Worker>,
    backend: &BackendSnapshot,
    question: &RequestHead,
    body: &[u8],
) -> Result<Reply, Failure> {
    let mut tried = Vec::new();
    let mut fresh = false;
    let mut left = TRIES;
    loop {
        left -= 1;
        let endpoint = upstream::choose(backend, &worker.endpoints, &tried).ok_or(What::NoEndpoint)?;
        let kept = if fresh { None } else { upstream::kept(worker, &endpoint, backend) };
        let connected = match kept {
            Some(upstream) => Ok(upstream),
            None => upstream::connect(worker, &endpoint, backend).await,
        };
        let failure = match connected {
            Err(failure) => {
                tried.push(endpoint);
                failure
            }
            Ok(mut upstream) => match exchange(worker, &mut upstream, question, body).await {
                Ok(reply) => {
                    upstream.release();
                    return Ok(reply);
                }
                Err(failure) => {
                    // A kept connection that is dead says nothing of the endpoint, and a question harms nobody twice.
                    fresh = upstream.is_reused() && failure.what == What::BackendGone;
                    failure
                }
            },
        };
        if left == 0 || !(fresh || failure.unprocessed) {
            return Err(failure);
        }
    }
}

async fn exchange(
    worker: &Rc<Worker>,
    upstream: &mut upstream::Upstream,
    question: &RequestHead,
    body: &[u8],
) -> Result<Reply, Failure> {
    let head = subrequest::send(worker, upstream, question, &mut Bytes(body)).await?;
    let (mut body, mut permit) = (Vec::new(), None);
    let trailers = subrequest::read(worker, upstream, &head, |piece| {
        if body.len() + piece.len() > REPLY_BYTES_MAX {
            return Err(What::BadResponse.into());
        }
        if !worker.budget.extend(&mut permit, piece.len()) {
            return Err(What::Overloaded.into());
        }
        body.extend_from_slice(piece);
        Ok(())
    })
    .await?;
    Ok(Reply { head, body, trailers, permit })
}

/// A body that is all there.
struct Bytes<'a>(&'a [u8]);

impl Source for Bytes<'_> {
    fn poll_read(&mut self, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<Read, Failure>> {
        let (now, rest) = self.0.split_at(self.0.len().min(buffer.len()));
        buffer[..now.len()].copy_from_slice(now);
        self.0 = rest;
        Poll::Ready(Ok(Read::Data { bytes: now.len(), last: rest.is_empty() }))
    }
}
