use super::*;
use crate::plan::Pattern;

fn prefix(replacement: &str, path: &str, matched: &str) -> String {
    // A Plan's prefixes have no trailing slash but the root's.
    let matched = match matched.trim_end_matches('/') {
        "" => "/",
        trimmed => trimmed,
    };
    PathRewrite::Prefix(replacement.into()).apply(path, &PathMatch::Prefix(matched.into()))
}

/// The table of HTTPPathModifier's `replacePrefixMatch`, and the rows that it leaves to the reader.
#[test]
fn a_prefix_is_replaced_by_element() {
    for (path, matched, replacement, becomes) in [
        ("/foo/bar", "/foo", "/xyz", "/xyz/bar"),
        ("/foo/bar", "/foo", "/xyz/", "/xyz/bar"),
        ("/foo/bar", "/foo/", "/xyz", "/xyz/bar"),
        ("/foo/bar", "/foo/", "/xyz/", "/xyz/bar"),
        ("/foo", "/foo", "/xyz", "/xyz"),
        ("/foo/", "/foo", "/xyz", "/xyz/"),
        ("/foo/bar", "/foo", "", "/bar"),
        ("/foo/", "/foo", "", "/"),
        ("/foo", "/foo", "", "/"),
        ("/foo/", "/foo", "/", "/"),
        ("/foo", "/foo", "/", "/"),
        ("/foo", "/foo", "/xyz/", "/xyz"),
        ("/foo/", "/foo", "/xyz/", "/xyz/"),
        ("/foo/bar", "/foo", "xyz", "/xyz/bar"),
        ("/foo/bar", "/", "/xyz", "/xyz/foo/bar"),
        ("/", "/", "/xyz", "/xyz/"),
        ("/foo/bar", "/", "/", "/foo/bar"),
        ("/prefix/one/two", "/prefix/one", "/one", "/one/two"),
        ("/strip-prefix/three", "/strip-prefix", "/", "/three"),
    ] {
        assert_eq!(prefix(replacement, path, matched), becomes, "{path} {matched} {replacement}");
    }
}

#[test]
fn a_full_path_replaces_everything() {
    let matched = PathMatch::Regex(Pattern::new("/a.*").unwrap());
    for (full, becomes) in [("/one", "/one"), ("/one/", "/one/"), ("one", "/one"), ("", "/"), ("/", "/")] {
        assert_eq!(PathRewrite::Full(full.into()).apply("/any/thing", &matched), becomes);
    }
}

#[test]
fn a_prefix_replaces_nothing_where_none_matched() {
    let rewrite = PathRewrite::Prefix("/new".into());
    assert_eq!(rewrite.apply("/a/b", &PathMatch::Exact("/a/b".into())), "/a/b");
}

#[test]
fn what_a_path_cannot_hold_is_escaped() {
    let matched = PathMatch::Prefix("/".into());
    for (full, becomes) in [
        ("/a b", "/a%20b"),
        ("/a\r\nSet-Cookie: x", "/a%0D%0ASet-Cookie:%20x"),
        ("/é?x#y", "/%C3%A9%3Fx%23y"),
        ("/a%20b", "/a%20b"),
    ] {
        assert_eq!(PathRewrite::Full(full.into()).apply("/", &matched), becomes);
    }
}
