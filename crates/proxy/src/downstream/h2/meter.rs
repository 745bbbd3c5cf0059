//! Counts the frames of one connection as they arrive, and says when a peer floods (HARDENING H3, H5).
//!
//! It sees frame headers and sizes, before the codec spends work on them; what is in a frame, and whether it is well
//! formed, is the codec's affair. Header blocks alone are read, for what the codec keeps to itself ([`Blocks`]).

use std::time::Duration;

use tokio::time::Instant;

use super::block::Blocks;
use crate::limits::Limits;

/// Bytes of a DATA frame under which it costs more than it brings: less than the head of a gRPC or WebSocket message.
const TINY_DATA_BYTES_MAX: usize = 4;
/// A DATA frame with padding this long may be all padding.
const PADDING_BYTES_MAX: usize = 256;
/// Tiny DATA frames that weigh as much as an empty one: they carry something.
const TINY_DATA_WEIGHT: u32 = 10;
/// WINDOW_UPDATEs allowed beyond those that sent bytes earn: a client raises each new stream's window once.
const UPDATES_FREE_MAX: u64 = 1000;
/// Bytes sent that earn a WINDOW_UPDATE: eager clients send two for each DATA frame of a few bytes.
const UPDATE_EARNED_BYTES: u64 = 8;

/// Bytes sent that earn a PING beyond those of each second: gRPC clients measure their bandwidth with one whenever data
/// arrives. The answer to a PING, itself 17 bytes, earns no second one.
const PING_EARNED_BYTES: u64 = 32;

const PREFACE_BYTES: usize = 24;
const FRAME_HEAD_BYTES: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 0x1;
/// Of SETTINGS.
const ACK: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITISED: u8 = 0x20;

/// Bytes of a priority in a HEADERS frame.
const PRIORITY_BYTES: usize = 5;
/// Streams whose fragments are remembered until they are admitted. Those that the codec never hands out are malformed,
/// of which it bears fewer.
const FRAGMENTS_MAX: usize = 1024;

/// What a peer sent too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flood {
    Resets,
    Continuations,
    Settings,
    /// PING and PRIORITY: frames that ask for work and carry nothing.
    Pings,
    EmptyData,
    WindowUpdates,
}

/// The budgets of one connection.
#[derive(Debug)]
pub(crate) struct Meter {
    preface_left: usize,
    head: [u8; FRAME_HEAD_BYTES],
    head_len: usize,
    payload_left: usize,
    /// A header block is open: HEADERS came without END_HEADERS.
    in_block: bool,
    /// The stream that the block is of, and where its present frame begins in what is gathered.
    block_stream: u32,
    block_frame: usize,
    blocks: Blocks,
    /// Streams whose `:path` had a fragment, in their order.
    fragments: Vec<u32>,
    /// Our SETTINGS have been acknowledged.
    pub(crate) is_settled: bool,
    /// Since when a header block or a frame's head has been arriving.
    pub(crate) block_since: Option<Instant>,

    continuations: u32,
    continuations_max: u32,
    settings: PerSecond,
    pings: PerSecond,
    /// Of what was earned.
    pings_spent: u64,
    /// In tenths of an empty frame.
    empty_data: PerSecond,
    updates: u64,
    /// Bytes that we sent: what WINDOW_UPDATEs answer to.
    pub(crate) written: u64,
    resets: PerSecond,
}

