use super::*;
use crate::filter::header::tests::Lines;

/// A request with an Origin and whatever else a preflight has.
struct Asks<'a> {
    method: &'a str,
    headers: &'a [(&'a str, &'a str)],
}

impl Request for Asks<'_> {
    fn host(&self) -> &str {
        "api.example.com"
    }

    fn method(&self) -> &str {
        self.method
    }

    fn path(&self) -> &str {
        "/"
    }

    fn query(&self) -> Option<&str> {
        None
    }

    fn header(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        self.headers.iter().find(|(have, _)| *have == name).map(|(_, value)| value.as_bytes().into())
    }

    fn is_grpc(&self) -> bool {
        false
    }
}

fn list<const N: usize>(entries: [&str; N]) -> Vec<Arc<str>> {
    entries.map(Into::into).into()
}

fn cors<const N: usize>(origins: [&str; N]) -> Cors {
    Cors {
        allow_origins: list(origins),
        allow_credentials: false,
        allow_methods: Vec::new(),
        allow_headers: Vec::new(),
        expose_headers: Vec::new(),
        max_age: Duration::from_secs(5),
    }
}

fn preflight(cors: &Cors, headers: &[(&str, &str)]) -> Lines {
    let request = Asks { method: "OPTIONS", headers };
    assert!(Cors::is_preflight(&request));
    let mut response = Lines::default();
    cors.answer_preflight(&request, &mut response);
    response
}

fn shared(cors: &Cors, origin: &str) -> Lines {
    let mut response = Lines::default();
    cors.share(Some(origin.as_bytes()), &mut response);
    response
}

const GET_FROM_FOO: &[(&str, &str)] = &[("origin", "https://www.foo.com"), ("access-control-request-method", "GET")];

#[test]
fn a_preflight_is_options_with_origin_and_method() {
    let is = |method, headers| Cors::is_preflight(&Asks { method, headers });
    assert!(is("OPTIONS", GET_FROM_FOO));
    assert!(!is("GET", GET_FROM_FOO));
    assert!(!is("OPTIONS", &GET_FROM_FOO[..1]));
    assert!(!is("OPTIONS", &GET_FROM_FOO[1..]));
}

#[test]
fn origins_match_by_scheme_host_and_port() {
    for (allowed, origin, expected) in [
        ("https://www.foo.com", "https://www.foo.com", true),
        ("https://www.foo.com", "https://WWW.foo.com", true),
        ("https://www.foo.com", "http://www.foo.com", false),
        ("https://www.foo.com", "https://www.foo.com:443", true),
        ("https://www.foo.com:443", "https://www.foo.com", true),
        ("https://www.foo.com", "https://www.foo.com:8443", false),
        ("http://www.foo.com", "http://www.foo.com:80", true),
        ("http://localhost:3000", "http://localhost:3000", true),
        ("https://*.bar.com", "https://www.bar.com", true),
        ("https://*.bar.com", "https://xpto.www.bar.com", true),
        ("https://*.bar.com", "https://bar.com", false),
        ("https://*.bar.com", "https://foobar.com", false),
        ("https://*.bar.com", "https://.bar.com", false),
        ("https://*.bar.com", "https://www.bar.com.evil.org", false),
        ("https://*.bar.com:8443", "https://www.bar.com:8443", true),
        ("https://*.bar.com:8443", "https://www.bar.com", false),
        ("https://*", "https://anything.at.all", true),
        ("https://*", "http://anything.at.all", false),
        ("https://*", "https://anything:8443", false),
        ("*", "https://anything:8443", true),
        ("*", "null", true),
        ("*", "app://local", true),
        ("https://*", "null", false),
        ("http://[::1]:3000", "http://[::1]:3000", true),
        ("http://[::1]", "http://[::1]:80", true),
    ] {
        assert_eq!(cors([allowed]).allows(origin.as_bytes()), expected, "{allowed} {origin}");
    }
}

/// HTTPRouteCORS, route cors-multiple-origins-methods-headers.
#[test]
fn lists_are_answered_as_they_are() {
    let cors = Cors {
        allow_methods: list(["GET", "OPTIONS"]),
        allow_headers: list(["x-header-1", "x-header-2"]),
        expose_headers: list(["x-header-3", "x-header-4"]),
        allow_credentials: true,
        max_age: Duration::from_secs(3600),
        ..cors(["https://www.foo.com", "https://*.bar.com"])
    };
    assert_eq!(
        preflight(&cors, GET_FROM_FOO),
        Lines::new([
            ("vary", "Origin"),
            ("access-control-allow-origin", "https://www.foo.com"),
            ("access-control-allow-credentials", "true"),
            ("access-control-expose-headers", "x-header-3, x-header-4"),
            ("access-control-allow-methods", "GET, OPTIONS"),
            ("access-control-allow-headers", "x-header-1, x-header-2"),
            ("access-control-max-age", "3600"),
        ])
    );
    assert_eq!(
        shared(&cors, "https://xpto.www.bar.com"),
        Lines::new([
            ("vary", "Origin"),
            ("access-control-allow-origin", "https://xpto.www.bar.com"),
            ("access-control-allow-credentials", "true"),
            ("access-control-expose-headers", "x-header-3, x-header-4"),
        ])
    );
}

#[test]
fn another_origin_gets_no_field() {
    let cors = Cors { allow_methods: list(["GET"]), allow_credentials: true, ..cors(["https://www.foo.com"]) };
    let other = [("origin", "https://foobar.com"), ("access-control-request-method", "GET")];
    assert_eq!(preflight(&cors, &other), Lines::new([("vary", "Origin")]));
    assert_eq!(shared(&cors, "https://foobar.com"), Lines::new([("vary", "Origin")]));
}

#[test]
fn wildcards_echo_what_is_asked() {
    let open =
        Cors { allow_methods: list(["*"]), allow_headers: list(["*"]), expose_headers: list(["*"]), ..cors(["*"]) };
    let asks = [
        ("origin", "https://other.foo.com"),
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "x-header-1, authorization"),
    ];
    let answer = preflight(&open, &asks);
    assert_eq!(answer.get("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.get("access-control-allow-methods"), Some("PUT"));
    assert_eq!(answer.get("access-control-allow-headers"), Some("x-header-1, authorization"));
    assert_eq!(answer.get("access-control-expose-headers"), Some("*"));
    assert_eq!(answer.get("access-control-allow-credentials"), None);
    assert_eq!(preflight(&open, &asks[..2]).get("access-control-allow-headers"), None);

    let with_credentials = Cors { allow_credentials: true, ..open };
    let answer = preflight(&with_credentials, &asks);
    assert!(answer.0.iter().all(|(_, value)| value != "*"), "{answer:?}");
    assert_eq!(answer.get("access-control-allow-origin"), Some("https://other.foo.com"));
    assert_eq!(answer.get("access-control-allow-credentials"), Some("true"));
    assert_eq!(answer.get("access-control-expose-headers"), None);
}

#[test]
fn the_gateway_alone_decides() {
    let backend = || Lines::new([("access-control-allow-origin", "*"), ("access-control-allow-credentials", "true")]);
    let cors = cors(["https://www.foo.com"]);
    let mut response = backend();
    assert!(!cors.share(Some(b"https://evil.org"), &mut response));
    assert_eq!(response, Lines::new([("vary", "Origin")]));

    let mut response = backend();
    assert!(cors.share(Some(b"https://www.foo.com"), &mut response));
    assert_eq!(response, Lines::new([("vary", "Origin"), ("access-control-allow-origin", "https://www.foo.com")]));
}
