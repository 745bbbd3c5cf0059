//! A request that is refused says why: to its client, in the access log and in metrics.

use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::time::advance;

use crate::limits::Limits;
use crate::observe::AccessLog;
use crate::testbed::{Bed, Output, Setup, app, listen, plan, rule};
use crate::violation::Violation;

/// Has `request` refused; returns the answer, the line of the log and the metrics.
async fn refused(request: &str, log: AccessLog) -> (String, String, String) {
    let output = Output::default();
    let setup = Setup { access_log: log, output: output.clone(), ..Setup::default() };
    let (mut answer, mut observer) = (String::new(), None);
    Bed::run_with(setup, &plan(rule()), async |bed| {
        let _backend = listen(app(1));
        let mut client = bed.client();
        client.say(request).await;
        advance(Limits::default().head_timeout + Duration::from_secs(1)).await;
        answer = client.rest().await;
        observer = Some(bed.observer.clone());
    })
    .await;
    let observer = observer.expect("the test has run");
    observer.finish();
    let mut registry = Registry::default();
    registry.register_collector(Box::new(observer));
    let mut metrics = String::new();
    encode(&mut metrics, &registry).unwrap();
    (answer, output.text(), metrics)
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_says_which_rule_it_broke() {
    let many = format!("GET /a HTTP/1.1\r\nHost: h.org\r\n{}\r\n", "X: y\r\n".repeat(101));
    let long = format!("GET /a HTTP/1.1\r\nHost: h.org\r\nX: {}", "y".repeat(40_000));
    for (request, seen, status, violation) in [
        ("GET /a%2Fb HTTP/1.1\r\nHost: h.org\r\n\r\n", "GET h.org/a%2Fb HTTP/1.1", 400, Violation::EncodedSlash),
        ("GET /../x?y HTTP/1.1\r\nHost: h.org\r\n\r\n", "GET h.org/../x?y HTTP/1.1", 400, Violation::PathAboveRoot),
        ("GET /%0d HTTP/1.1\r\nHost: h.org\r\n\r\n", "GET h.org/%0d HTTP/1.1", 400, Violation::PathControl),
        ("GET /a HTTP/1.1\r\nHost: h.org\r\nx_y: z\r\n\r\n", "GET h.org/a HTTP/1.1", 400, Violation::Underscore),
        ("GET /a HTTP/1.1\r\n\r\n", "GET /a HTTP/1.1", 400, Violation::HostMissing),
        ("GET /a\"b c HTTP/1.0\r\n\r\n", "GET /a\\x22b\\x20c HTTP/1.0", 400, Violation::PathByte),
        ("nonsense\r\n\r\n", "nonsense  HTTP/1.1", 400, Violation::RequestLine),
        (&many, "GET h.org/a HTTP/1.1", 431, Violation::FieldsTooMany),
        (&long, "GET h.org/a HTTP/1.1", 431, Violation::HeadTooLarge),
        ("GET /slow HTTP/1.1\r\nHost: h.org\r\nX:", "GET h.org/slow HTTP/1.1", 408, Violation::HeadTimeout),
        (
            "POST /a HTTP/1.1\r\nHost: h.org\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            "POST h.org/a HTTP/1.1",
            400,
            Violation::Chunk,
        ),
    ] {
        let (answer, line, metrics) = refused(request, AccessLog::Text).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{seen}: {answer}");
        assert!(answer.ends_with(&format!("\r\n\r\n{}", violation.phrase())), "{seen}: {answer}");
        let name = violation.name();
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(line.contains(&format!(" 192.0.2.1:5000 \"{seen}\" {status} ")), "{line}");
        assert!(line.ends_with(&format!(" refused={name}\n")), "{line}");
        let counted = format!("refused_requests_total{{rule=\"{name}\"}} 1");
        assert!(metrics.lines().any(|line| line == counted), "{counted}: {metrics}");
        let (_, line, _) = refused(request, AccessLog::Json).await;
        assert!(line.contains(&format!("\"status\":{status},")), "{line}");
        assert!(line.ends_with(&format!(",\"refused\":\"{name}\"}}\n")), "{line}");
    }
}
