use super::*;

const NOTHING: Redirect = Redirect { scheme: None, hostname: None, path: None, port: None, status: 302 };

/// Where `redirect` leads from `scheme://host:port/path/original`, which the prefix `/path` matched.
fn from(scheme: &str, port: u16, redirect: &Redirect) -> String {
    let matched = PathMatch::Prefix("/path".into());
    let original = Original { scheme, host: "host", port, path: "/path/original", query: None, matched: &matched };
    redirect.location(&original, as_named)
}

/// Clients find ports where the listeners name them.
fn as_named(_host: &str, port: u16) -> u16 {
    port
}

/// HTTPRouteRedirectPort, -Scheme and -PortAndScheme; the port in the way a client would have to write it.
#[test]
fn the_port_is_the_one_given_or_of_the_scheme_given_or_the_listeners() {
    for (scheme, listener, new_scheme, new_port, becomes) in [
        ("http", 80, None, None, "http://host"),
        ("http", 80, None, Some(80), "http://host"),
        ("http", 80, None, Some(8080), "http://host:8080"),
        ("http", 80, Some("https"), None, "https://host"),
        ("http", 80, Some("https"), Some(443), "https://host"),
        ("http", 80, Some("https"), Some(8443), "https://host:8443"),
        ("http", 8080, None, None, "http://host:8080"),
        ("http", 8080, None, Some(80), "http://host"),
        ("http", 8080, Some("https"), None, "https://host"),
        ("https", 443, None, None, "https://host"),
        ("https", 443, None, Some(443), "https://host"),
        ("https", 443, None, Some(8443), "https://host:8443"),
        ("https", 443, Some("http"), None, "http://host"),
        ("https", 443, Some("http"), Some(80), "http://host"),
        ("https", 443, Some("http"), Some(8080), "http://host:8080"),
        ("https", 80, None, None, "https://host:80"),
        ("http", 443, None, None, "http://host:443"),
        ("https", 8443, Some("https"), None, "https://host"),
    ] {
        let redirect = Redirect { scheme: new_scheme.map(Into::into), port: new_port, ..NOTHING };
        assert_eq!(from(scheme, listener, &redirect), format!("{becomes}/path/original"), "{redirect:?}");
    }
}

#[test]
fn hostname_and_path_are_replaced_where_given() {
    let hostname = Some("example.org".into());
    let prefix = Some(PathRewrite::Prefix("/replacement".into()));
    let full = Some(PathRewrite::Full("/full".into()));
    for (redirect, becomes) in [
        (Redirect { hostname: hostname.clone(), ..NOTHING }, "http://example.org/path/original"),
        (Redirect { path: prefix.clone(), ..NOTHING }, "http://host/replacement/original"),
        (Redirect { path: full.clone(), ..NOTHING }, "http://host/full"),
        (Redirect { path: full, hostname: hostname.clone(), ..NOTHING }, "http://example.org/full"),
        (Redirect { path: prefix, hostname, ..NOTHING }, "http://example.org/replacement/original"),
    ] {
        assert_eq!(from("http", 80, &redirect), becomes);
    }
}

#[test]
fn the_query_is_kept() {
    let matched = PathMatch::Prefix("/".into());
    let mut original =
        Original { scheme: "http", host: "h", port: 80, path: "/a", query: Some("b=c&d"), matched: &matched };
    assert_eq!(NOTHING.location(&original, as_named), "http://h/a?b=c&d");
    let full = Redirect { path: Some(PathRewrite::Full("/x".into())), ..NOTHING };
    assert_eq!(full.location(&original, as_named), "http://h/x?b=c&d");
    original.query = Some("");
    assert_eq!(NOTHING.location(&original, as_named), "http://h/a?");
}

#[test]
fn the_port_is_told_as_clients_see_it() {
    let matched = PathMatch::Prefix("/".into());
    let original = Original { scheme: "http", host: "h", port: 80, path: "/a", query: None, matched: &matched };
    let offset = |host: &str, port: u16| if host == "h" && matches!(port, 80 | 443) { port + 10_000 } else { port };
    for (redirect, becomes) in [
        (NOTHING, "http://h:10080/a"),
        (Redirect { scheme: Some("https".into()), ..NOTHING }, "https://h:10443/a"),
        (Redirect { scheme: Some("https".into()), port: Some(443), ..NOTHING }, "https://h:10443/a"),
        (Redirect { port: Some(8080), ..NOTHING }, "http://h:8080/a"),
        (Redirect { hostname: Some("other".into()), ..NOTHING }, "http://other/a"),
    ] {
        assert_eq!(redirect.location(&original, offset), becomes, "{redirect:?}");
    }
}