impl Meter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            preface_left: PREFACE_BYTES,
            head: [0; FRAME_HEAD_BYTES],
            head_len: 0,
            payload_left: 0,
            in_block: false,
            block_stream: 0,
            block_frame: 0,
            blocks: Blocks::default(),
            fragments: Vec::new(),
            is_settled: false,
            block_since: None,
            continuations: 0,
            continuations_max: limits.continuations_max,
            settings: PerSecond::new(limits.settings_per_second_max),
            pings: PerSecond::new(limits.pings_per_second_max),
            pings_spent: 0,
            empty_data: PerSecond::new(limits.empty_data_per_second_max * TINY_DATA_WEIGHT),
            updates: 0,
            written: 0,
            resets: PerSecond::new(limits.streams_max + limits.resets_max as u32),
        }
    }

    /// Looks at bytes that arrived, in order and each once.
    ///
    /// # Errors
    /// The budget that ran out; the connection must be closed with ENHANCE_YOUR_CALM.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) -> Result<(), Flood> {
        bytes = skip(bytes, &mut self.preface_left);
        loop {
            bytes = self.payload(bytes)?;
            if bytes.is_empty() {
                break;
            }
            let n = (FRAME_HEAD_BYTES - self.head_len).min(bytes.len());
            self.head[self.head_len..self.head_len + n].copy_from_slice(&bytes[..n]);
            self.head_len += n;
            bytes = &bytes[n..];
            if self.head_len == FRAME_HEAD_BYTES {
                self.head_len = 0;
                self.frame()?;
            }
        }
        let in_block = self.in_block || (self.payload_left > 0 && matches!(self.head[3], HEADERS | CONTINUATION));
        let in_head = self.preface_left > 0 || self.head_len > 0 || in_block;
        if !in_head {
            self.block_since = None;
        } else if self.block_since.is_none() {
            self.block_since = Some(Instant::now());
        }
        Ok(())
    }

    /// Whether `stream`, whose head the codec has just handed out, came with a fragment in its `:path`.
    pub(crate) fn had_fragment(&mut self, stream: u32) -> bool {
        let fragment = self.fragments.contains(&stream);
        // Streams are handed out in their order.
        self.fragments.retain(|other| *other > stream);
        fragment
    }

    /// Looks at payload, as far as it is there; returns what follows it.
    fn payload<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Flood> {
        let is_header = self.payload_left > 0 && matches!(self.head[3], HEADERS | CONTINUATION);
        let rest = skip(bytes, &mut self.payload_left);
        if is_header {
            self.blocks.gather(&bytes[..bytes.len() - rest.len()]);
            if self.payload_left == 0 {
                self.end_header_frame()?;
            }
        }
        Ok(rest)
    }

    /// Takes from what is gathered all that is not of the header block.
    fn end_header_frame(&mut self) -> Result<(), Flood> {
        let [_, _, _, kind, flags, ..] = self.head;
        let gathered = self.blocks.gathered();
        if kind == HEADERS && flags & (PADDED | PRIORITISED) != 0 {
            let frame = &gathered[self.block_frame..];
            let padded = flags & PADDED != 0;
            let padding = if padded { frame.first().map_or(0, |bytes| usize::from(*bytes)) } else { 0 };
            let before = usize::from(padded) + if flags & PRIORITISED != 0 { PRIORITY_BYTES } else { 0 };
            let end = (gathered.len() - padding.min(frame.len())).max(self.block_frame);
            gathered.truncate(end);
            gathered.drain(self.block_frame..end.min(self.block_frame + before));
        }
        self.block_frame = gathered.len();
        if flags & END_HEADERS == 0 {
            return Ok(());
        }
        self.block_frame = 0;
        if self.blocks.end() {
            if self.fragments.len() == FRAGMENTS_MAX {
                return Err(Flood::Resets);
            }
            self.fragments.push(self.block_stream);
        }
        Ok(())
    }

    fn frame(&mut self) -> Result<(), Flood> {
        let [a, b, c, kind, flags, stream @ ..] = self.head;
        let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        self.payload_left = length;
        match kind {
            DATA => self.data(length, flags),
            HEADERS => {
                self.in_block = flags & END_HEADERS == 0;
                self.block_stream = u32::from_be_bytes(stream) & 0x7fff_ffff;
                self.continuations = 0;
                if length == 0 { self.end_header_frame() } else { Ok(()) }
            }
            CONTINUATION => {
                self.in_block = flags & END_HEADERS == 0;
                self.continuations += 1;
                if self.continuations > self.continuations_max {
                    return Err(Flood::Continuations);
                }
                if length == 0 { self.end_header_frame() } else { Ok(()) }
            }
            RST_STREAM => self.resets.count(1).map_err(|()| Flood::Resets),
            SETTINGS if flags & ACK != 0 && !self.is_settled => {
                self.is_settled = true;
                Ok(())
            }
            SETTINGS => self.settings.count(1).map_err(|()| Flood::Settings),
            PRIORITY => self.pings.count(1).map_err(|()| Flood::Pings),
            PING => self.ping(),
            WINDOW_UPDATE => {
                self.updates += 1;
                let earned = self.written / UPDATE_EARNED_BYTES;
                if self.updates > UPDATES_FREE_MAX + earned { Err(Flood::WindowUpdates) } else { Ok(()) }
            }
            // PUSH_PROMISE and GOAWAY end the connection by themselves; unknown frames cost what their bytes cost.
            _ => Ok(()),
        }
    }

    fn ping(&mut self) -> Result<(), Flood> {
        if self.pings_spent < self.written / PING_EARNED_BYTES {
            self.pings_spent += 1;
            return Ok(());
        }
        self.pings.count(1).map_err(|()| Flood::Pings)
    }

    fn data(&mut self, length: usize, flags: u8) -> Result<(), Flood> {
        // The last frame of a stream may well be empty.
        if flags & END_STREAM != 0 {
            return Ok(());
        }
        let padding = if flags & PADDED != 0 { PADDING_BYTES_MAX } else { 0 };
        let weight = match length.saturating_sub(padding) {
            0 => TINY_DATA_WEIGHT,
            1..=TINY_DATA_BYTES_MAX => 1,
            _ => return Ok(()),
        };
        self.empty_data.count(weight).map_err(|()| Flood::EmptyData)
    }
}

/// Takes from `bytes` what is `left` to be skipped.
fn skip<'a>(bytes: &'a [u8], left: &mut usize) -> &'a [u8] {
    let n = bytes.len().min(*left);
    *left -= n;
    &bytes[n..]
}

/// A number of things per second.
#[derive(Debug)]
struct PerSecond {
    count: u32,
    max: u32,
    since: Option<Instant>,
}

impl PerSecond {
    fn new(max: u32) -> Self {
        Self { count: 0, max, since: None }
    }

    fn count(&mut self, weight: u32) -> Result<(), ()> {
        // The clock is asked only when a budget looks spent.
        if self.count + weight > self.max || self.since.is_none() {
            let now = Instant::now();
            if self.since.is_none_or(|since| now - since >= Duration::from_secs(1)) {
                self.since = Some(now);
                self.count = 0;
            }
        }
        self.count += weight;
        if self.count > self.max { Err(()) } else { Ok(()) }
    }
}
