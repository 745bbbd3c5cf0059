use proptest::collection::vec;
use proptest::prelude::*;

use crate::edge::Strict;
use crate::failure::What;
use crate::http1::{BodyReader, BodyWriter, RequestContext, parse_request, write_request};
use crate::limits::Limits;
use crate::message::{BodyLength, RequestHead, Scheme, Version};
use crate::violation::Violation;

/// A head and what was said besides it: how much was used, and whether the connection stays.
type Read = (RequestHead, usize, bool);

fn parse_with(bytes: &[u8], limits: &Limits) -> Result<Option<Read>, What> {
    let mut head = RequestHead::default();
    let context = RequestContext { scheme: Scheme::Http, limits, strict: Strict::default() };
    let parsed = parse_request(bytes, &mut head, context).map_err(Violation::what)?;
    Ok(parsed.map(|parsed| (head, parsed.consumed, parsed.keep_alive)))
}

fn parse(bytes: impl AsRef<[u8]>) -> Result<Option<Read>, What> {
    parse_with(bytes.as_ref(), &Limits::default())
}

fn good(bytes: impl AsRef<[u8]>) -> RequestHead {
    parse(bytes).unwrap().expect("a whole head").0
}

/// What is wrong with a request that has these lines after `GET / HTTP/1.1` and a Host.
fn wrong(lines: &str) -> Option<What> {
    parse(format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n")).err()
}

fn fields(head: &RequestHead) -> Vec<(&str, &str)> {
    let text = |bytes| std::str::from_utf8(bytes).unwrap();
    head.fields.iter().map(|(name, value)| (text(name), text(value))).collect()
}

#[test]
fn reads_a_request() {
    let bytes = "\r\nPOST /a/b?c=d HTTP/1.1\r\nHost: Example.ORG:8080\r\nAccept:  */*\t \r\nX-Empty:\r\nContent-Length: 5\r\n\r\nhello";
    let (head, consumed, keep_alive) = parse(bytes).unwrap().unwrap();
    assert_eq!(&bytes[consumed..], "hello");
    assert!(keep_alive);
    assert_eq!((&*head.method, &*head.path, head.query.as_deref()), ("POST", "/a/b", Some("c=d")));
    assert_eq!((&*head.authority, &*head.host), ("Example.ORG:8080", "example.org"));
    assert_eq!(fields(&head), [("Accept", "*/*"), ("X-Empty", "")]);
    assert_eq!((head.version, head.body), (Version::Http11, BodyLength::Known(5)));
}

#[test]
fn a_head_that_comes_byte_by_byte_reads_as_at_once() {
    let limits = Limits { head_bytes_max: 512, target_bytes_max: 128, head_fields_max: 4, ..Limits::default() };
    let heads = [
        "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n".to_owned(),
        format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(127)),
        format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(512 - 32)),
        "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n folded\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\nHost: a\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\na:\r\nb:\r\nc:\r\nd:\r\ne:\r\n\r\n".to_owned(),
    ];
    for head in heads {
        let bytes = head.as_bytes();
        let whole = parse_with(bytes, &limits).map(|read| read.map(|read| (read.1, read.2)));
        let mut parts = (0..=bytes.len()).map(|to| parse_with(&bytes[..to], &limits));
        let ended = parts.find(|part| !matches!(part, Ok(None)));
        assert_eq!(ended.unwrap_or(Ok(None)).map(|read| read.map(|read| (read.1, read.2))), whole, "{head:?}");
    }
}

