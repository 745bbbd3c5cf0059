//! HTTP/2 as both sides share it: bodies through a stream, and fields between the codec's form and ours.
//!
//! Frames, HPACK and windows are the `h2` crate's. It knows streams, not connections, routes or endpoints.

mod body;
mod fields;

/// What small DATA frames may take beyond their bytes while they wait to be read, per connection: the codec reckons 256
/// bytes for each. A burst of short messages that fills one stream's window is honest traffic.
pub(crate) const DATA_OVERHEAD_BYTES_MAX: usize = 4 * 1024 * 1024;

pub(crate) use body::{Incoming, Outgoing};
pub(crate) use fields::{append, parse_length, read_trailers, write_fields};
