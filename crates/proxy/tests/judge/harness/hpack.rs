//! Header compression (RFC 7541), as little as judging needs: an encoder that compresses nothing, so that a test sees the
//! bytes it sends, and a whole decoder.

/// Encodes fields as literals without indexing and without Huffman coding: names and values may hold any bytes.
pub(crate) fn encode<N: AsRef<[u8]>, V: AsRef<[u8]>>(fields: impl IntoIterator<Item = (N, V)>) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0x00);
        encode_string(name.as_ref(), &mut block);
        encode_string(value.as_ref(), &mut block);
    }
    block
}

pub(crate) fn encode_string(bytes: &[u8], block: &mut Vec<u8>) {
    let mut length = bytes.len();
    if length < 127 {
        block.push(length as u8);
    } else {
        block.push(127);
        length -= 127;
        while length >= 128 {
            block.push((length % 128) as u8 | 128);
            length /= 128;
        }
        block.push(length as u8);
    }
    block.extend_from_slice(bytes);
}

/// The decoding side of one connection.
#[derive(Default)]
pub(crate) struct Decoder {
    /// Newest first.
    dynamic: Vec<(String, String)>,
}

impl Decoder {
    /// Decodes a whole block. Malformed input is the gateway's fault and fails the test.
    pub(crate) fn decode(&mut self, mut block: &[u8]) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        while let Some(first) = block.first().copied() {
            match first {
                0x80.. => {
                    let index = integer(&mut block, 7);
                    fields.push(self.entry(index));
                }
                0x40..=0x7f => {
                    let field = self.literal(&mut block, 6);
                    self.dynamic.insert(0, field.clone());
                    self.dynamic.truncate(4096 / 32);
                    fields.push(field);
                }
                0x20..=0x3f => {
                    let size = integer(&mut block, 5);
                    if size == 0 {
                        self.dynamic.clear();
                    }
                }
                _ => fields.push(self.literal(&mut block, 4)),
            }
        }
        fields
    }

    fn literal(&self, block: &mut &[u8], bits: u8) -> (String, String) {
        let name = match integer(block, bits) {
            0 => string(block),
            index => self.entry(index).0,
        };
        (name, string(block))
    }

    fn entry(&self, index: usize) -> (String, String) {
        match STATIC.get(index - 1) {
            Some((name, value)) => ((*name).to_owned(), (*value).to_owned()),
            None => self.dynamic[index - 1 - STATIC.len()].clone(),
        }
    }
}

fn integer(block: &mut &[u8], bits: u8) -> usize {
    let mask = (1 << bits) - 1;
    let mut value = usize::from(block[0]) & mask;
    *block = &block[1..];
    if value < mask {
        return value;
    }
    for shift in (0..).step_by(7) {
        let byte = block[0];
        *block = &block[1..];
        value += usize::from(byte & 127) << shift;
        if byte < 128 {
            break;
        }
    }
    value
}

fn string(block: &mut &[u8]) -> String {
    let coded = block[0] >= 128;
    let length = integer(block, 7);
    let (bytes, rest) = block.split_at(length);
    *block = rest;
    if coded { huffman(bytes) } else { String::from_utf8_lossy(bytes).into_owned() }
}

/// The code is canonical: codes of one length are consecutive, in the order of their symbols.
fn huffman(bytes: &[u8]) -> String {
    let mut by_length: Vec<(u8, u8)> = LENGTHS.iter().zip(0..=255).map(|(length, symbol)| (*length, symbol)).collect();
    by_length.sort_unstable();
    let (mut text, mut code, mut length) = (Vec::new(), 0_u32, 0_u8);
    for bit in bytes.iter().flat_map(|byte| (0..8).rev().map(move |shift| byte >> shift & 1)) {
        code = code << 1 | u32::from(bit);
        length += 1;
        if let Some(symbol) = symbol(&by_length, code, length) {
            text.push(symbol);
            (code, length) = (0, 0);
        }
    }
    assert!(length < 8 && code == (1 << length) - 1, "padding of a Huffman string");
    String::from_utf8_lossy(&text).into_owned()
}

fn symbol(by_length: &[(u8, u8)], code: u32, length: u8) -> Option<u8> {
    let mut next = 0_u32;
    let mut current = 0;
    for (have, symbol) in by_length {
        next <<= have - current;
        current = *have;
        if current > length {
            return None;
        }
        if current == length && next == code {
            return Some(*symbol);
        }
        next += 1;
    }
    None
}

/// Bits of each symbol's code (RFC 7541, Appendix B).
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
    28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12,
    10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6,
    5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22,
    22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20,
    22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28,
    27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28,
    27, 27, 27, 27, 27, 26,
];

/// RFC 7541, Appendix A.
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

#[test]
fn decodes_the_examples_of_rfc_7541() {
    // C.4.1, C.4.2: Huffman coding and a dynamic table.
    let first = [0x82, 0x86, 0x84, 0x41, 0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
    let second = [0x82, 0x86, 0x84, 0xbe, 0x58, 0x86, 0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf];
    let mut decoder = Decoder::default();
    assert_eq!(decoder.decode(&first)[3], (":authority".to_owned(), "www.example.com".to_owned()));
    let fields = decoder.decode(&second);
    assert_eq!(fields[3].1, "www.example.com");
    assert_eq!(fields[4], ("cache-control".to_owned(), "no-cache".to_owned()));
    let every: Vec<(String, String)> =
        (0x20..0x7f).map(|byte| ("x".to_owned(), char::from(byte).to_string())).collect();
    assert_eq!(decoder.decode(&encode(every.iter().map(|(name, value)| (name, value)))), every);
}
