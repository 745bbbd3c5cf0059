use std::time::Duration;

use gatewright_core::filter::Filter;
use gatewright_core::filter::cors::Cors;
use gatewright_core::filter::external_auth::ExternalAuth;
use gatewright_core::filter::header::HeaderModifier;
use gatewright_core::plan::{BackendId, Rule, Timeouts};

use super::{asked, asking, over_http};
use crate::observe::Event;
use crate::testbed::{Bed, Peer, app, auth, listen, rule};

const DENIAL: &str = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 4\r\n\r\nno!\n";

#[tokio::test(start_paused = true)]
async fn a_yes_lets_the_request_pass_with_what_the_server_gives_it() {
    Bed::run(asked(asking("auth", "/check", &["cookie"], &["x-user"])), async |bed| {
        let (mut backend, mut servers) = (listen(app(1)), listen(auth()));
        let mut client = bed.client();
        let head = "PUT /a?b=c HTTP/1.1\r\nHost: h.org\r\nAuthorization: me\r\nCookie: k\r\nX-User: root\r\nX-Other: o";
        client.say(&format!("{head}\r\nContent-Length: 5\r\n\r\nhello")).await;
        let mut server = servers.accept().await;
        let question =
            "PUT /check/a?b=c HTTP/1.1\r\nhost: h.org\r\nAuthorization: me\r\nCookie: k\r\ncontent-length: 0";
        assert_eq!(server.head().await, question);
        server.say("HTTP/1.1 200 OK\r\nX-User: ann\r\nX-Secret: s\r\nContent-Length: 2\r\n\r\nok").await;
        let mut serving = backend.accept().await;
        let head = serving.head().await;
        assert!(head.contains("X-User: ann") && !head.contains("root") && !head.contains("Secret"), "{head}");
        assert!(head.starts_with("PUT /a?b=c ") && head.contains("X-Other: o"), "{head}");
        serving.hear("hello").await;
        serving.say("HTTP/1.1 204 No Content\r\n\r\n").await;
        client.hear("HTTP/1.1 204 No Content\r\n\r\n").await;
        // The connection to the server is used again.
        client.get().await;
        server.head().await;
        server.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        assert!(!serving.head().await.contains("X-User"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_no_is_what_the_client_gets_and_the_backend_hears_nothing() {
    Bed::run(asked(over_http()), async |bed| {
        let (mut backend, mut servers) = (listen(app(1)), listen(auth()));
        let mut client = bed.client();
        client.get().await;
        let mut server = servers.accept().await;
        server.head().await;
        server.say(DENIAL).await;
        client.hear("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\ncontent-length: 4\r\n\r\nno!\n").await;
        assert!(backend.is_quiet());
        assert_eq!(bed.observer.event(Event::Denied), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_redirect_to_log_in_keeps_its_location_and_cookies() {
    Bed::run(asked(over_http()), async |bed| {
        let mut servers = listen(auth());
        let mut client = bed.client();
        client.get().await;
        let mut server = servers.accept().await;
        server.head().await;
        server.say("HTTP/1.1 302 Found\r\nLocation: /login\r\nSet-Cookie: a\r\nContent-Length: 0\r\n\r\n").await;
        client.hear("HTTP/1.1 302 Found\r\nLocation: /login\r\nSet-Cookie: a\r\ncontent-length: 0\r\n\r\n").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_success_other_than_200_is_a_no_that_does_not_look_like_one() {
    Bed::run(asked(over_http()), async |bed| {
        let mut servers = listen(auth());
        let mut client = bed.client();
        client.get().await;
        let mut server = servers.accept().await;
        server.head().await;
        server.say("HTTP/1.1 204 No Content\r\n\r\n").await;
        client.hear("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_away_breaks_off_or_talks_nonsense_lets_nothing_pass() {
    for says in
        [None, Some(""), Some("SSH-2.0\r\n\r\n"), Some("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")]
    {
        Bed::run(asked(over_http()), async |bed| {
            let mut backend = listen(app(1));
            let mut servers = says.map(|_| listen(auth()));
            let mut client = bed.client();
            client.get().await;
            if let (Some(servers), Some(says)) = (&mut servers, says) {
                let mut server = servers.accept().await;
                server.head().await;
                server.say(says).await;
            }
            assert!(client.head().await.starts_with("HTTP/1.1 503 "), "{says:?}");
            assert!(backend.is_quiet());
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_given_up_within_the_routes_time_or_its_own() {
    for (granted, status) in [(None, 503), (Some(Duration::from_secs(2)), 504)] {
        let timeouts = Timeouts { request: granted, backend_request: None };
        Bed::run(Rule { timeouts, ..asked(over_http()) }, async |bed| {
            let mut servers = listen(auth());
            let mut client = bed.client();
            client.get().await;
            let mut server = servers.accept().await;
            server.head().await;
            let began = tokio::time::Instant::now();
            assert!(client.head().await.starts_with(&format!("HTTP/1.1 {status} ")));
            assert_eq!(began.elapsed().as_secs(), granted.unwrap_or(super::super::ANSWER_TIMEOUT).as_secs());
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_kept_connection_that_died_is_replaced() {
    Bed::run(asked(over_http()), async |bed| {
        let (mut backend, mut servers) = (listen(app(1)), listen(auth()));
        let mut client = bed.client();
        client.get().await;
        let mut server = servers.accept().await;
        server.head().await;
        server.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let mut serving = backend.accept().await;
        serving.answer("200 OK").await;
        client.hear("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        client.get().await;
        server.head().await;
        drop(server);
        let mut server = servers.accept().await;
        server.head().await;
        server.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        serving.answer("200 OK").await;
        client.hear("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    })
    .await;
}

fn with_body(bytes: u32) -> Rule {
    asked(ExternalAuth { body_bytes_max: bytes, ..over_http() })
}

async fn say_put(client: &mut Peer, framing: &str) {
    client.say(&format!("PUT / HTTP/1.1\r\nHost: h.org\r\n{framing}\r\n\r\n")).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_is_asked_about_and_sent_on_whole() {
    for (framing, body) in [
        ("Content-Length: 5", "hello"),
        ("Transfer-Encoding: chunked", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "0\r\n\r\n"),
    ] {
        Bed::run(with_body(5), async |bed| {
            let (mut backend, mut servers) = (listen(app(1)), listen(auth()));
            let mut client = bed.client();
            say_put(&mut client, framing).await;
            client.say(body).await;
            let mut server = servers.accept().await;
            let sent = if body.len() > 5 { "hello" } else { body.trim_end_matches("0\r\n\r\n") };
            let question = server.head().await;
            assert!(question.ends_with(&format!("content-length: {}", sent.len())), "{question}");
            server.hear(sent).await;
            server.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            let mut serving = backend.accept().await;
            serving.head().await;
            let whole = match (framing, sent) {
                ("Content-Length: 5", _) => "hello",
                (_, "") => "0\r\n\r\n",
                (_, _) => "5\r\nhello\r\n0\r\n\r\n",
            };
            serving.hear(whole).await;
            serving.say("HTTP/1.1 204 No Content\r\n\r\n").await;
            client.hear("HTTP/1.1 204 No Content\r\n\r\n").await;
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_long_is_refused_and_nobody_is_asked() {
    for (framing, body) in [("Content-Length: 6", ""), ("Transfer-Encoding: chunked", "6\r\nhello!\r\n")] {
        Bed::run(with_body(5), async |bed| {
            let (mut backend, mut servers) = (listen(app(1)), listen(auth()));
            let mut client = bed.client();
            say_put(&mut client, framing).await;
            client.say(body).await;
            assert!(client.head().await.starts_with("HTTP/1.1 413 "));
            assert!(backend.is_quiet() && servers.is_quiet());
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_waits_to_send_its_body_is_told_to() {
    Bed::run(with_body(5), async |bed| {
        let (mut backend, mut servers) = (listen(app(1)), listen(auth()));
        let mut client = bed.client();
        say_put(&mut client, "Content-Length: 5\r\nExpect: 100-continue").await;
        client.hear("HTTP/1.1 100 Continue\r\n\r\n").await;
        client.say("hello").await;
        let mut server = servers.accept().await;
        assert!(!server.head().await.contains("expect"));
        server.hear("hello").await;
        server.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let mut serving = backend.accept().await;
        assert!(!serving.head().await.contains("expect"));
        serving.hear("hello").await;
        serving.say("HTTP/1.1 204 No Content\r\n\r\n").await;
        client.hear("HTTP/1.1 204 No Content\r\n\r\n").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_is_the_clients_fault() {
    Bed::run(with_body(5), async |bed| {
        let mut client = bed.client();
        say_put(&mut client, "Content-Length: 5").await;
        client.say("hell").await;
        assert!(client.head().await.starts_with("HTTP/1.1 408 "));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn filters_before_it_are_done_when_it_asks_and_those_after_it_see_its_answer() {
    let set = |name: &str, value: &str| HeaderModifier {
        set: vec![(name.into(), value.into())],
        ..HeaderModifier::default()
    };
    let remove = HeaderModifier { remove: vec!["x-given".into()], ..HeaderModifier::default() };
    let filters = vec![
        Filter::RequestHeader(set("Authorization", "before")),
        Filter::ResponseHeader(set("X-Marked", "yes")),
        Filter::ExternalAuth(Box::new(over_http())),
        Filter::RequestHeader(remove),
        Filter::ResponseHeader(set("X-Late", "yes")),
    ];
    Bed::run(Rule { filters, ..rule() }, async |bed| {
        let (mut backend, mut servers) = (listen(app(1)), listen(auth()));
        let mut client = bed.client();
        client.get().await;
        let mut server = servers.accept().await;
        assert!(server.head().await.contains("Authorization: before"));
        server.say("HTTP/1.1 200 OK\r\nX-Given: g\r\nContent-Length: 0\r\n\r\n").await;
        let mut serving = backend.accept().await;
        assert!(!serving.answer("200 OK").await.contains("X-Given"));
        client.hear("HTTP/1.1 200 OK\r\nX-Marked: yes\r\nX-Late: yes\r\ncontent-length: 2\r\n\r\nok").await;
        client.get().await;
        server.head().await;
        server.say(DENIAL).await;
        let denial = client.head().await;
        assert!(denial.contains("X-Marked") && !denial.contains("X-Late"), "{denial}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn of_two_servers_the_second_is_not_asked_after_a_no() {
    let second = ExternalAuth { backend: BackendId::new("mirror"), ..over_http() };
    let filters = vec![Filter::ExternalAuth(Box::new(over_http())), Filter::ExternalAuth(Box::new(second))];
    Bed::run(Rule { filters, ..rule() }, async |bed| {
        let (mut first, mut seconds) = (listen(auth()), listen(crate::testbed::mirror()));
        let mut client = bed.client();
        client.get().await;
        let mut server = first.accept().await;
        server.head().await;
        server.say(DENIAL).await;
        client.head().await;
        assert!(seconds.is_quiet());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_filter_of_a_backend_asks_for_its_share() {
    let mut rule = rule();
    rule.backends[0].filters = vec![Filter::ExternalAuth(Box::new(over_http()))];
    Bed::run(rule, async |bed| {
        let mut servers = listen(auth());
        let mut client = bed.client();
        client.get().await;
        let mut server = servers.accept().await;
        server.head().await;
        server.say(DENIAL).await;
        assert!(client.head().await.starts_with("HTTP/1.1 401 "));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_browser_may_read_a_no_where_cors_stands_before_it_and_a_preflight_is_answered_unasked() {
    let cors = Cors {
        allow_origins: vec!["https://a.example".into()],
        allow_credentials: false,
        allow_methods: vec!["GET".into()],
        allow_headers: Vec::new(),
        expose_headers: Vec::new(),
        max_age: Duration::from_secs(5),
    };
    let filters = vec![Filter::Cors(Box::new(cors)), Filter::ExternalAuth(Box::new(over_http()))];
    Bed::run(Rule { filters, ..rule() }, async |bed| {
        let mut servers = listen(auth());
        let mut client = bed.client();
        let origin = "Host: h.org\r\nOrigin: https://a.example\r\n";
        client.say(&format!("OPTIONS / HTTP/1.1\r\n{origin}Access-Control-Request-Method: GET\r\n\r\n")).await;
        assert!(client.head().await.starts_with("HTTP/1.1 204 "));
        assert!(servers.is_quiet());
        client.say(&format!("GET / HTTP/1.1\r\n{origin}\r\n")).await;
        let mut server = servers.accept().await;
        server.head().await;
        server.say(DENIAL).await;
        let denial = client.head().await.to_ascii_lowercase();
        assert!(
            denial.starts_with("http/1.1 401 ") && denial.contains("access-control-allow-origin: https://a.example")
        );
    })
    .await;
}
