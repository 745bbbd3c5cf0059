use gatewright_core::plan::{ListenerFilter, MethodMatch, Plan, Refusal};
use gatewright_shared_map::SharedSet;

use super::super::super::super::testbed::{PORT, plan};
use super::{asking, over_http};
use crate::testbed::{Bed, app, auth, listen, mirror, rule};

fn filtered(filters: Vec<ListenerFilter>) -> Plan {
    let mut plan = plan(rule());
    plan.ports.get_mut(&PORT).unwrap().listeners[0].filters = filters;
    plan
}

/// A Plan whose one rule takes requests of the user `ann` alone.
fn for_ann() -> Plan {
    use gatewright_core::plan::{HeaderMatch, StringMatch};
    let mut rule = rule();
    rule.matches[0].headers = vec![HeaderMatch { name: "x-user".into(), value: StringMatch::Exact("ann".into()) }];
    let mut plan = plan(rule);
    plan.ports.get_mut(&PORT).unwrap().listeners[0].filters = vec![ListenerFilter::ExternalAuth(over_http())];
    plan
}

#[tokio::test(start_paused = true)]
async fn what_the_server_gives_a_request_decides_its_route_and_its_own_word_does_not() {
    Bed::run_plan(&for_ann(), async |bed| {
        let (mut backend, mut servers) = (listen(app(1)), listen(auth()));
        let mut client = bed.client();
        client.get().await;
        let mut server = servers.accept().await;
        server.head().await;
        server.say("HTTP/1.1 200 OK\r\nX-User: ann\r\nContent-Length: 0\r\n\r\n").await;
        let mut serving = backend.accept().await;
        assert!(serving.answer("200 OK").await.contains("X-User: ann"));
        client.hear("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        client.say("GET / HTTP/1.1\r\nHost: h.org\r\nX-User: ann\r\n\r\n").await;
        server.head().await;
        server.say("HTTP/1.1 200 OK\r\nX-User: bob\r\nContent-Length: 0\r\n\r\n").await;
        assert!(client.head().await.starts_with("HTTP/1.1 404 "));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_request_is_asked_about_whether_there_is_a_route_for_it_or_not() {
    let mut plan = filtered(vec![ListenerFilter::ExternalAuth(over_http())]);
    plan.ports.get_mut(&PORT).unwrap().listeners[0].routes = SharedSet::default();
    Bed::run_plan(&plan, async |bed| {
        let mut servers = listen(auth());
        let mut client = bed.client();
        client.get().await;
        let mut server = servers.accept().await;
        server.head().await;
        server.say("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await;
        client.hear("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
        client.get().await;
        server.head().await;
        server.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        assert!(client.head().await.starts_with("HTTP/1.1 404 "));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn they_run_in_their_order_and_the_last_word_counts() {
    for turned in [false, true] {
        let mut filters = vec![
            ListenerFilter::ExternalAuth(over_http()),
            ListenerFilter::ExternalAuth(asking("mirror", "", &["x-key"], &[])),
        ];
        if turned {
            filters.reverse();
        }
        Bed::run_plan(&filtered(filters), async |bed| {
            let (mut backend, mut auths, mut mirrors) = (listen(app(1)), listen(auth()), listen(mirror()));
            let mut client = bed.client();
            client.get().await;
            let servers = if turned { [&mut mirrors, &mut auths] } else { [&mut auths, &mut mirrors] };
            for (servers, key) in servers.into_iter().zip(["first", "second"]) {
                let mut server = servers.accept().await;
                server.head().await;
                server.say(&format!("HTTP/1.1 200 OK\r\nX-Key: {key}\r\nContent-Length: 0\r\n\r\n")).await;
            }
            let head = backend.accept().await.answer("200 OK").await;
            assert!(head.contains("X-Key: second") && !head.contains("first"), "{head}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_no_no_other_is_asked_and_no_route_looked_for() {
    let filters =
        vec![ListenerFilter::ExternalAuth(over_http()), ListenerFilter::ExternalAuth(asking("mirror", "", &[], &[]))];
    Bed::run_plan(&filtered(filters), async |bed| {
        let (mut backend, mut auths, mut mirrors) = (listen(app(1)), listen(auth()), listen(mirror()));
        let mut client = bed.client();
        client.get().await;
        let mut server = auths.accept().await;
        server.head().await;
        server.say("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await;
        client.hear("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
        assert!(backend.is_quiet() && mirrors.is_quiet());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_leads_nowhere_refuses_every_request_in_its_turn() {
    let filters = vec![ListenerFilter::ExternalAuth(over_http()), ListenerFilter::Refuse(Refusal::Broken)];
    Bed::run_plan(&filtered(filters), async |bed| {
        let (mut backend, mut auths) = (listen(app(1)), listen(auth()));
        let mut client = bed.client();
        client.get().await;
        let mut server = auths.accept().await;
        server.head().await;
        server.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        assert!(client.head().await.starts_with("HTTP/1.1 500 "));
        assert!(backend.is_quiet());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn host_stays_as_it_is_whatever_the_server_says() {
    let mut plan = filtered(vec![ListenerFilter::ExternalAuth(over_http())]);
    let (id, mut route) = plan.routes.iter().next().map(|(id, route)| (id.clone(), route.clone())).unwrap();
    std::sync::Arc::make_mut(&mut route).rules[0].matches[0].method = Some(MethodMatch("GET".into()));
    plan.routes.insert(id, route);
    Bed::run_plan(&plan, async |bed| {
        let (mut backend, mut auths) = (listen(app(1)), listen(auth()));
        let mut client = bed.client();
        client.get().await;
        let mut server = auths.accept().await;
        server.head().await;
        server.say("HTTP/1.1 200 OK\r\nHost: evil.org\r\nContent-Length: 0\r\n\r\n").await;
        let head = backend.accept().await.answer("200 OK").await;
        assert!(head.contains("host: h.org") && !head.contains("evil"), "{head}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_server_sees_forwarding_fields_that_no_client_wrote() {
    let filters = vec![ListenerFilter::ExternalAuth(asking("auth", "", &["x-forwarded-for"], &[]))];
    Bed::run_plan(&filtered(filters), async |bed| {
        let mut auths = listen(auth());
        let mut client = bed.client();
        client.say("GET / HTTP/1.1\r\nHost: h.org\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n").await;
        let question = auths.accept().await.head().await;
        assert!(question.contains("x-forwarded-for: 192.0.2.1") && !question.contains("127.0.0.1"), "{question}");
    })
    .await;
}
