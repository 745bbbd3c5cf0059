use std::borrow::Cow;

use proptest::prelude::*;

use super::*;

const STRICT: PathOptions = PathOptions { encoded_slash: EncodedSlash::Reject, empty_segments: EmptySegments::Merge };
const KEEPING: PathOptions = PathOptions { encoded_slash: EncodedSlash::Keep, empty_segments: EmptySegments::Keep };

#[track_caller]
fn becomes(options: PathOptions, table: &[(&str, &str)]) {
    for (path, canonical) in table {
        assert_eq!(canonicalize(path.as_bytes(), options).as_deref(), Ok(*canonical), "{path}");
    }
}

#[track_caller]
fn is_refused(options: PathOptions, table: &[(&str, PathError)]) {
    for (path, error) in table {
        assert_eq!(canonicalize(path.as_bytes(), options), Err(*error), "{path}");
    }
}

#[test]
fn a_plain_path_is_borrowed() {
    for path in
        ["/", "/a", "/a/", "/a/b.c/d-e_f~g", "/a.b./c", "/a=b,c:d@e!$&'()*+", "/.well-known/x", "/...", "/a;v=1/b"]
    {
        assert!(matches!(canonicalize(path.as_bytes(), STRICT), Ok(Cow::Borrowed(same)) if same == path), "{path}");
    }
}

#[test]
fn dot_segments_are_resolved() {
    becomes(
        STRICT,
        &[
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/a/b/..", "/a/"),
            ("/a/b/.", "/a/b/"),
            ("/a/..", "/"),
            ("/.", "/"),
            ("/./", "/"),
            ("/a/b/../../c", "/c"),
            ("/a/%2e%2E/b", "/b"),
            ("/a/.%2e/b", "/b"),
            ("/a/%2e/b", "/a/b"),
        ],
    );
    let above = PathError::AboveRoot;
    is_refused(
        STRICT,
        &[("/..", above), ("/../a", above), ("/a/../../b", above), ("/%2e%2e/a", above), ("//../a", above)],
    );
}

#[test]
fn escapes_are_decoded_only_where_they_mean_nothing() {
    becomes(
        STRICT,
        &[
            ("/%61%5A%30%2d%2E%5f%7e", "/aZ0-._~"),
            ("/%c3%a9", "/%C3%A9"),
            ("/%e9", "/%E9"),
            ("/a%20b%3bc", "/a%20b%3Bc"),
            ("/%252e%252e/a", "/%252e%252e/a"),
            ("/%3a:", "/%3A:"),
        ],
    );
}

#[test]
fn malformed_paths_are_refused() {
    let escape = PathError::Escape;
    is_refused(
        STRICT,
        &[
            ("", PathError::NotAbsolute),
            ("a", PathError::NotAbsolute),
            ("*", PathError::NotAbsolute),
            ("/%", escape),
            ("/%4", escape),
            ("/%zz", escape),
            ("/%4/1", escape),
            ("/%+1", escape),
            ("/a#b", PathError::Byte(b'#')),
            ("/a?b", PathError::Byte(b'?')),
            ("/a b", PathError::Byte(b' ')),
            ("/a\\..\\b", PathError::Byte(b'\\')),
            ("/a\tb", PathError::Byte(b'\t')),
            ("/a\rb", PathError::Byte(b'\r')),
            ("/a\0b", PathError::Byte(0)),
            ("/a\u{7f}b", PathError::Byte(0x7f)),
            ("/é", PathError::Byte(0xc3)),
        ],
    );
}

#[test]
fn an_encoded_control_is_refused_in_every_mode() {
    for byte in (0..=0x1f).chain([0x7f]) {
        for path in [format!("/%{byte:02x}"), format!("/a%{byte:02X}b/c"), format!("/a/%2e%{byte:02x}")] {
            is_refused(STRICT, &[(&path, PathError::EscapedControl(byte))]);
            is_refused(KEEPING, &[(&path, PathError::EscapedControl(byte))]);
        }
    }
    becomes(STRICT, &[("/%20", "/%20"), ("/%80", "/%80"), ("/%250d", "/%250d"), ("/%c2%85", "/%C2%85")]);
}

