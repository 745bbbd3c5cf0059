//! Backends: their endpoints, the connections kept to them, and one exchange with one of them.

mod acquire;
mod balance;
mod connect;
mod endpoint;
mod h1;

use std::task::{Context, Poll};

pub(crate) use acquire::{connect, kept};
pub(crate) use balance::choose;
pub(crate) use endpoint::{Endpoint, Endpoints};
pub(crate) use h1::Http1;

use crate::failure::Failure;
use crate::message::{Fields, Read, RequestHead, ResponseHead, Sink, Source};

/// One exchange with a backend, in whichever protocol it speaks.
pub(crate) enum Upstream {
    Http1(Box<Http1>),
}

impl Upstream {
    /// Begins the exchange: the request's head, to be followed by its body through [`Sink`].
    pub(crate) fn send_head(&mut self, cx: &mut Context<'_>, head: &RequestHead) -> Result<(), Failure> {
        match self {
            Self::Http1(exchange) => exchange.send_head(cx, head),
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
        }
    }

    /// The connection was kept from an earlier exchange: that it breaks says nothing of the endpoint.
    pub(crate) fn is_reused(&self) -> bool {
        match self {
            Self::Http1(exchange) => exchange.is_reused(),
        }
    }

    /// Gives back what may serve another exchange.
    pub(crate) fn release(self) {
        match self {
            Self::Http1(exchange) => exchange.release(),
        }
    }
}

impl Source for Upstream {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<Read, Failure>> {
        match self {
            Self::Http1(exchange) => exchange.poll_read(cx, buffer),
        }
    }
}

impl Sink for Upstream {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Failure>> {
        match self {
            Self::Http1(exchange) => exchange.poll_ready(cx),
        }
    }

    fn write(&mut self, cx: &mut Context<'_>, data: &[u8], last: bool) -> Result<(), Failure> {
        match self {
            Self::Http1(exchange) => exchange.write(cx, data, last),
        }
    }

    fn finish(&mut self, cx: &mut Context<'_>, trailers: Option<Fields>) -> Result<(), Failure> {
        match self {
            Self::Http1(exchange) => exchange.finish(cx, trailers),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        match self {
            Self::Http1(exchange) => exchange.poll_flush(cx),
        }
    }
}
