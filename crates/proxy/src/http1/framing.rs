//! Where a body ends, for reading and for writing.

use std::io::Write as _;

use super::chunk::ChunkDecoder;
use crate::failure::What;
use crate::message::Fields;
use crate::violation::Violation;

/// Takes the framing off a body.
#[derive(Debug)]
pub(crate) enum BodyReader {
    /// Nothing more will come.
    Done,
    /// This many bytes.
    Length(u64),
    Chunked(Box<ChunkDecoder>),
    /// Until the backend closes: responses alone.
    UntilClose,
}

/// What a call to [`BodyReader::decode`] did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Body bytes, moved to the front of the input.
    pub(crate) data: usize,
    /// Input bytes used; the rest belongs to the next message.
    pub(crate) consumed: usize,
    pub(crate) done: bool,
}

impl BodyReader {
    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Takes body bytes from `input`, in place.
    pub(crate) fn decode(&mut self, input: &mut [u8]) -> Result<Taken, Violation> {
        match self {
            Self::Done => Ok(Taken { data: 0, consumed: 0, done: true }),
            Self::Length(left) => {
                let data = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= data as u64;
                Ok(Taken { data, consumed: data, done: *left == 0 })
            }
            Self::Chunked(decoder) => {
                let decoded = decoder.decode(input)?;
                Ok(Taken { data: decoded.data, consumed: decoded.consumed, done: decoded.done })
            }
            Self::UntilClose => Ok(Taken { data: input.len(), consumed: input.len(), done: false }),
        }
    }

    /// Ends the body and returns its trailers, if it had any.
    pub(crate) fn finish(&mut self) -> Result<Option<Fields>, Violation> {
        match std::mem::replace(self, Self::Done) {
            Self::Chunked(decoder) => decoder.trailers().map(|fields| (!fields.is_empty()).then_some(fields)),
            Self::Done | Self::Length(_) | Self::UntilClose => Ok(None),
        }
    }

    /// What the end of the stream means here: the end of the body, or a body cut short.
    pub(crate) fn may_end(&self) -> bool {
        match self {
            Self::Done | Self::UntilClose => true,
            Self::Length(left) => *left == 0,
            Self::Chunked(_) => false,
        }
    }
}

/// Puts the framing on a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyWriter {
    /// No body, or all of it written.
    Done,
    /// This many bytes are promised.
    Length(u64),
    Chunked,
    /// To an HTTP/1.0 client: the connection's close ends it.
    UntilClose,
}

impl BodyWriter {
    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Checks that `data` fits what was promised.
    ///
    /// # Errors
    /// More data than was promised: the message would become another one.
    pub(crate) fn admit(&self, data: &[u8]) -> Result<(), What> {
        match self {
            Self::Done if !data.is_empty() => Err(What::BadResponse),
            Self::Length(left) if *left < data.len() as u64 => Err(What::BadResponse),
            Self::Done | Self::Length(_) | Self::Chunked | Self::UntilClose => Ok(()),
        }
    }

    /// Appends `data` to `out` in this framing.
    ///
    /// # Errors
    /// More data than was promised: see [`BodyWriter::admit`].
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, data: &[u8]) -> Result<(), What> {
        match self {
            Self::Done if data.is_empty() => {}
            Self::Done => return Err(What::BadResponse),
            Self::Length(left) => {
                *left = left.checked_sub(data.len() as u64).ok_or(What::BadResponse)?;
                out.extend_from_slice(data);
            }
            Self::Chunked if data.is_empty() => {}
            Self::Chunked => {
                // Writing to a Vec cannot fail.
                let _ = write!(out, "{:x}\r\n", data.len());
                out.extend_from_slice(data);
                out.extend_from_slice(b"\r\n");
            }
            Self::UntilClose => out.extend_from_slice(data),
        }
        Ok(())
    }

    /// Appends what ends the body.
    ///
    /// # Errors
    /// Less data than was promised.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>, trailers: Option<&Fields>) -> Result<(), What> {
        match std::mem::replace(self, Self::Done) {
            Self::Done | Self::UntilClose | Self::Length(0) => Ok(()),
            Self::Length(_) => Err(What::BadResponse),
            Self::Chunked => {
                out.extend_from_slice(b"0\r\n");
                for (name, value) in trailers.into_iter().flat_map(Fields::iter) {
                    super::write::write_field(out, name, value);
                }
                out.extend_from_slice(b"\r\n");
                Ok(())
            }
        }
    }
}