#[test]
fn overlong_utf8_is_refused() {
    for path in ["/%c0%af", "/%C1%9c", "/%e0%80%af", "/%f0%80%80%af", "/%f8%80%80%80%af", "/%c0%ae%c0%ae/"] {
        is_refused(STRICT, &[(path, PathError::Escape)]);
    }
    becomes(STRICT, &[("/%C0b", "/%C0b"), ("/%E0%A4%A4", "/%E0%A4%A4"), ("/%F0%9F%98%80", "/%F0%9F%98%80")]);
}

#[test]
fn escaped_slashes_are_refused_or_kept_never_decoded() {
    let slash = PathError::EscapedSlash;
    is_refused(STRICT, &[("/a%2fb", slash), ("/a%2Fb", slash), ("/a%5cb", slash), ("/..%2f", slash)]);
    becomes(KEEPING, &[("/a%2fb", "/a%2Fb"), ("/a%5cb", "/a%5Cb"), ("/a%252fb", "/a%252fb")]);
}

#[test]
fn dots_that_only_some_servers_see_are_refused() {
    let hidden = PathError::HiddenDots;
    is_refused(
        STRICT,
        &[("/a/..;x/b", hidden), ("/a/..;", hidden), ("/.;/a", hidden), ("/%2e.;x=1/", hidden), ("/..%3b/", hidden)],
    );
    is_refused(KEEPING, &[("/a/..%2fb", hidden), ("/a%5c..", hidden), ("/a/b%2f.;x", hidden)]);
    becomes(KEEPING, &[("/a;..", "/a;.."), ("/...;x", "/...;x"), ("/a%2f...", "/a%2F...")]);
}

#[test]
fn repeated_slashes_are_merged_or_kept() {
    becomes(STRICT, &[("//", "/"), ("//a///b//", "/a/b/"), ("/a//../b", "/b"), ("/a/.//b", "/a/b")]);
    becomes(
        KEEPING,
        &[("//", "//"), ("//a///b//", "//a///b//"), ("/a//../b", "/a/b"), ("/a//.", "/a//"), ("//..", "/")],
    );
}

proptest! {
    /// From an alphabet in which nearly every text has something to decode, merge, resolve or refuse.
    #[test]
    fn the_canonical_form_is_canonical(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "/", "/", "/", ".", "..", "a", "B", "%2e", "%2E", "%2f", "%5C", "%61", "%c3", "%A9", "%25", "2e", ";", "%3b", "~", "%7e", "%00", "%0D", "#",
        ]), 0..14),
        keep_escaped: bool,
        keep_repeated: bool,
    ) {
        let options = PathOptions {
            encoded_slash: if keep_escaped { EncodedSlash::Keep } else { EncodedSlash::Reject },
            empty_segments: if keep_repeated { EmptySegments::Keep } else { EmptySegments::Merge },
        };
        let path = format!("/{}", pieces.concat());
        if let Ok(canonical) = canonicalize(path.as_bytes(), options) {
            prop_assert!(canonical.starts_with('/'));
            prop_assert!(canonical.split('/').all(|segment| segment != "." && segment != ".."), "{canonical}");
            prop_assert!(keep_repeated || !canonical.contains("//"), "{canonical}");
            prop_assert!(canonical.len() <= path.len());
            let again = canonicalize(canonical.as_bytes(), options);
            prop_assert!(matches!(&again, Ok(Cow::Borrowed(same)) if *same == canonical), "{path} {canonical} {again:?}");
        }
    }

    #[test]
    fn any_bytes_give_a_path_or_an_error(bytes: Vec<u8>) {
        if let Ok(path) = canonicalize(&bytes, STRICT) {
            prop_assert!(path.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }
}
