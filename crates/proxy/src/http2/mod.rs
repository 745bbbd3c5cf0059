//! HTTP/2 as both sides share it: bodies through a stream, and fields between the codec's form and ours.
//!
//! Frames, HPACK and windows are the `h2` crate's. It knows streams, not connections, routes or endpoints.

mod body;
mod fields;

pub(crate) use body::{Incoming, Outgoing};
pub(crate) use fields::{append, parse_length, read_trailers, write_fields};