#[test]
fn over_a_limit_the_answer_says_which() {
    let head = |target: usize, value: usize| {
        format!("GET /{} HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "t".repeat(target - 1), "v".repeat(value))
    };
    let Limits { target_bytes_max, head_bytes_max, head_fields_max, .. } = Limits::default();
    let rest = head(1, 0).len() - 1;
    assert!(parse(head(target_bytes_max, 0)).unwrap().is_some());
    assert_eq!(parse(head(target_bytes_max + 1, 0)).err(), Some(What::TargetTooLong));
    assert_eq!(parse("GET /".to_owned() + &"t".repeat(target_bytes_max + 64)).err(), Some(What::TargetTooLong));
    assert!(parse(head(1, head_bytes_max - rest - 1)).unwrap().is_some());
    assert_eq!(parse(head(1, head_bytes_max - rest)).err(), Some(What::HeadTooLarge));
    assert_eq!(parse(&head(1, 2 * head_bytes_max)[..head_bytes_max]).err(), Some(What::HeadTooLarge), "unfinished");
    let many = |count: usize| parse("GET / HTTP/1.1\r\nHost: a\r\n".to_owned() + &"x:\r\n".repeat(count - 1) + "\r\n");
    assert!(many(head_fields_max).unwrap().is_some());
    assert_eq!(many(head_fields_max + 1).err(), Some(What::HeadTooLarge));
}

/// HARDENING S1 to S4.
#[test]
fn refuses_framing_that_two_parsers_could_read_differently() {
    for (lines, what) in [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", What::BadRequest),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", What::BadRequest),
        ("Transfer-Encoding: chunked, chunked", What::BadRequest),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", What::BadRequest),
        ("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", What::BadRequest),
        ("Transfer-Encoding: gzip, chunked", What::CodingUnknown),
        ("Transfer-Encoding: chunked, gzip", What::CodingUnknown),
        ("Transfer-Encoding: xchunked", What::CodingUnknown),
        ("Transfer-Encoding: \u{b}chunked", What::BadRequest),
        ("Transfer-Encoding: \u{a0}chunked", What::BadRequest),
        ("Transfer-Encoding: chunked;q=1", What::BadRequest),
        ("Transfer-Encoding:", What::BadRequest),
        ("Content-Length: 5\r\nContent-Length: 6", What::BadRequest),
        ("Content-Length: 5\r\nContent-Length: 5", What::BadRequest),
        ("Content-Length: 5, 5", What::BadRequest),
        ("Content-Length: +5", What::BadRequest),
        ("Content-Length: -0", What::BadRequest),
        ("Content-Length: 0x5", What::BadRequest),
        ("Content-Length: 1_0", What::BadRequest),
        ("Content-Length:", What::BadRequest),
        ("Content-Length: 9223372036854775808", What::BadRequest),
        ("Content-Length: 99999999999999999999", What::BadRequest),
    ] {
        assert_eq!(wrong(lines), Some(what), "{lines}");
    }
    let old = "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(parse(old).err(), Some(What::BadRequest), "no chunks in HTTP/1.0");
    assert_eq!(wrong("Content-Length: 9223372036854775807"), None);
    assert_eq!(good("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ChunkeD\r\n\r\n").body, BodyLength::Unknown);
}

/// HARDENING S5 to S8.
#[test]
fn refuses_what_the_grammar_does_not_allow() {
    for lines in [
        "X: a\r\n b",
        "X: a\r\n\tb",
        "X: a\nY: b",
        "X: a\rb",
        "X: a\0b",
        "X: a\u{1}b",
        "X: a\u{7f}b",
        "X : a",
        "X\t: a",
        ": a",
        "X",
        "X(y): a",
        "X_y: a",
        "X\u{e9}: a",
        "Connection: a b",
    ] {
        assert_eq!(wrong(lines), Some(What::BadRequest), "{lines:?}");
    }
    for head in [
        "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
        " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
        "GET / http/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        "GET /\r\nHost: a\r\n\r\n",
        "GET HTTP/1.1\r\nHost: a\r\n\r\n",
        "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        assert_eq!(parse(head).err(), Some(What::BadRequest), "{head:?}");
    }
    assert_eq!(fields(&good("GET / HTTP/1.1\r\nHost: a\r\nX: a\u{e9}\tb\r\n\r\n")), [("X", "a\u{e9}\tb")]);
}

