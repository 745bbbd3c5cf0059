use super::*;

/// `/x#y` in the code: 6, 7, 12 and 7 bits.
const CODED: [u8; 4] = [0x63, 0xcf, 0xfd, 0x7a];

/// Whether each block in turn has a fragment.
fn read(blocks: &[&[u8]]) -> Vec<bool> {
    let mut reader = Blocks::default();
    let read = |block: &&[u8]| {
        // However it comes.
        block.chunks(3).for_each(|piece| reader.gather(piece));
        reader.end()
    };
    blocks.iter().map(read).collect()
}

fn raw(first: &[u8], strings: &[&str]) -> Vec<u8> {
    let mut block = first.to_vec();
    for string in strings {
        block.push(u8::try_from(string.len()).unwrap());
        block.extend_from_slice(string.as_bytes());
    }
    block
}

#[test]
fn a_fragment_is_seen_however_its_path_is_written() {
    let coded = [&[0x04, 0x84][..], &CODED].concat();
    let named_in_code = [&[0x00, 0x84, 0xb9, 0x58, 0xd3, 0x3f, 0x84][..], &CODED].concat();
    for block in [
        raw(&[0x04], &["/x#y"]),
        raw(&[0x14], &["/#"]),
        raw(&[0x44], &["/?#"]),
        raw(&[0x05], &["#"]),
        raw(&[0x00], &[":path", "/x#y"]),
        raw(&[0x10], &[":path", "/x#y"]),
        raw(&[0x40], &[":path", "/x#y"]),
        coded,
        named_in_code,
    ] {
        assert_eq!(read(&[&block]), [true], "{block:x?}");
    }
}

#[test]
fn other_fields_may_hold_a_number_sign() {
    let block = [
        vec![0x82, 0x84, 0x86],
        raw(&[0x01], &["a#b"]),
        raw(&[0x73], &["http://x/#y"]),
        raw(&[0x00], &["path", "#"]),
        [&[0x0f, 0x2b, 0x84][..], &CODED].concat(),
        vec![0xbe],
    ]
    .concat();
    assert_eq!(read(&[&block, &[0xbe]]), [false, false]);
}

#[test]
fn an_entry_is_remembered_for_as_long_as_the_peer_may_name_it() {
    let path = raw(&[0x44], &["/x#y"]);
    let other = raw(&[0x40], &["a", "b"]);
    // By the entry, by its name alone, and no longer once the table was emptied, which ends the connection.
    let by_name = raw(&[0x0f, 0x30], &["/#"]);
    let by_name_honest = raw(&[0x0f, 0x30], &["/"]);
    assert_eq!(
        read(&[&path, &[0xbe], &other, &[0xbe], &[0xbf], &by_name, &by_name_honest]),
        [true, true, false, false, true, true, false]
    );
    assert_eq!(read(&[&path, &[0x20, 0x3f, 0xe1, 0x1f], &[0x82], &[0xbe], &[0x82]]), [true, false, false, true, true]);
}

#[test]
fn old_entries_make_room_by_their_size() {
    let path = raw(&[0x44], &["/#"]);
    // 32, 1 and 63 bytes: the table holds 42 of them beside the path's 39.
    let filler = raw(&[0x40], &["a", &"b".repeat(63)]);
    let mut blocks = vec![&path[..]];
    blocks.extend(std::iter::repeat_n(&filler[..], 42));
    blocks.push(&[0xe8]);
    assert_eq!(read(&blocks).iter().filter(|fragment| **fragment).count(), 2, "the last block names the path");
    blocks.insert(1, &filler);
    blocks[44] = &[0xe7];
    assert!(!read(&blocks)[44], "the oldest is a filler");
}

#[test]
fn what_cannot_be_read_counts_as_a_fragment_from_then_on() {
    for malformed in [
        &[0x80][..],
        &[0xbe],
        &[0x04],
        &[0x04, 0x05, b'/'],
        &[0x04, 0x81, 0x00],
        &[0x04, 0x85, 0x63, 0xff, 0xff, 0xff, 0xff],
        &[0x3f, 0xe2, 0x1f],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    ] {
        assert_eq!(read(&[&[0x82], malformed, &[0x82]]), [false, true, true], "{malformed:x?}");
    }
}

#[test]
fn the_code_is_complete() {
    let symbols: u32 = COUNTS.iter().map(|(_, count)| count).sum();
    assert_eq!(symbols + 3, 256, "three of 30 bits, and the end");
    assert_eq!(CODES[19].end, 0x3fff_fffc << 2, "where those of 30 bits begin");
    // RFC 7541, C.4.1: www.example.com
    let coded = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
    assert_eq!(huffman(&coded), Some(Text { bytes: 15, fragment: false }));
    assert_eq!(huffman(&CODED), Some(Text { bytes: 4, fragment: true }));
    assert_eq!(huffman(&[]), Some(Text::default()));
}
