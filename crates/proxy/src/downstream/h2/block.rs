//! Reads header blocks beside the codec (RFC 7541), for one thing that the codec does not tell: whether `:path` came with
//! a fragment, which it cuts off without a word (HARDENING P1).
//!
//! It keeps no names and no values: of an entry of the dynamic table, its size and what is true of it are enough. What is
//! wrong with a block is the codec's to judge; from then on each block here counts as one that has a fragment.

use std::collections::VecDeque;

/// Bytes of the dynamic table, as we never announce otherwise (RFC 9113 §6.5.2).
const TABLE_BYTES_MAX: usize = 4096;
/// What an entry weighs beside its name and value (RFC 7541 §4.1).
const ENTRY_BYTES: usize = 32;
/// Room for a block that is kept between blocks.
const BLOCK_BYTES_KEPT: usize = 4096;

/// The header blocks of one connection, in order.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// What has come of the present one. The meter bounds its frames.
    gathered: Vec<u8>,
    table: Table,
    /// A block could not be read, and none can be after it: the table is not the peer's any more.
    lost: bool,
}

impl Blocks {
    /// Takes bytes of the present block.
    pub(super) fn gather(&mut self, bytes: &[u8]) {
        self.gathered.extend_from_slice(bytes);
    }

    /// Bytes gathered so far.
    pub(super) fn gathered(&mut self) -> &mut Vec<u8> {
        &mut self.gathered
    }

    /// Ends the present block. Returns whether a `:path` in it had a fragment, or cannot be known not to.
    pub(super) fn end(&mut self) -> bool {
        let mut block = std::mem::take(&mut self.gathered);
        let fragment = if self.lost { None } else { self.table.read(&block) };
        self.lost = fragment.is_none();
        if block.capacity() <= BLOCK_BYTES_KEPT {
            block.clear();
            self.gathered = block;
        }
        fragment.unwrap_or(true)
    }
}

/// The peer's dynamic table, newest entry first.
#[derive(Debug)]
struct Table {
    entries: VecDeque<Entry>,
    bytes: usize,
    bytes_max: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    name: Name,
    value: Text,
}

#[derive(Clone, Copy, Debug)]
struct Name {
    bytes: usize,
    is_path: bool,
}

/// A string, decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Text {
    bytes: usize,
    fragment: bool,
}

impl Entry {
    fn bytes(&self) -> usize {
        self.name.bytes + self.value.bytes + ENTRY_BYTES
    }

    fn has_fragment(&self) -> bool {
        self.name.is_path && self.value.fragment
    }
}

impl Default for Table {
    fn default() -> Self {
        Self { entries: VecDeque::new(), bytes: 0, bytes_max: TABLE_BYTES_MAX }
    }
}

impl Table {
    /// Reads a whole block; `None` when it is malformed.
    fn read(&mut self, mut block: &[u8]) -> Option<bool> {
        let mut fragment = false;
        while let Some(first) = block.first() {
            match first {
                0x80.. => {
                    let index = integer(&mut block, 7)?;
                    // No entry of the static table has one.
                    if index == 0 || index > STATIC_NAME_BYTES.len() {
                        fragment |= self.entry(index)?.has_fragment();
                    }
                }
                0x40..0x80 => {
                    let entry = self.literal(&mut block, 6, true)?;
                    fragment |= entry.has_fragment();
                    self.insert(entry);
                }
                0x20..0x40 => {
                    self.bytes_max = integer(&mut block, 5).filter(|bytes| *bytes <= TABLE_BYTES_MAX)?;
                    self.evict(0);
                }
                0x00..0x20 => fragment |= self.literal(&mut block, 4, false)?.has_fragment(),
            }
        }
        Some(fragment)
    }

    fn literal(&self, block: &mut &[u8], prefix: u8, kept: bool) -> Option<Entry> {
        let name = match integer(block, prefix)? {
            0 => name(string(block)?)?,
            index => match STATIC_NAME_BYTES.get(index - 1) {
                Some(bytes) => Name { bytes: usize::from(*bytes), is_path: STATIC_PATHS.contains(&index) },
                None => self.entry(index)?.name,
            },
        };
        let value = string(block)?;
        // Of what is neither kept nor a path, nothing is asked.
        let value = if kept || name.is_path { text(value)? } else { Text::default() };
        Some(Entry { name, value })
    }

    /// The entry of the dynamic table at `index`, which counts on from the static one.
    fn entry(&self, index: usize) -> Option<&Entry> {
        self.entries.get(index.checked_sub(STATIC_NAME_BYTES.len() + 1)?)
    }

    /// What is larger than the table empties it (RFC 7541 §4.4).
    fn insert(&mut self, entry: Entry) {
        self.evict(entry.bytes());
        if entry.bytes() <= self.bytes_max {
            self.bytes += entry.bytes();
            self.entries.push_front(entry);
        }
    }

    /// Makes room for `bytes`, as far as there are entries.
    fn evict(&mut self, bytes: usize) {
        while self.bytes + bytes > self.bytes_max
            && let Some(oldest) = self.entries.pop_back()
        {
            self.bytes -= oldest.bytes();
        }
    }
}

