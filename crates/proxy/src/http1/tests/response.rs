use crate::failure::What;
use crate::http1::{BodyReader, BodyWriter, Parsed, parse_response, write_interim, write_response};
use crate::limits::Limits;
use crate::message::{BodyLength, Fields, ResponseHead, Version};

fn parse(bytes: &str, method: &str) -> Result<Option<(ResponseHead, Parsed)>, What> {
    let mut head = ResponseHead::default();
    let parsed = parse_response(bytes.as_bytes(), &mut head, method, &Limits::default())?;
    Ok(parsed.map(|parsed| (head, parsed)))
}

fn good(bytes: &str, method: &str) -> (ResponseHead, Parsed) {
    parse(bytes, method).unwrap().expect("a whole head")
}

fn fields(head: &ResponseHead) -> Vec<(&str, &str)> {
    let text = |bytes| std::str::from_utf8(bytes).unwrap();
    head.fields.iter().map(|(name, value)| (text(name), text(value))).collect()
}

#[test]
fn reads_a_response() {
    let bytes = "HTTP/1.1 200 OK\r\nServer: x\r\nConnection: X-Hop\r\nX-Hop: 1\r\nContent-Length: 2\r\n\r\nhi";
    let (head, parsed) = good(bytes, "GET");
    assert_eq!(&bytes[parsed.consumed..], "hi");
    assert!(parsed.keep_alive);
    assert_eq!((head.status, head.body), (200, BodyLength::Known(2)));
    assert_eq!(fields(&head), [("Server", "x")]);
    assert_eq!(good("HTTP/1.1 200\r\n\r\n", "GET").0.status, 200, "without a reason");
}

#[test]
fn a_head_that_comes_byte_by_byte_reads_as_at_once() {
    let bytes = "HTTP/1.1 404 Not Found\r\nX: y\r\nContent-Length: 0\r\n\r\n";
    for to in 0..bytes.len() {
        assert!(parse(&bytes[..to], "GET").unwrap().is_none(), "{to} bytes");
    }
    assert_eq!(good(bytes, "GET").1.consumed, bytes.len());
}

#[test]
fn the_body_follows_from_head_and_method() {
    let body = |head: &str, method: &str| good(&format!("HTTP/1.1 {head}\r\n"), method);
    let known = "200 OK\r\nContent-Length: 7\r\n";
    let chunked = "200 OK\r\nTransfer-Encoding: chunked\r\n";
    assert!(matches!(body(known, "GET").1.body, BodyReader::Length(7)));
    assert!(matches!(body(chunked, "GET").1.body, BodyReader::Chunked(_)));
    let (_, until_close) = body("200 OK\r\n", "GET");
    assert!(matches!(until_close.body, BodyReader::UntilClose) && !until_close.keep_alive);
    for (head, method) in [
        (known, "HEAD"),
        (chunked, "HEAD"),
        ("200 OK\r\n", "HEAD"),
        ("204 No Content\r\n", "GET"),
        ("304 Not Modified\r\nContent-Length: 7\r\n", "GET"),
        ("100 Continue\r\n", "POST"),
    ] {
        let (response, parsed) = body(head, method);
        assert!(matches!(parsed.body, BodyReader::Done) && parsed.keep_alive, "{method} {head}");
        assert_eq!(response.body, BodyLength::Empty);
    }
    assert_eq!(fields(&body(known, "HEAD").0), [("content-length", "7")], "of the body that a GET would have had");
}

/// HARDENING S5 and S19.
#[test]
fn refuses_a_response_whose_framing_is_unclear() {
    for head in [
        "200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n",
        "200 OK\r\nContent-Length: x\r\n",
        "200 OK\r\nTransfer-Encoding: gzip\r\n",
        "200 OK\r\nTransfer-Encoding: gzip, chunked\r\n",
        "204 No Content\r\nContent-Length: 5\r\n",
        "204 No Content\r\nTransfer-Encoding: chunked\r\n",
        "103 Early Hints\r\nContent-Length: 5\r\n",
        "103 Early Hints\r\nTransfer-Encoding: chunked\r\n",
        "200 OK\r\nX: a\r\n folded\r\n",
        "200 OK\nX: a\r\n",
        "200 OK\r\nX: a\rb\r\n",
        "200 OK\r\nX: a\0b\r\n",
        "200 OK\r\nX : a\r\n",
        "20 OK\r\n",
        "2000 OK\r\n",
        "600 Odd\r\n",
        "099 Odd\r\n",
        "+20 OK\r\n",
    ] {
        assert_eq!(parse(&format!("HTTP/1.1 {head}\r\n"), "GET").err(), Some(What::BadResponse), "{head:?}");
    }
    for bytes in ["HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/2 200\r\n\r\n", "\r\n\r\n"] {
        assert_eq!(parse(bytes, "GET").err(), Some(What::BadResponse), "{bytes:?}");
    }
}

