//! A WebSocket told to go: when the proxy stops, its client gets a Close frame of status 1001 between two frames of the
//! backend's, and answers with its own, which tells the backend (RFC 6455 §7.1.2, §7.4.1).
//!
//! What a client says while the Close frame is on its way to it is lost. So the frame follows right behind what the backend
//! says next, when the client's next word is mostly farthest off; only when neither says anything does it come by itself.
//!
//! Knows where frames begin and end, and nothing of what is in them.

/// An unmasked Close frame: status 1001, going away.
pub(super) const CLOSE: [u8; 4] = [0x88, 2, 0x03, 0xE9];

/// Bytes of a frame's head at most: two, a length of eight, a mask of four.
const HEAD_BYTES_MAX: usize = 14;
const OPCODE_CLOSE: u8 = 8;

/// Both directions of a WebSocket.
#[derive(Default)]
pub(super) struct Farewell {
    pub(super) from_client: Frames,
    pub(super) from_backend: Frames,
    /// Since the proxy is about to stop, the backend has said something, and the client nothing after it.
    is_answered: bool,
    /// The Close frame is on its way to the client: nothing may follow it.
    pub(super) is_said: bool,
    /// The client's side of the exchange has been ended.
    pub(super) is_ended: bool,
}

impl Farewell {
    /// Takes notice of what the client says.
    pub(super) fn client_says(&mut self, bytes: &[u8]) {
        self.from_client.pass(bytes);
        self.is_answered = false;
    }

    /// Takes notice of what the backend says; `is_parting` when the proxy is about to stop.
    pub(super) fn backend_says(&mut self, bytes: &[u8], is_parting: bool) {
        self.from_backend.pass(bytes);
        self.is_answered = is_parting;
    }

    /// Whether a Close frame may be put in now; `is_late` when no answer is waited for any longer.
    pub(super) fn is_due(&self, is_late: bool) -> bool {
        (is_late || self.is_answered) && self.from_backend.is_between() && !self.from_backend.has_closed()
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
    fn a_farewell_comes_right_behind_an_answer() {
        let said = [0x81, 0x80, 0, 0, 0, 0];
        let mut farewell = Farewell::default();
        farewell.client_says(&said);
        farewell.backend_says(&[0x81, 0], false);
        assert!(!farewell.is_due(false), "that answer came long ago, for all we know");
        assert!(farewell.is_due(true), "there is no other");
        farewell.client_says(&said);
        assert!(!farewell.is_due(false), "the answer is to come");
        farewell.backend_says(&[0x81, 1], true);
        assert!(!farewell.is_due(true), "amid a frame");
        farewell.backend_says(b"x", true);
        assert!(farewell.is_due(false));
        farewell.client_says(&said);
        assert!(!farewell.is_due(false), "the client was quicker");
        farewell.backend_says(&CLOSE, true);
        assert!(!farewell.is_due(true), "the backend said farewell itself");
    }
}
