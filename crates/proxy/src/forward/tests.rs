use std::collections::VecDeque;
use std::task::Waker;

use super::*;
use crate::failure::What;
use crate::message::Fields;

/// Gives what it is told to give, in order; then nothing, for now.
struct Script(VecDeque<Poll<Result<Read, Failure>>>, &'static [u8]);

impl Source for Script {
    fn poll_read(&mut self, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<Read, Failure>> {
        let next = self.0.pop_front().unwrap_or(Poll::Pending);
        if let Poll::Ready(Ok(Read::Data { bytes, .. })) = next {
            buffer[..bytes].copy_from_slice(&self.1[..bytes]);
        }
        next
    }
}

fn data(bytes: usize, last: bool) -> Poll<Result<Read, Failure>> {
    Poll::Ready(Ok(Read::Data { bytes, last }))
}

fn source(script: impl IntoIterator<Item = Poll<Result<Read, Failure>>>) -> Script {
    Script(script.into_iter().collect(), b"0123456789")
}

/// Takes `room` bytes and no more, and holds what it has until it is told to `flush`.
#[derive(Default)]
struct Taker {
    room: usize,
    flush: bool,
    broken: bool,
    taken: Vec<u8>,
    flushes: usize,
    ended: Option<Option<Fields>>,
}

impl Sink for Taker {
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<usize, Failure>> {
        match (self.broken, self.room) {
            (true, _) => Poll::Ready(Err(What::BackendGone.into())),
            (false, 0) => Poll::Pending,
            (false, room) => Poll::Ready(Ok(room)),
        }
    }

    fn write(&mut self, _: &mut Context<'_>, data: &[u8], last: bool) -> Result<(), Failure> {
        assert!(data.len() <= self.room, "more than was welcome");
        self.room -= data.len();
        self.taken.extend_from_slice(data);
        if last {
            self.ended = Some(None);
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Context<'_>, trailers: Option<Fields>) -> Result<(), Failure> {
        self.ended = Some(trailers);
        Ok(())
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.flushes += 1;
        if self.flush { Poll::Ready(Ok(())) } else { Poll::Pending }
    }
}

fn poll(pump: &mut Pump, source: &mut Script, sink: &mut Taker) -> Poll<Result<(), Stopped>> {
    pump.poll(&mut Context::from_waker(Waker::noop()), source, sink, &mut [0; 8], |_| {})
}

#[test]
fn moves_a_body_in_pieces_that_fit() {
    let mut sink = Taker { room: 100, flush: true, ..Taker::default() };
    let mut seen = Vec::new();
    let mut pump = Pump::default();
    let mut source = source([data(8, false), data(3, false), Poll::Ready(Ok(Read::End))]);
    let moved = pump.poll(&mut Context::from_waker(Waker::noop()), &mut source, &mut sink, &mut [0; 8], |part| {
        let Part::Bytes(piece) = part else { return };
        seen.push(piece.to_vec());
    });
    assert!(matches!(moved, Poll::Ready(Ok(()))));
    assert_eq!(sink.taken, b"01234567012");
    assert_eq!(seen, [&b"01234567"[..], b"012"]);
    assert_eq!(pump.bytes, 11);
    assert!(pump.is_done() && matches!(sink.ended, Some(None)));
}

#[test]
fn a_source_that_rests_lets_the_sink_flush() {
    let mut sink = Taker { room: 100, flush: true, ..Taker::default() };
    let (mut pump, mut source) = (Pump::default(), source([data(3, false), Poll::Pending, data(2, true)]));
    assert!(poll(&mut pump, &mut source, &mut sink).is_pending());
    assert_eq!((&*sink.taken, sink.flushes, pump.waits_for_sink), (&b"012"[..], 1, false));
    assert!(matches!(poll(&mut pump, &mut source, &mut sink), Poll::Ready(Ok(()))));
    assert_eq!(sink.taken, b"01201");
    assert!(matches!(poll(&mut pump, &mut source, &mut sink), Poll::Ready(Ok(()))), "and stays so");
}

#[test]
fn says_when_it_waits_for_the_sink() {
    let (mut pump, mut sink) = (Pump::default(), Taker::default());
    let mut source = source([data(3, true)]);
    assert!(poll(&mut pump, &mut source, &mut sink).is_pending());
    assert!(pump.waits_for_sink && source.0.len() == 1, "nothing is read that has no place to go");
    sink.room = 3;
    assert!(poll(&mut pump, &mut source, &mut sink).is_pending());
    assert!(pump.waits_for_sink && !pump.is_done(), "all is read, not all is out");
    sink.flush = true;
    assert!(matches!(poll(&mut pump, &mut source, &mut sink), Poll::Ready(Ok(()))));
    assert!(!pump.waits_for_sink && pump.is_done());
}

#[test]
fn passes_trailers_on() {
    let mut trailers = Fields::default();
    trailers.push(b"x", b"1");
    let mut sink = Taker { room: 100, flush: true, ..Taker::default() };
    let mut source = source([data(3, false), Poll::Ready(Ok(Read::Trailers(trailers)))]);
    assert!(matches!(poll(&mut Pump::default(), &mut source, &mut sink), Poll::Ready(Ok(()))));
    assert_eq!(sink.ended.unwrap().unwrap().get("x"), Some(&b"1"[..]));
}

#[test]
fn an_error_says_which_side_it_is_of() {
    let mut sink = Taker { room: 100, ..Taker::default() };
    let mut source_breaks = source([data(1, false), Poll::Ready(Err(What::ClientGone.into()))]);
    let moved = poll(&mut Pump::default(), &mut source_breaks, &mut sink);
    assert!(matches!(moved, Poll::Ready(Err(Stopped::Source(failure))) if failure.what == What::ClientGone));
    sink.broken = true;
    let moved = poll(&mut Pump::default(), &mut source([data(1, false)]), &mut sink);
    assert!(matches!(moved, Poll::Ready(Err(Stopped::Sink(failure))) if failure.what == What::BackendGone));
}

#[test]
fn a_pump_without_a_body_touches_neither_side() {
    let mut sink = Taker { broken: true, ..Taker::default() };
    assert!(matches!(poll(&mut Pump::done(), &mut source([]), &mut sink), Poll::Ready(Ok(()))));
    assert!(sink.ended.is_none() && sink.flushes == 0);
}
