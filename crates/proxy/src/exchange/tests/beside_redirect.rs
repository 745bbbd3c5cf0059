//! Filters beside a redirect: each has its effect, on whichever side it stands.

use gatewright_core::filter::Filter;
use gatewright_core::filter::header::HeaderModifier;
use gatewright_core::filter::mirror::Mirror;
use gatewright_core::filter::redirect::Redirect;
use gatewright_core::plan::{BackendId, Refusal, Rule};

use super::cors::{cors, preflight};
use crate::observe::Event;
use crate::testbed::{Bed, listen, mirror, rule};

fn redirect() -> Filter {
    Filter::Redirect(Redirect {
        scheme: None,
        hostname: Some("new.test".into()),
        path: None,
        port: Some(80),
        status: 302,
    })
}

fn hsts() -> Filter {
    let set = vec![("strict-transport-security".into(), "max-age=1".into())];
    Filter::ResponseHeader(HeaderModifier { set, ..HeaderModifier::default() })
}

fn mirrors() -> Filter {
    Filter::Mirror(Mirror { backend: BackendId::new("mirror"), numerator: 1, denominator: 1 })
}

fn redirecting(filters: [Filter; 2]) -> Rule {
    Rule { filters: filters.into(), backends: Vec::new(), ..rule() }
}

/// Returns the head of the answer to `request`, in lower case.
async fn answer(rule: Rule, request: &str) -> String {
    let mut answer = String::new();
    Bed::run(rule, async |bed| {
        let mut client = bed.client();
        client.say(request).await;
        answer = client.head().await.to_ascii_lowercase();
    })
    .await;
    answer
}

const GET: &str = "GET / HTTP/1.1\r\nHost: h.org\r\nOrigin: https://app.test\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn response_filters_on_either_side_of_a_redirect_change_its_answer() {
    for filters in [[redirect(), hsts()], [hsts(), redirect()]] {
        let answer = answer(redirecting(filters), GET).await;
        assert!(answer.starts_with("http/1.1 302 "), "{answer}");
        assert!(answer.contains("strict-transport-security: max-age=1\r\n"), "{answer}");
    }
    for filters in [[redirect(), cors()], [cors(), redirect()]] {
        let shared = answer(redirecting(filters.clone()), GET).await;
        assert!(shared.starts_with("http/1.1 302 "), "{shared}");
        assert!(shared.contains("access-control-allow-origin: https://app.test\r\n"), "{shared}");
        let allowed = answer(redirecting(filters), &preflight("GET")).await;
        assert!(allowed.starts_with("http/1.1 204 "), "{allowed}");
        assert!(allowed.contains("access-control-allow-origin: https://app.test\r\n"), "{allowed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirected_request_is_mirrored_unless_its_body_was_not_read() {
    for filters in [[redirect(), mirrors()], [mirrors(), redirect()]] {
        Bed::run(redirecting(filters), async |bed| {
            let mut copies = listen(mirror());
            let mut client = bed.client();
            client.say(GET).await;
            let mut copy = copies.accept().await;
            assert!(copy.head().await.starts_with("GET / HTTP/1.1\r\n"));
            assert!(client.head().await.starts_with("HTTP/1.1 302 "));
            assert_eq!(bed.observer.event(Event::Mirrored), 1);
            let mut client = bed.client();
            client.say("PUT / HTTP/1.1\r\nHost: h.org\r\nContent-Length: 2\r\n\r\nhi").await;
            assert!(client.head().await.starts_with("HTTP/1.1 302 "));
            assert_eq!(bed.observer.event(Event::Mirrored), 1);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_cannot_be_honoured_refuses_although_a_redirect_stands_before_it() {
    let answer = answer(redirecting([redirect(), Filter::Refuse(Refusal::Broken)]), GET).await;
    assert!(answer.starts_with("http/1.1 500 "), "{answer}");
}
