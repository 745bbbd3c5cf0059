use proptest::collection::vec;
use proptest::prelude::*;

use crate::failure::What;
use crate::http1::chunk::ChunkDecoder;
use crate::http1::framing::BodyWriter;
use crate::limits::Limits;
use crate::message::Fields;
use crate::violation::Violation;

struct Body {
    data: Vec<u8>,
    trailers: Vec<(String, String)>,
    /// What follows the body.
    rest: Vec<u8>,
    done: bool,
}

/// Decodes `wire` in pieces that end at `cuts`.
fn decode(wire: &[u8], cuts: &[usize], limits: &Limits) -> Result<Body, What> {
    let mut decoder = ChunkDecoder::new(limits);
    let mut body = Body { data: Vec::new(), trailers: Vec::new(), rest: Vec::new(), done: false };
    let mut from = 0;
    for to in cuts.iter().copied().chain([wire.len()]) {
        let mut piece = wire[from..to].to_vec();
        let decoded = decoder.decode(&mut piece).map_err(Violation::what)?;
        assert!(decoded.consumed == piece.len() || decoded.done, "stopped before the end");
        body.data.extend_from_slice(&piece[..decoded.data]);
        body.rest.extend_from_slice(&piece[decoded.consumed..]);
        body.done = decoded.done;
        from = to;
    }
    if body.done {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        body.trailers = decoder
            .trailers()
            .map_err(Violation::what)?
            .iter()
            .map(|(name, value)| (text(name), text(value)))
            .collect();
    }
    Ok(body)
}

const WIRE: &[u8] =
    b"5\r\nhello\r\n6;name=\"v\"\r\n world\r\n00;last\r\nX-Sum: 1\r\ncontent-length: 5\r\n\r\nGET / HTTP/1.1";

fn check(body: &Body) {
    assert_eq!(body.data, b"hello world");
    assert_eq!(body.trailers, [("X-Sum".into(), "1".into())], "framing fields are no trailers");
    assert_eq!(body.rest, b"GET / HTTP/1.1");
    assert!(body.done);
}

#[test]
fn cut_anywhere_a_body_is_the_same() {
    let limits = Limits::default();
    for first in 0..=WIRE.len() {
        check(&decode(WIRE, &[first], &limits).unwrap());
        for second in first..=WIRE.len() {
            check(&decode(WIRE, &[first, second], &limits).unwrap());
        }
    }
    check(&decode(WIRE, &(0..WIRE.len()).collect::<Vec<_>>(), &limits).unwrap());
}

#[test]
fn an_unfinished_body_is_not_done() {
    let end = WIRE.len() - b"GET / HTTP/1.1".len();
    for length in 0..end {
        assert!(!decode(&WIRE[..length], &[], &Limits::default()).unwrap().done, "{length} bytes");
    }
}

/// HARDENING S9.
#[test]
fn refuses_what_is_no_chunked_body() {
    for wire in [
        "\r\n",
        ";\r\n",
        "+5\r\nhello\r\n",
        "-5\r\n",
        " 5\r\nhello\r\n",
        "0x5\r\nhello\r\n",
        "5_0\r\n",
        "g\r\n",
        "5\nhello\r\n",
        "5\r hello",
        "5;a\nhello\r\n",
        "5;a\rb\r\nhello\r\n",
        "5;\0\r\nhello\r\n",
        "5\r\nhelloX",
        "5\r\nhello\n",
        "5\r\nhello\rX",
        "5\r\nhello0\r\n\r\n",
        "1000000000000000\r\n",
        "fffffffffffffffff\r\n",
        "0\r\nX: 1\n\r\n",
        "0\r\n X: 1\r\n\r\n",
        "0\r\nX : 1\r\n\r\n",
        "0\r\nX\r\n\r\n",
        "0\r\nX: \0\r\n\r\n",
        "0\r\nX: 1\r\n folded\r\n\r\n",
    ] {
        let bytes = wire.as_bytes();
        let every: Vec<_> = (0..bytes.len()).collect();
        for cuts in [&[][..], &every] {
            let refused = decode(bytes, cuts, &Limits::default()).err();
            assert_eq!(refused, Some(What::BadRequest), "{wire:?}, {} cuts", cuts.len());
        }
    }
}

#[test]
fn extensions_and_trailers_are_bounded() {
    let limits =
        Limits { chunk_extension_bytes_max: 8, trailer_bytes_max: 16, trailer_fields_max: 2, ..Limits::default() };
    let body = |wire: &str| decode(wire.as_bytes(), &[], &limits).map(|body| body.done);
    assert_eq!(body("1;abc\r\na\r\n0;abc\r\n\r\n"), Ok(true));
    assert_eq!(body("1;abc\r\na\r\n0;abcd\r\n\r\n"), Err(What::BadRequest), "counted over the whole body");
    assert_eq!(body("0\r\na:1\r\nb:2\r\n\r\n"), Ok(true));
    assert_eq!(body("0\r\na:\r\nb:\r\nc:\r\n\r\n"), Err(What::HeadTooLarge));
    assert_eq!(body("0\r\nlong: 0123456789\r\n\r\n"), Err(What::HeadTooLarge));
}

proptest! {
    #[test]
    fn decoding_what_was_encoded_gives_the_body_back(
        pieces in vec(vec(any::<u8>(), 0..300), 0..8),
        cuts in vec(any::<prop::sample::Index>(), 0..6),
        rest in vec(any::<u8>(), 0..20),
    ) {
        let (mut wire, mut writer) = (Vec::new(), BodyWriter::Chunked);
        let mut trailers = Fields::default();
        trailers.push(b"x-checksum", b"abc");
        for piece in &pieces {
            writer.write(&mut wire, piece).unwrap();
        }
        writer.finish(&mut wire, Some(&trailers)).unwrap();
        prop_assert!(writer.is_done());
        wire.extend_from_slice(&rest);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(wire.len() + 1)).collect();
        cuts.sort_unstable();
        let body = decode(&wire, &cuts, &Limits::default()).unwrap();
        prop_assert!(body.done);
        prop_assert_eq!(body.data, pieces.concat());
        prop_assert_eq!(body.rest, rest);
        prop_assert_eq!(body.trailers, [("x-checksum".to_owned(), "abc".to_owned())]);
    }

    #[test]
    fn arbitrary_bytes_decode_alike_however_they_are_cut(
        bytes in vec(prop::sample::select(b"015af;=\r\n xX:\"\x00".to_vec()), 0..60),
        cuts in vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let limits = Limits::default();
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let summary = |body: Result<Body, What>| body.map(|body| (body.data, body.trailers, body.rest, body.done));
        prop_assert_eq!(summary(decode(&bytes, &cuts, &limits)), summary(decode(&bytes, &[], &limits)));
    }
}