#[test]
fn a_head_over_the_limit_is_refused_however_it_comes() {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "v".repeat(Limits::default().head_bytes_max));
    assert_eq!(parse(&long, "GET").err(), Some(What::BadResponse));
    assert_eq!(parse(&long[..long.len() - 2], "GET").err(), Some(What::BadResponse));
}

#[test]
fn says_whether_the_connection_stays() {
    let stays = |bytes: &str| good(bytes, "GET").1.keep_alive;
    assert!(stays("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    assert!(!stays("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
    assert!(!stays("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
    assert!(stays("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"));
}

/// The head on the wire, the framing of its body, and whether the connection stays, having been meant to.
fn written(status: u16, body: BodyLength, version: Version, method: &str, stays: bool) -> (String, BodyWriter, bool) {
    let mut fields = Fields::default();
    fields.push(b"x", b"y");
    let (mut out, mut keep_alive) = (Vec::new(), stays);
    let writer = write_response(&mut out, &ResponseHead { status, fields, body }, version, method, &mut keep_alive);
    (String::from_utf8(out).unwrap(), writer, keep_alive)
}

#[test]
fn writes_what_the_client_can_read() {
    use BodyLength::{Empty, Known, Unknown};
    use Version::{Http10, Http11};
    let ok = |rest: &str| format!("HTTP/1.1 200 OK\r\nx: y\r\n{rest}\r\n");
    for (body, version, method, stays, expected) in [
        (Known(3), Http11, "GET", true, (ok("content-length: 3\r\n"), BodyWriter::Length(3), true)),
        (Known(0), Http11, "GET", true, (ok("content-length: 0\r\n"), BodyWriter::Done, true)),
        (Empty, Http11, "GET", true, (ok("content-length: 0\r\n"), BodyWriter::Done, true)),
        (Unknown, Http11, "GET", true, (ok("transfer-encoding: chunked\r\n"), BodyWriter::Chunked, true)),
        (Unknown, Http10, "GET", true, (ok(""), BodyWriter::UntilClose, false)),
        (
            Known(3),
            Http10,
            "GET",
            true,
            (ok("content-length: 3\r\nconnection: keep-alive\r\n"), BodyWriter::Length(3), true),
        ),
        (Known(3), Http10, "GET", false, (ok("content-length: 3\r\n"), BodyWriter::Length(3), false)),
        (
            Known(3),
            Http11,
            "GET",
            false,
            (ok("content-length: 3\r\nconnection: close\r\n"), BodyWriter::Length(3), false),
        ),
        (Known(3), Http11, "HEAD", true, (ok(""), BodyWriter::Done, true)),
        (Unknown, Http11, "HEAD", true, (ok(""), BodyWriter::Done, true)),
    ] {
        assert_eq!(written(200, body, version, method, stays), expected, "{body:?} {version:?} {method} {stays}");
    }
    for status in [204, 304] {
        let (head, writer, _) = written(status, Unknown, Http11, "GET", true);
        assert!(head.ends_with("x: y\r\n\r\n") && writer.is_done(), "{head}");
    }
}

#[test]
fn interim_responses_have_no_framing() {
    let mut head = ResponseHead { status: 103, ..ResponseHead::default() };
    head.fields.push(b"link", b"</a>");
    let mut out = Vec::new();
    write_interim(&mut out, &head, None);
    head.status = 101;
    write_interim(&mut out, &head, Some("websocket"));
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n\
         HTTP/1.1 101 Switching Protocols\r\nlink: </a>\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    );
}