/// HARDENING S12.
#[test]
fn a_request_has_one_host_and_an_absolute_target_wins() {
    for head in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nHost: b c\r\n\r\n",
        "GET http://user@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        assert_eq!(parse(head).err(), Some(What::BadRequest), "{head:?}");
    }
    let head = good("GET HTTP://B.org:81/x?y HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((&*head.authority, &*head.host, &*head.path), ("B.org:81", "b.org", "/x"));
    let head = good("GET https://b?y HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((&*head.host, &*head.path, head.query.as_deref()), ("b", "/", Some("y")));
    assert_eq!(good("GET / HTTP/1.0\r\n\r\n").host, "");
}

/// HARDENING S13.
#[test]
fn what_connection_names_ends_here() {
    let head = good(
        "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1\r\nConnection: X-Forwarded-For, host,, Content-Length\r\n\
         Content-Length: 3\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers\r\nUpgrade: h2c\r\n\
         HTTP2-Settings: x\r\nAccept: b\r\n\r\n",
    );
    assert_eq!(fields(&head), [("Accept", "b")]);
    assert_eq!((&*head.host, head.body, head.upgrade), ("a", BodyLength::Known(3), None));
}

#[test]
fn says_whether_the_connection_stays() {
    let stays = |version: &str, connection: &str| {
        let head = format!("GET / HTTP/{version}\r\nHost: a\r\nConnection: {connection}\r\n\r\n");
        parse(head).unwrap().unwrap().2
    };
    assert!(stays("1.1", ""));
    assert!(stays("1.1", "keep-alive"));
    assert!(!stays("1.1", "foo, CLOSE"));
    assert!(!stays("1.1", "keep-alive, close"));
    assert!(!stays("1.0", ""));
    assert!(stays("1.0", "Keep-Alive"));
}

/// HARDENING S11.
#[test]
fn knows_one_expectation() {
    assert!(good("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n").expects_continue);
    assert!(!good("POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\n\r\n").expects_continue);
    for lines in ["Expect: 100-continue, x", "Expect: x", "Expect:", "Expect: 100-continue\r\nExpect: 100-continue"] {
        assert_eq!(wrong(lines), Some(What::ExpectationFailed), "{lines}");
    }
}

/// HARDENING S15 and S16.
#[test]
fn upgrades_to_websocket_alone() {
    let asked = |lines: &str| {
        parse(format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n")).map(|read| read.unwrap().0.upgrade)
    };
    assert_eq!(asked("Connection: Upgrade\r\nUpgrade: WebSocket"), Ok(Some("websocket".into())));
    assert_eq!(asked("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1"), Err(What::BadRequest));
    assert_eq!(asked("Connection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked"), Err(What::BadRequest));
    for lines in [
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c",
        "Connection: Upgrade\r\nUpgrade: websocket, h2c",
    ] {
        assert_eq!(asked(lines), Ok(None), "{lines}");
    }
}

#[test]
fn the_body_follows_from_the_head() {
    let body = |lines: &str| {
        let bytes = format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        let limits = Limits::default();
        let context = RequestContext { scheme: Scheme::Http, limits: &limits, strict: Strict::default() };
        parse_request(bytes.as_bytes(), &mut RequestHead::default(), context).unwrap().unwrap().body
    };
    assert!(matches!(body(""), BodyReader::Done));
    assert!(matches!(body("Content-Length: 7\r\n"), BodyReader::Length(7)));
    assert!(matches!(body("Transfer-Encoding: chunked\r\n"), BodyReader::Chunked(_)));
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(
        method in "[A-Z]{1,8}",
        path in "(/[a-zA-Z0-9_~!$&'()*+,=:@-]{1,9}){1,4}",
        query in prop::option::of("[a-z0-9=&%/?]{0,12}"),
        host in "[a-z0-9-]{1,9}(\\.[a-z]{2,4})?(:[1-9][0-9]{0,3})?",
        lines in vec(("x-[a-z0-9!#$%&'*+.^`|~-]{1,9}", "([!-~\u{80}-\u{ff}]([ !-~\t]{0,9}[!-~])?)?"), 0..6),
        length in prop::option::of(0..u64::from(u32::MAX)),
    ) {
        prop_assume!(method != "CONNECT");
        let mut head = RequestHead { method, path, query, body: length.map_or(BodyLength::Unknown, BodyLength::Known), ..RequestHead::default() };
        head.set_authority(host.as_bytes()).unwrap();
        for (name, value) in &lines {
            head.fields.push(name.as_bytes(), value.as_bytes());
        }
        let mut wire = Vec::new();
        let writer = write_request(&mut wire, &head);
        let (read, consumed, keep_alive) = parse(&wire).unwrap().unwrap();
        prop_assert_eq!(consumed, wire.len());
        prop_assert!(keep_alive);
        prop_assert_eq!(format!("{:?}", read.fields.iter().collect::<Vec<_>>()), format!("{:?}", head.fields.iter().collect::<Vec<_>>()));
        prop_assert_eq!((read.method, read.path, read.query, read.authority, read.host), (head.method, head.path, head.query, head.authority, head.host));
        // Without a body there is nothing to tell a length of 0 from none.
        prop_assert_eq!(read.body, head.body);
        prop_assert_eq!(writer, match length { None => BodyWriter::Chunked, Some(0) => BodyWriter::Done, Some(length) => BodyWriter::Length(length) });
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
        let _ = parse([b"GET / HTTP/1.1\r\nHost: ".as_slice(), &bytes, b"\r\n\r\n"].concat());
    }
}
