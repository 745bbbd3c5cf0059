//! A WebSocket told to go: when the proxy stops, its client gets a Close frame of status 1001 between two frames of the
//! backend's, and answers with its own, which tells the backend (RFC 6455 §7.1.2, §7.4.1).
//!
//! Knows where frames begin and end, and nothing of what is in them.

use std::time::Duration;

/// An unmasked Close frame: status 1001, going away.
pub(super) const CLOSE: [u8; 4] = [0x88, 2, 0x03, 0xE9];

/// How long a farewell waits for the answer to what the client said last.
pub(super) const ANSWER_PATIENCE: Duration = Duration::from_secs(1);

/// Bytes of a frame's head at most: two, a length of eight, a mask of four.
const HEAD_BYTES_MAX: usize = 14;
const OPCODE_CLOSE: u8 = 8;

/// Both directions of a WebSocket.
#[derive(Default)]
pub(super) struct Farewell {
    pub(super) from_client: Frames,
    pub(super) from_backend: Frames,
    /// The client was the last to say something: what it waits for would be lost behind the Close frame.
    pub(super) awaits_answer: bool,
    /// The Close frame is on its way to the client: nothing may follow it.
    pub(super) is_said: bool,
    /// The client's side of the exchange has been ended.
    pub(super) is_ended: bool,
}

impl Farewell {
    /// Takes notice of what the client says.
    pub(super) fn client_says(&mut self, bytes: &[u8]) {
        self.from_client.pass(bytes);
        self.awaits_answer = true;
    }

    /// Takes notice of what the backend says.
    pub(super) fn backend_says(&mut self, bytes: &[u8]) {
        self.from_backend.pass(bytes);
        self.awaits_answer = false;
    }

    /// Whether a Close frame may be put in now; `is_late` when no answer is waited for any longer.
    pub(super) fn is_due(&self, is_late: bool) -> bool {
        (is_late || !self.awaits_answer) && self.from_backend.is_between() && !self.from_backend.has_closed()
    }
}

/// Where one direction stands among its frames.
#[derive(Default)]
pub(super) struct Frames {
    head: [u8; HEAD_BYTES_MAX],
    head_len: usize,
    /// Bytes of the present frame's payload that are to come.
    payload_left: u64,
    is_closing: bool,
}

impl Frames {
    /// Takes notice of bytes that went by.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) {
        while let Some((&first, rest)) = bytes.split_first() {
            if self.payload_left > 0 {
                let passed = self.payload_left.min(bytes.len() as u64);
                self.payload_left -= passed;
                bytes = &bytes[passed as usize..];
                continue;
            }
            self.head[self.head_len] = first;
            self.head_len += 1;
            bytes = rest;
            if let Some(payload) = payload_len(&self.head[..self.head_len]) {
                self.is_closing |= self.head[0] & 0x0f == OPCODE_CLOSE;
                self.payload_left = payload;
                self.head_len = 0;
            }
        }
    }

    /// Whether the next byte begins a frame.
    pub(super) fn is_between(&self) -> bool {
        self.head_len == 0 && self.payload_left == 0
    }

    /// Whether a Close frame has gone by, to its end: the last of its direction.
    pub(super) fn has_closed(&self) -> bool {
        self.is_closing && self.is_between()
    }
}

/// Returns how long the payload is of which `head` is the whole head; `None` for less than a head.
fn payload_len(head: &[u8]) -> Option<u64> {
    let &[_, second, ref rest @ ..] = head else { return None };
    let mask_bytes = if second & 0x80 == 0 { 0 } else { 4 };
    let (length_bytes, short) = match second & 0x7f {
        126 => (2, None),
        127 => (8, None),
        length => (0, Some(u64::from(length))),
    };
    if rest.len() < length_bytes + mask_bytes {
        return None;
    }
    let long = rest[..length_bytes].iter().fold(0, |length, byte| length << 8 | u64::from(*byte));
    Some(short.unwrap_or(long))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(pieces: &[&[u8]]) -> Frames {
        let mut frames = Frames::default();
        pieces.iter().for_each(|piece| frames.pass(piece));
        frames
    }

    #[test]
    fn ends_of_frames_are_found_however_they_are_cut() {
        let short = [&[0x81, 0x03][..], b"abc"].concat();
        let masked = [&[0x82, 0x82][..], &[1, 2, 3, 4], b"xy"].concat();
        let medium = [&[0x02, 126, 0x01, 0x00][..], &[b'm'; 256]].concat();
        let long = [&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0][..], &[b'l'; 65536]].concat();
        let all = [short, masked, medium, long].concat();
        for cut in (0..=40).chain([100, 270, 290, all.len() - 1]) {
            let frames = passed(&[&all[..cut], &all[cut..]]);
            assert!(frames.is_between() && !frames.has_closed(), "cut at {cut}");
        }
        assert!(!passed(&[&all[..all.len() - 1]]).is_between());
    }

    #[test]
    fn a_close_frame_counts_when_it_is_whole() {
        assert!(passed(&[&CLOSE]).has_closed());
        assert!(!passed(&[&CLOSE[..3]]).has_closed());
        assert!(passed(&[&[0x88, 0x80], &[0; 4]]).has_closed(), "an empty one, masked");
    }

    #[test]
    fn what_the_client_said_last_is_answered_first() {
        let mut farewell = Farewell::default();
        assert!(farewell.is_due(false), "nobody said anything");
        farewell.client_says(&[0x81, 0x80, 0, 0, 0, 0]);
        assert!(!farewell.is_due(false), "the answer is to come");
        assert!(farewell.is_due(true), "it did not come in time");
        farewell.backend_says(&[0x81, 1]);
        assert!(!farewell.is_due(true), "amid a frame");
        farewell.backend_says(b"x");
        assert!(farewell.is_due(false));
        farewell.backend_says(&CLOSE);
        assert!(!farewell.is_due(true), "the backend said farewell itself");
    }
}
