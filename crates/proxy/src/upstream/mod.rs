//! Backends: their endpoints, the connections kept to them, and one exchange with one of them.

mod acquire;
mod balance;
pub(crate) mod connect;
mod endpoint;
mod h1;
mod h2;
mod interim;

use std::task::{Context, Poll};

pub(crate) use acquire::{connect, kept};
pub(crate) use balance::choose;
use endpoint::Load;
pub(crate) use endpoint::{Endpoint, Endpoints};
pub(crate) use h1::Http1;
use h2::Http2;
use interim::Interim;

use crate::failure::Failure;
use crate::message::{Fields, Read, RequestHead, ResponseHead, Sink, Source};

/// One exchange with a backend, in whichever protocol it speaks.
pub(crate) enum Upstream {
    Http1(Box<Http1>),
    Http2 { exchange: Box<Http2>, _load: Load },
}

impl Upstream {
    /// Begins the exchange: the request's head, to be followed by its body through [`Sink`].
    pub(crate) fn send_head(&mut self, cx: &mut Context<'_>, head: &RequestHead) -> Result<(), Failure> {
        match self {
            Self::Http1(exchange) => exchange.send_head(cx, head),
            Self::Http2 { exchange, .. } => exchange.send_head(head),
        }
    }

    /// Waits until it is known whether the backend takes upgrades: needed before the head of one.
    pub(crate) async fn settle(&self) {
        match self {
            Self::Http1(_) => {}
            Self::Http2 { exchange, .. } => exchange.settle().await,
        }
    }

    /// Reads the response's head into `head`, interim ones (1xx) too; after one of those, call again.
    pub(crate) fn poll_response(
        &mut self,
        cx: &mut Context<'_>,
        head: &mut ResponseHead,
        buffer: &mut [u8],
    ) -> Poll<Result<(), Failure>> {
        match self {
            Self::Http1(exchange) => exchange.poll_response(cx, head, buffer),
            Self::Http2 { exchange, .. } => exchange.poll_response(cx, head),
        }
    }

    /// The connection was kept from an earlier exchange: that it breaks says nothing of the endpoint.
    pub(crate) fn is_reused(&self) -> bool {
        match self {
            Self::Http1(exchange) => exchange.is_reused(),
            Self::Http2 { exchange, .. } => exchange.is_reused(),
        }
    }

    /// Gives back what may serve another exchange.
    pub(crate) fn release(self) {
        match self {
            Self::Http1(exchange) => exchange.release(),
            // Its connection has been shared all the time.
            Self::Http2 { .. } => {}
        }
    }
}

impl Source for Upstream {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<Read, Failure>> {
        match self {
            Self::Http1(exchange) => exchange.poll_read(cx, buffer),
            Self::Http2 { exchange, .. } => exchange.poll_read(cx, buffer),
        }
    }
}

impl Sink for Upstream {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Failure>> {
        match self {
            Self::Http1(exchange) => exchange.poll_ready(cx),
            Self::Http2 { exchange, .. } => exchange.poll_ready(cx),
        }
    }

    fn write(&mut self, cx: &mut Context<'_>, data: &[u8], last: bool) -> Result<(), Failure> {
        match self {
            Self::Http1(exchange) => exchange.write(cx, data, last),
            Self::Http2 { exchange, .. } => exchange.write(cx, data, last),
        }
    }

    fn finish(&mut self, cx: &mut Context<'_>, trailers: Option<Fields>) -> Result<(), Failure> {
        match self {
            Self::Http1(exchange) => exchange.finish(cx, trailers),
            Self::Http2 { exchange, .. } => exchange.finish(cx, trailers),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        match self {
            Self::Http1(exchange) => exchange.poll_flush(cx),
            Self::Http2 { exchange, .. } => exchange.poll_flush(cx),
        }
    }
}
