//! Clients: reading their requests and writing what they get, in the protocol they speak.

pub(crate) mod h1;
pub(crate) mod h2;

use std::task::{Context, Poll};

use crate::failure::Failure;
use crate::message::{ResponseHead, Sink, Source};

/// The client's side of one exchange: its request's body as a [`Source`], the response's as a [`Sink`].
pub(crate) trait Downstream: Source + Sink {
    /// Ready when the client has gone, so that what is done for it may stop. Asked only once its body is read.
    fn poll_gone(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<()>;

    /// Sends an interim response (1xx, 101 apart).
    fn send_interim(&mut self, cx: &mut Context<'_>, head: &ResponseHead) -> Result<(), Failure>;

    /// Begins the response, to be followed by its body through [`Sink`] unless `head.body` is empty.
    fn send_head(&mut self, cx: &mut Context<'_>, head: &ResponseHead) -> Result<(), Failure>;

    /// Agrees to the upgrade that the request asked for: from here on both bodies are the tunnel's bytes.
    fn upgrade(&mut self, cx: &mut Context<'_>, head: &ResponseHead) -> Result<(), Failure>;

    /// The request cannot be read to its end: where requests share a connection, there is no next one.
    fn give_up(&mut self);
}
