use std::time::Duration;

use gatewright_core::filter::Filter;
use gatewright_core::filter::cors::Cors;
use gatewright_core::plan::{Match, MethodMatch, PathMatch, Rule};

use crate::testbed::{Bed, rule};

pub(super) fn cors() -> Filter {
    Filter::Cors(Box::new(Cors {
        allow_origins: vec!["https://app.test".into()],
        allow_credentials: false,
        allow_methods: Vec::new(),
        allow_headers: Vec::new(),
        expose_headers: Vec::new(),
        max_age: Duration::from_secs(5),
    }))
}

pub(super) fn preflight(method: &str) -> String {
    format!(
        "OPTIONS / HTTP/1.1\r\nHost: h.org\r\nOrigin: https://app.test\r\nAccess-Control-Request-Method: {method}\r\n\r\n"
    )
}

/// A rule for GET alone.
fn shared_get() -> Rule {
    let get = Match {
        path: PathMatch::Prefix("/".into()),
        method: Some(MethodMatch("GET".into())),
        headers: Vec::new(),
        query: Vec::new(),
    };
    Rule { matches: vec![get], filters: vec![cors()], ..rule() }
}

#[tokio::test(start_paused = true)]
async fn a_rule_for_a_method_answers_the_preflight_that_announces_it_and_refuses_others() {
    Bed::run(shared_get(), async |bed| {
        let mut client = bed.client();
        client.say(&preflight("GET")).await;
        let answer = client.head().await;
        assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
        assert!(answer.to_ascii_lowercase().contains("access-control-allow-origin: https://app.test\r\n"), "{answer}");
        client.say(&preflight("DELETE")).await;
        let answer = client.head().await;
        assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
        assert!(!answer.to_ascii_lowercase().contains("access-control"), "{answer}");
    })
    .await;
}
