//! One HTTP/1.1 exchange with a backend, on a connection borrowed from the worker's pool.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::Interim;
use super::connect::Stream;
use super::endpoint::{Endpoint, Load};
use crate::failure::{Failure, What};
use crate::http1::{BodyReader, BodyWriter, Incoming, Outgoing, Transport, Trouble, parse_response, write_request};
use crate::message::{Fields, Read, RequestHead, ResponseHead, Sink, Source};
use crate::worker::Worker;

pub(crate) struct Http1 {
    worker: Rc<Worker>,
    load: Load,
    transport: Transport<Stream>,
    incoming: Incoming,
    outgoing: Outgoing,
    method: String,
    upgrade: bool,
    expects_continue: bool,
    reused: bool,
    /// The framing left no doubt so far, and the backend wants to keep the connection.
    keep_alive: bool,
    interim: Interim,
}

impl Http1 {
    pub(crate) fn new(worker: Rc<Worker>, endpoint: Rc<Endpoint>, transport: Transport<Stream>, reused: bool) -> Self {
        Self {
            worker,
            load: Load::new(endpoint),
            transport,
            incoming: Incoming::new(BodyReader::Done),
            outgoing: Outgoing::new(BodyWriter::Done),
            method: String::new(),
            upgrade: false,
            expects_continue: false,
            reused,
            keep_alive: false,
            interim: Interim::default(),
        }
    }

    pub(crate) fn is_reused(&self) -> bool {
        self.reused
    }

    pub(crate) fn send_head(&mut self, cx: &mut Context<'_>, head: &RequestHead) -> Result<(), Failure> {
        self.method.push_str(&head.method);
        self.upgrade = head.upgrade.is_some();
        self.expects_continue = head.expects_continue;
        self.transport.outbound = self.worker.buffers.take();
        let writer = write_request(&mut self.transport.outbound, head);
        // A tunnel's bytes follow the 101 with no framing of their own.
        self.outgoing = Outgoing::new(if self.upgrade { BodyWriter::UntilClose } else { writer });
        // A head that waits for its body's first bytes leaves with them; before a tunnel there are none.
        if self.outgoing.is_done() || self.upgrade { self.flush_now(cx) } else { Ok(()) }
    }

    pub(crate) fn poll_response(
        &mut self,
        cx: &mut Context<'_>,
        head: &mut ResponseHead,
        buffer: &mut [u8],
    ) -> Poll<Result<(), Failure>> {
        loop {
            head.fields.clear();
            let parsed = if self.transport.inbound.is_empty() {
                let n = ready!(self.transport.poll_read(cx, buffer))
                    .map_err(|error| Failure::because(What::BackendGone, error))?;
                if n == 0 {
                    return Poll::Ready(Err(Failure::because(What::BackendGone, io::ErrorKind::UnexpectedEof.into())));
                }
                let parsed = parse_response(&buffer[..n], head, &self.method, &self.worker.limits)?;
                let used = parsed.as_ref().map_or(0, |parsed| parsed.consumed);
                self.transport.inbound.extend_from_slice(&buffer[used..n]);
                parsed
            } else {
                let parsed = parse_response(&self.transport.inbound, head, &self.method, &self.worker.limits)?;
                if let Some(parsed) = &parsed {
                    self.transport.inbound.drain(..parsed.consumed);
                }
                parsed
            };
            let Some(parsed) = parsed else {
                ready!(self.read_more(cx, buffer))?;
                continue;
            };
            match head.status {
                101 => self.switch_protocols()?,
                100..200 => {
                    self.interim.count(&head.fields, &self.worker.limits)?;
                    if head.status == 100 && !self.expects_continue {
                        continue;
                    }
                }
                _ => {
                    self.incoming = Incoming::new(parsed.body);
                    self.keep_alive = parsed.keep_alive && !self.upgrade;
                }
            }
            return Poll::Ready(Ok(()));
        }
    }

    fn read_more(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<(), Failure>> {
        let n =
            ready!(self.transport.poll_read(cx, buffer)).map_err(|error| Failure::because(What::BackendGone, error))?;
        if n == 0 {
            return Poll::Ready(Err(Failure::because(What::BackendGone, io::ErrorKind::UnexpectedEof.into())));
        }
        self.transport.inbound.extend_from_slice(&buffer[..n]);
        Poll::Ready(Ok(()))
    }

    fn switch_protocols(&mut self) -> Result<(), Failure> {
        if !self.upgrade {
            return Err(What::BadResponse.into());
        }
        self.incoming = Incoming::new(BodyReader::UntilClose);
        Ok(())
    }

    /// Gives the connection back if its framing is known to the last byte, and closes it otherwise.
    pub(crate) fn release(mut self) {
        let clean = self.keep_alive
            && self.incoming.is_done()
            && self.outgoing.is_done()
            && self.transport.inbound.is_empty()
            && self.transport.outbound.is_empty();
        self.worker.buffers.give(std::mem::take(&mut self.transport.outbound));
        if clean {
            self.transport.inbound = Vec::new();
            self.load.endpoint().give(self.transport, self.worker.limits.pool_idle_max);
        }
    }

    fn flush_now(&mut self, cx: &mut Context<'_>) -> Result<(), Failure> {
        match self.transport.poll_flush(cx) {
            Poll::Ready(Err(error)) => Err(Failure::because(What::BackendGone, error)),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        }
    }
}

fn trouble(trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Io(error) => Failure::because(What::BackendGone, error),
        Trouble::Malformed(_) | Trouble::Unfit(_) => What::BadResponse.into(),
    }
}

impl Source for Http1 {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<Read, Failure>> {
        self.incoming.poll_read(&mut self.transport, cx, buffer).map_err(trouble)
    }
}

impl Sink for Http1 {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Failure>> {
        self.outgoing.poll_ready(&mut self.transport, cx).map_err(|error| trouble(error.into()))
    }

    fn write(&mut self, cx: &mut Context<'_>, data: &[u8], last: bool) -> Result<(), Failure> {
        self.outgoing.write(&mut self.transport, cx, data, last).map_err(trouble)
    }

    fn finish(&mut self, cx: &mut Context<'_>, trailers: Option<Fields>) -> Result<(), Failure> {
        self.outgoing.finish(&mut self.transport, cx, trailers.as_ref()).map_err(trouble)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.outgoing.poll_flush(&mut self.transport, cx).map_err(|error| trouble(error.into()))
    }
}