/// A string as it stands in a block.
#[derive(Clone, Copy)]
struct Coded<'a> {
    bytes: &'a [u8],
    is_huffman: bool,
}

fn string<'a>(block: &mut &'a [u8]) -> Option<Coded<'a>> {
    let is_huffman = *block.first()? >= 0x80;
    let length = integer(block, 7)?;
    let (bytes, rest) = block.split_at_checked(length)?;
    *block = rest;
    Some(Coded { bytes, is_huffman })
}

fn name(coded: Coded<'_>) -> Option<Name> {
    /// `:path` in the code, 29 bits of it.
    const PATH: u32 = 0xb958_d338;
    let bytes = text(coded)?.bytes;
    let is_path = match coded.bytes {
        [a, b, c, d] if coded.is_huffman => u32::from_be_bytes([*a, *b, *c, *d]) & !0b111 == PATH,
        bytes => !coded.is_huffman && bytes == b":path",
    };
    Some(Name { bytes, is_path })
}

fn text(coded: Coded<'_>) -> Option<Text> {
    if coded.is_huffman {
        return huffman(coded.bytes);
    }
    Some(Text { bytes: coded.bytes.len(), fragment: memchr::memchr(b'#', coded.bytes).is_some() })
}

/// Reads an integer with a prefix of `bits` (RFC 7541 §5.1), within 28 bits as the codec has it.
fn integer(block: &mut &[u8], bits: u8) -> Option<usize> {
    let (first, mut rest) = block.split_first()?;
    let mask = (1 << bits) - 1;
    let mut value = usize::from(*first) & mask;
    if value == mask {
        for shift in [0, 7, 14, 21] {
            let (byte, after) = rest.split_first()?;
            rest = after;
            value += usize::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                *block = rest;
                return Some(value);
            }
        }
        return None;
    }
    *block = rest;
    Some(value)
}

/// Reads a string in the code of RFC 7541, Appendix B; `None` when it is malformed.
fn huffman(mut bytes: &[u8]) -> Option<Text> {
    let mut text = Text::default();
    let (mut bits, mut count) = (0_u64, 0_u32);
    loop {
        while count <= 32
            && let Some((byte, rest)) = bytes.split_first()
        {
            bits = bits << 8 | u64::from(*byte);
            count += 8;
            bytes = rest;
        }
        // The next 32 bits, with ones where there are none: what ends a string looks like that, too.
        let window = match count.checked_sub(32) {
            Some(more) => (bits >> more) as u32,
            None => (bits << (32 - count) | ((1 << (32 - count)) - 1)) as u32,
        };
        let length = CODES.iter().find(|codes| window < codes.end).map(|codes| codes.length);
        let Some(length) = length.filter(|length| *length <= count) else {
            return (count < 8 && window == u32::MAX).then_some(text);
        };
        text.bytes += 1;
        text.fragment |= window >> (32 - NUMBER_SIGN.1) == NUMBER_SIGN.0;
        count -= length;
        bits &= (1 << count) - 1;
    }
}

/// The code of `#`, and its bits.
const NUMBER_SIGN: (u32, u32) = (0xffa, 12);

/// The codes of one length, which are consecutive: the code is canonical.
#[derive(Clone, Copy)]
struct Codes {
    length: u32,
    /// The first 32 bits that are beyond them.
    end: u32,
}

/// How many codes there are of each length; those of 30 bits apart, of which the last is no symbol's.
const COUNTS: [(u32, u32); 20] = [
    (5, 10),
    (6, 26),
    (7, 32),
    (8, 6),
    (10, 5),
    (11, 3),
    (12, 2),
    (13, 6),
    (14, 2),
    (15, 3),
    (19, 3),
    (20, 8),
    (21, 13),
    (22, 26),
    (23, 29),
    (24, 12),
    (25, 4),
    (26, 15),
    (27, 19),
    (28, 29),
];

const CODES: [Codes; COUNTS.len() + 1] = {
    let mut codes = [Codes { length: 30, end: u32::MAX << 2 }; COUNTS.len() + 1];
    let (mut next, mut at) = (0_u32, 0);
    while at < COUNTS.len() {
        let (length, count) = COUNTS[at];
        next += count << (32 - length);
        codes[at] = Codes { length, end: next };
        at += 1;
    }
    codes
};

/// Where the static table has `:path` (RFC 7541, Appendix A).
const STATIC_PATHS: [usize; 2] = [4, 5];

/// Bytes of each name in the static table.
const STATIC_NAME_BYTES: [u8; 61] = [
    10, 7, 7, 5, 5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 14, 15, 15, 13, 6, 27, 3, 5, 13, 13, 19, 16, 16, 14, 16, 13, 12, 6, 4,
    4, 6, 7, 4, 4, 8, 17, 13, 8, 19, 13, 4, 8, 12, 18, 19, 5, 7, 7, 11, 6, 10, 25, 17, 10, 4, 3, 16,
];

#[cfg(test)]
mod tests;
