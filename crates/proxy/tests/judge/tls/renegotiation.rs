//! T4: a second handshake inside a TLS 1.2 connection, which no library of today would ask for, so its record is made by
//! hand from the keys of an honest handshake (RFC 5246 §6.2, RFC 5288 §3).

use std::io::{Read, Write};

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rustls::{
    ConnectionTrafficSecrets, ProtocolVersion,
    crypto::aws_lc_rs::{cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, default_provider},
};

use super::{client_hello, connect_with, one_listener, serves_on};

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

#[test]
fn renegotiation_is_refused() {
    let (_origin, gateway) = one_listener();
    let mut provider = default_provider();
    provider.cipher_suites = vec![TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256];
    let stream = connect_with(&gateway, "a.test", &[], provider);
    assert_eq!(stream.conn.protocol_version(), Some(ProtocolVersion::TLSv1_2));
    let (connection, mut socket) = stream.into_parts();
    let secrets = connection.dangerous_extract_secrets().expect("extraction was enabled");
    let (mut sequence, keys) = secrets.tx;
    let ConnectionTrafficSecrets::Aes128Gcm { key, iv } = keys else { panic!("another suite than was offered") };
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key.as_ref()).expect("a key of 128 bits"));
    let mut record = |kind: u8, content: &[u8]| {
        let explicit = sequence.to_be_bytes();
        let nonce: [u8; 12] = [&iv.as_ref()[..4], &explicit].concat().try_into().expect("4 and 8 bytes");
        let length = u16::try_from(content.len()).expect("a short record").to_be_bytes();
        let aad = [&sequence.to_be_bytes()[..], &[kind, 3, 3], &length].concat();
        let mut sealed = content.to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut sealed)
            .expect("sealing cannot fail");
        sequence += 1;
        let length = u16::try_from(8 + sealed.len()).expect("a short record").to_be_bytes();
        [&[kind, 3, 3], &length[..], &explicit, &sealed].concat()
    };

    let hello = client_hello([3, 3], &[0xc02b]);
    let second = record(HANDSHAKE, &hello[5..]);
    let request = record(APPLICATION_DATA, b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    socket.write_all(&[second, request].concat()).expect("an open socket");
    // What comes is an alert, and the answer or the end; never a handshake.
    let mut kinds = Vec::new();
    while kinds.last() != Some(&APPLICATION_DATA) {
        let mut head = [0; 5];
        if socket.read_exact(&mut head).is_err() {
            break;
        }
        kinds.push(head[0]);
        let mut content = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
        socket.read_exact(&mut content).expect("a whole record");
    }
    assert!(kinds.starts_with(&[ALERT]) && !kinds.contains(&HANDSHAKE), "records: {kinds:?}");
    serves_on(&gateway);
}
