//! Chunked coding (RFC 9112 §7.1), decoded in place.

use super::grammar;
use crate::limits::Limits;
use crate::message::Fields;
use crate::violation::Violation;

/// Decodes a chunked body from pieces cut anywhere.
///
/// Strict: sizes are plain hex digits, lines end in CRLF, data is followed by CRLF. Extensions are dropped, and counted
/// so that they cannot be the body.
#[derive(Debug)]
pub(crate) struct ChunkDecoder {
    state: State,
    extension_bytes_left: usize,
    trailer: Vec<u8>,
    trailer_bytes_max: usize,
    trailer_fields_max: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Digits of a size; how many there were.
    Size {
        size: u64,
        digits: u8,
    },
    /// White space after a size, which an extension alone may follow.
    Padding {
        size: u64,
    },
    Extension {
        size: u64,
    },
    SizeLf {
        size: u64,
    },
    Data {
        left: u64,
    },
    DataCr,
    DataLf,
    Trailer,
    Done,
}

/// What a call to [`ChunkDecoder::decode`] did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// Body bytes, moved to the front of the input.
    pub(crate) data: usize,
    /// Input bytes used; those after it are not the body's.
    pub(crate) consumed: usize,
    pub(crate) done: bool,
}

impl ChunkDecoder {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            state: State::Size { size: 0, digits: 0 },
            extension_bytes_left: limits.chunk_extension_bytes_max,
            trailer: Vec::new(),
            trailer_bytes_max: limits.trailer_bytes_max,
            trailer_fields_max: limits.trailer_fields_max,
        }
    }

    /// Decodes as much of `input` as there is.
    pub(crate) fn decode(&mut self, input: &mut [u8]) -> Result<Decoded, Violation> {
        let (mut at, mut data) = (0, 0);
        while at < input.len() && self.state != State::Done {
            if let State::Data { left } = self.state {
                let piece = usize::try_from(left).unwrap_or(usize::MAX).min(input.len() - at);
                input.copy_within(at..at + piece, data);
                at += piece;
                data += piece;
                let left = left - piece as u64;
                self.state = if left == 0 { State::DataCr } else { State::Data { left } };
            } else {
                self.step(input[at])?;
                at += 1;
            }
        }
        Ok(Decoded { data, consumed: at, done: self.state == State::Done })
    }

    /// Returns the trailers once the body is done.
    pub(crate) fn trailers(&self) -> Result<Fields, Violation> {
        grammar::parse_trailers(&self.trailer, self.trailer_fields_max)
    }

    /// Takes one byte of framing.
    fn step(&mut self, byte: u8) -> Result<(), Violation> {
        self.state = match (self.state, byte) {
            (State::Size { size, digits }, _) if byte.is_ascii_hexdigit() => {
                // 15 digits stay within 60 bits.
                if digits == 15 {
                    return Err(Violation::Chunk);
                }
                let digit = u64::from((byte as char).to_digit(16).unwrap_or(0));
                State::Size { size: size * 16 + digit, digits: digits + 1 }
            }
            (State::Size { digits: 0, .. }, _) => return Err(Violation::Chunk),
            (State::Size { size, .. } | State::Extension { size }, b'\r') => State::SizeLf { size },
            (State::Size { size, .. } | State::Padding { size }, b' ' | b'\t') => self.padding(size)?,
            (State::Size { size, .. } | State::Padding { size }, b';') => self.extension(size, byte)?,
            (State::Extension { size }, _) => self.extension(size, byte)?,
            (State::SizeLf { size: 0 }, b'\n') => State::Trailer,
            (State::SizeLf { size }, b'\n') => State::Data { left: size },
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size { size: 0, digits: 0 },
            (State::Trailer, _) => self.trailer_byte(byte)?,
            (State::Size { .. } | State::Padding { .. } | State::SizeLf { .. } | State::DataCr | State::DataLf, _) => {
                return Err(Violation::Chunk);
            }
            (State::Data { .. } | State::Done, _) => unreachable!("decode handles data and stops when done"),
        };
        Ok(())
    }

    fn padding(&mut self, size: u64) -> Result<State, Violation> {
        self.extension(size, b' ').map(|_| State::Padding { size })
    }

    fn extension(&mut self, size: u64, byte: u8) -> Result<State, Violation> {
        if byte < 0x20 && byte != b'\t' || byte == 0x7f {
            return Err(Violation::ChunkExtension);
        }
        self.extension_bytes_left = self.extension_bytes_left.checked_sub(1).ok_or(Violation::ChunkExtension)?;
        Ok(State::Extension { size })
    }

    fn trailer_byte(&mut self, byte: u8) -> Result<State, Violation> {
        if self.trailer.len() == self.trailer_bytes_max {
            return Err(Violation::TrailersTooLarge);
        }
        self.trailer.push(byte);
        if byte != b'\n' {
            return Ok(State::Trailer);
        }
        match self.trailer[..] {
            [b'\r', b'\n'] | [.., b'\r', b'\n', b'\r', b'\n'] => Ok(State::Done),
            [.., b'\r', b'\n'] => Ok(State::Trailer),
            _ => Err(Violation::Trailers),
        }
    }
}
