//! What is counted is what is scraped, and what is logged cannot break its line.

use std::{sync::Arc, time::Duration};

use gatewright_core::plan::{ListenerId, RouteId};
use prometheus_client::{encoding::text::encode, registry::Registry};

use super::{AccessLog, Event, FAILURES, Observer, Record, Rule, Series, series::SeriesSet};
use crate::{failure::What, message::Version, testbed::Output};

fn record<'a>(listener: &'a Series, route: &'a Series) -> Record<'a> {
    Record {
        listener: Some(listener),
        route: Some(route),
        rule: Some(Rule { index: 1, name: Some("main") }),
        endpoint: Some(([127, 0, 0, 1], 3000).into()),
        client: ([127, 0, 0, 1], 50_312).into(),
        version: Version::Http11,
        method: "GET",
        authority: "example.com:8080",
        path: "/a",
        query: Some("b=c"),
        status: 200,
        request_bytes: 3,
        response_bytes: 12,
        duration: Duration::from_micros(231),
        backend_duration: Some(Duration::from_micros(100)),
        retries: 0,
        failure: None,
        violation: None,
    }
}

fn scrape(observer: Arc<Observer>) -> String {
    let mut registry = Registry::with_prefix("gatewright");
    registry.register_collector(Box::new(observer));
    let mut text = String::new();
    encode(&mut text, &registry).expect("a String takes everything");
    text
}

#[test]
fn a_scrape_sums_all_workers() {
    let observer = Arc::new(Observer::start(2, AccessLog::Off, Arc::default()).unwrap());
    let listener = observer.listener(&ListenerId::new("gateway/ns/gw/http"));
    let route = observer.route(&RouteId::new("httproute/ns/a"));
    for recorder in [observer.recorder(), observer.recorder()] {
        recorder.count(Event::ConnectionOpened);
        recorder.finish(&record(&listener, &route));
        let failed = Record {
            listener: None,
            route: None,
            status: 404,
            failure: Some(What::NoRoute),
            ..record(&listener, &route)
        };
        recorder.finish(&failed);
    }
    let text = scrape(observer);
    for line in [
        r#"gatewright_requests_total{listener="gateway/ns/gw/http",class="2xx"} 2"#,
        r#"gatewright_requests_total{listener="none",class="4xx"} 2"#,
        r#"gatewright_route_requests_total{route="httproute/ns/a",class="2xx"} 2"#,
        r#"gatewright_protocol_requests_total{protocol="HTTP/1.1"} 4"#,
        r#"gatewright_failures_total{kind="no_route"} 2"#,
        "gatewright_request_body_bytes_total 12",
        r#"gatewright_request_duration_seconds_bucket{le="0.0001"} 0"#,
        r#"gatewright_request_duration_seconds_bucket{le="0.00025"} 4"#,
        r#"gatewright_request_duration_seconds_bucket{le="+Inf"} 4"#,
        "gatewright_request_duration_seconds_count 4",
        "gatewright_connections_open 2",
        r#"gatewright_budget_used{budget="mirrors"} 0"#,
        r#"gatewright_budget_limit{budget="mirrors"} 1024"#,
        r#"gatewright_budget_limit{budget="retries"} 10"#,
        r#"gatewright_budget_refusals_total{budget="buffered_bytes"} 0"#,
    ] {
        assert!(text.lines().any(|have| have == line), "{line} is missing in\n{text}");
    }
}

#[test]
fn failures_and_events_lie_at_their_index() {
    for (index, (what, _)) in FAILURES.iter().enumerate() {
        assert_eq!(*what as usize, index);
    }
    for (index, event) in Event::ALL.iter().enumerate() {
        assert_eq!(*event as usize, index);
    }
}

#[test]
fn a_series_goes_on_while_a_snapshot_names_it_and_the_set_is_bounded() {
    let set = SeriesSet::new(1);
    let first = set.get(&"a".into());
    first.count(0, 200);
    set.get(&"a".into()).count(0, 200);
    assert_eq!(set.sums(), [("a".into(), [0, 0, 2, 0, 0, 0])]);

    let all: Vec<_> = (0..SeriesSet::SERIES_MAX + 10).map(|index| set.get(&index.to_string().into())).collect();
    all.iter().for_each(|series| series.count(0, 404));
    let sums = set.sums();
    assert_eq!(sums.len(), SeriesSet::SERIES_MAX + 1);
    assert_eq!(sums.last(), Some(&("other".into(), [0, 0, 0, 0, 11, 0])), "a and 999 others have their own");

    drop((first, all));
    assert_eq!(set.sums().len(), 1, "only `other` outlives the Snapshots");
    set.get(&"new".into()).count(0, 200);
    assert_eq!(set.sums().len(), 1, "and what is dropped makes room");
}

/// Logs one record whose path is hostile, and returns the line without its time.
fn logged(log: AccessLog, path: &str) -> String {
    let output = Output::default();
    let observer = Observer::start_to(1, log, Arc::default(), output.clone()).unwrap();
    let (listener, route) =
        (observer.listener(&ListenerId::new("gateway/ns/gw/http")), observer.route(&RouteId::new("httproute/ns/a")));
    observer.recorder().finish(&Record { path, retries: 2, failure: Some(What::Timeout), ..record(&listener, &route) });
    observer.finish();
    output.text()
}

#[test]
fn a_line_of_text_keeps_its_fields_apart() {
    let line = logged(AccessLog::Text, "/\" 200\n\u{1b}[2J\u{e9}");
    let (time, rest) = line.split_once(' ').unwrap();
    assert_eq!(time.len(), "2026-01-31T12:00:00.000Z".len());
    assert_eq!(
        rest,
        "127.0.0.1:50312 \"GET example.com:8080/\\x22\\x20200\\x0a\\x1b[2J\\xc3\\xa9?b=c HTTP/1.1\" 200 in=3 out=12 0.000231s \
         endpoint=127.0.0.1:3000 backend=0.000100s listener=gateway/ns/gw/http route=httproute/ns/a rule=1/main retries=2 \
         failure=timeout\n"
    );
}

#[test]
fn a_line_of_json_is_one_object() {
    let line = logged(AccessLog::Json, "/\"\\\n\u{1b}\u{e9}");
    let (_, rest) = line.split_once("Z\"").unwrap();
    assert_eq!(
        rest,
        ",\"client\":\"127.0.0.1:50312\",\"method\":\"GET\",\"authority\":\"example.com:8080\",\
         \"path\":\"/\\\"\\\\\\u000a\\u001b\u{e9}\",\"query\":\"b=c\",\"listener\":\"gateway/ns/gw/http\",\
         \"route\":\"httproute/ns/a\",\"rule_name\":\"main\",\"rule\":1,\"protocol\":\"HTTP/1.1\",\"status\":200,\
         \"request_bytes\":3,\"response_bytes\":12,\"duration_seconds\":0.000231,\"endpoint\":\"127.0.0.1:3000\",\
         \"backend_seconds\":0.000100,\"retries\":2,\"failure\":\"timeout\"}\n"
    );
}
