use super::*;
use crate::failure::What;

fn authority(text: &str) -> Result<(String, String), What> {
    let mut head = RequestHead::default();
    head.set_authority(text.as_bytes()).map_err(Violation::what).map(|()| (head.authority, head.host))
}

fn target(method: &str, text: &str) -> Result<(String, Option<String>), What> {
    let mut head = RequestHead { method: method.into(), ..RequestHead::default() };
    head.set_target(text.as_bytes(), PathOptions::default()).map_err(Violation::what).map(|()| (head.path, head.query))
}

#[test]
fn takes_the_host_out_of_the_authority() {
    for (text, host) in [
        ("Example.org", "example.org"),
        ("example.org:8080", "example.org"),
        ("example.org:", "example.org"),
        ("example.org.", "example.org"),
        ("example.org.:80", "example.org"),
        ("127.0.0.1:1", "127.0.0.1"),
        ("[::1]", "[::1]"),
        ("[2001:DB8::1]:443", "[2001:db8::1]"),
        ("my_service", "my_service"),
    ] {
        assert_eq!(authority(text), Ok((text.into(), host.into())), "as sent, and as it is matched");
    }
}

#[test]
fn refuses_what_is_no_authority() {
    for text in [
        "",
        ":80",
        "a b",
        "a,b",
        "a@b",
        "a/b",
        "a?b",
        "a#b",
        "a\\b",
        "a%41",
        "a:b",
        "a:80:80",
        "a:65536",
        "a:+80",
        "a:999999",
        "[::1",
        "::1",
        "[::1]x",
        "[::1]80",
        "[a]",
        "[1.2.3.4]",
        "a]",
        "\u{e9}.org",
    ] {
        assert_eq!(authority(text), Err(What::BadRequest), "{text:?}");
    }
    assert!(RequestHead::default().set_authority(b"\xff").is_err());
}

#[test]
fn the_last_authority_counts() {
    let mut head = RequestHead::default();
    head.set_authority(b"a.org:1").unwrap();
    head.set_authority(b"b.org").unwrap();
    assert_eq!((&*head.authority, &*head.host), ("b.org", "b.org"));
}

/// HARDENING P1; the canonical form itself is core's to test.
#[test]
fn the_target_is_canonical() {
    for (text, path, query) in [
        ("/", "/", None),
        ("", "/", None),
        ("?q", "/", Some("q")),
        ("/a?b?c", "/a", Some("b?c")),
        ("/a?", "/a", Some("")),
        ("/%61/./b/../c?%2e%zz=/../", "/a/c", Some("%2e%zz=/../")),
    ] {
        assert_eq!(target("GET", text), Ok((path.into(), query.map(Into::into))), "{text}");
    }
    for text in ["a", "/../a", "/a%00", "/%zz", "/a#b", "/a?b#c", "/a b", "/a?b c", "/a?\u{7f}", "/a%2fb", "*"] {
        assert_eq!(target("GET", text), Err(What::BadRequest), "{text}");
    }
    assert_eq!(target("OPTIONS", "*"), Ok(("*".into(), None)));
}

#[test]
fn several_lines_of_a_name_match_as_one() {
    let mut head = RequestHead::default();
    head.set_authority(b"A.org:1").unwrap();
    for value in [b"1", b"2", b"3"] {
        head.fields.push(b"X-Many", value);
    }
    assert_eq!(head.header("x-many").as_deref(), Some(&b"1,2,3"[..]));
    assert_eq!(head.header("host").as_deref(), Some(&b"A.org:1"[..]));
    assert_eq!(head.header("none"), None);
}

#[test]
fn grpc_is_http2_with_its_content_type() {
    let mut head = RequestHead { version: Version::Http2, ..RequestHead::default() };
    head.fields.push(b"Content-Type", b"application/grpc+proto");
    assert!(head.is_grpc());
    head.version = Version::Http11;
    assert!(!head.is_grpc());
}

#[test]
fn cleared_it_is_as_new() {
    let mut head = RequestHead { method: "OPTIONS".into(), ..RequestHead::default() };
    head.set_target(b"/a?b", PathOptions::default()).unwrap();
    head.set_authority(b"a").unwrap();
    head.fields.push(b"a", b"b");
    (head.body, head.upgrade, head.expects_continue) = (BodyLength::Unknown, Some("websocket".into()), true);
    head.clear();
    assert_eq!(
        format!("{head:?}"),
        format!("{:?}", RequestHead { fields: head.fields.clone(), ..RequestHead::default() })
    );
    assert!(head.fields.is_empty());
}
