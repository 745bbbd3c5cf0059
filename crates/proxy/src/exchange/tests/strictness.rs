//! What is done with requests that servers read differently: as the Plan says, or else as the proxy is set up.

use gatewright_core::plan::{EmptySegments, EncodedSlash, PathMatch, Plan, Strictness, Underscores};

use crate::edge::{Edge, PathOptions, Strict};
use crate::testbed::{Bed, PORT, Setup, app, listen, plan, rule};

fn strictly(strictness: Strictness) -> Plan {
    let mut plan = plan(rule());
    plan.ports.get_mut(&PORT).expect("the bed's port").strictness = strictness;
    plan
}

fn open(strict: Strict) -> Setup {
    Setup { edge: Edge { strict, ..Edge::default() }, ..Setup::default() }
}

/// Sends a request for `path` with these field lines; returns the head that the backend gets, or the status.
async fn sent(setup: Setup, plan: &Plan, path: &str, lines: &str) -> String {
    let mut seen = String::new();
    Bed::run_with(setup, plan, async |bed| {
        let mut backend = listen(app(1));
        let mut client = bed.client();
        client.say(&format!("GET {path} HTTP/1.1\r\nHost: h.org\r\n{lines}\r\n")).await;
        tokio::select! {
            mut serving = backend.accept() => seen = serving.head().await,
            head = client.head() => seen = head,
        }
    })
    .await;
    seen
}

const KEEPING: PathOptions = PathOptions { encoded_slash: EncodedSlash::Keep, empty_segments: EmptySegments::Keep };

#[tokio::test(start_paused = true)]
async fn an_encoded_slash_is_refused_or_a_character_of_its_segment() {
    let keep = Strictness { encoded_slash: Some(EncodedSlash::Keep), ..Strictness::default() };
    for (path, forwarded) in [
        ("/@scope%2fname", "/@scope%2Fname"),
        ("/api/queues/%2F/tasks", "/api/queues/%2F/tasks"),
        ("/repositories/git%40example.test%3Aa%2Fb.git", "/repositories/git%40example.test%3Aa%2Fb.git"),
        ("/a%5Cb", "/a%5Cb"),
        ("/a//b%2Fc", "/a/b%2Fc"),
    ] {
        let head = sent(Setup::default(), &strictly(keep), path, "").await;
        assert!(head.starts_with(&format!("GET {forwarded} ")), "{head}");
        let head = sent(Setup::default(), &strictly(Strictness::default()), path, "").await;
        assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    }
    for path in ["/a%2f..%2fb", "/..%2fb", "/%00", "/a/../../b"] {
        let head = sent(Setup::default(), &strictly(keep), path, "").await;
        assert!(head.starts_with("HTTP/1.1 400 "), "{path}: {head}");
    }
}

#[tokio::test(start_paused = true)]
async fn empty_segments_are_merged_or_kept() {
    let keep = Strictness { empty_segments: Some(EmptySegments::Keep), ..Strictness::default() };
    for (path, merged) in [
        ("/x//y", "/x/y"),
        ("/fetch/https://img.test/a.png?src=https://b//c", "/fetch/https:/img.test/a.png?src=https://b//c"),
        ("//x", "/x"),
        ("/files//path/to", "/files/path/to"),
    ] {
        let head = sent(Setup::default(), &strictly(keep), path, "").await;
        assert!(head.starts_with(&format!("GET {path} ")), "{head}");
        let head = sent(Setup::default(), &strictly(Strictness::default()), path, "").await;
        assert!(head.starts_with(&format!("GET {merged} ")), "{head}");
    }
}

/// Routes match the path that backends get.
#[tokio::test(start_paused = true)]
async fn a_kept_slash_is_no_separator_to_matches() {
    let mut rule = rule();
    rule.matches[0].path = PathMatch::Prefix("/admin".into());
    let plan = plan(rule);
    for (path, is_matched) in
        [("/admin/x", true), ("/admin//x", true), ("/admin%2Fx", false), ("//admin/x", false), ("/%61dmin/x", true)]
    {
        let head = sent(open(Strict { path: KEEPING, ..Strict::default() }), &plan, path, "").await;
        assert_eq!(head.starts_with("GET "), is_matched, "{path}: {head}");
        assert!(is_matched || head.starts_with("HTTP/1.1 404 "), "{path}: {head}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_plan_says_wins_over_how_the_proxy_is_set_up() {
    let strict = Strict { path: KEEPING, underscores: Underscores::Keep };
    let head = sent(open(strict), &plan(rule()), "/a%2Fb//c", "x_y: z\r\n").await;
    assert!(head.starts_with("GET /a%2Fb//c ") && head.contains("\r\nx_y: z"), "{head}");
    let rejecting = strictly(Strictness { encoded_slash: Some(EncodedSlash::Reject), ..Strictness::default() });
    let head = sent(open(strict), &rejecting, "/a%2Fb", "").await;
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
}

#[tokio::test(start_paused = true)]
async fn underscores_are_refused_dropped_or_kept() {
    let with = |underscores| strictly(Strictness { underscores: Some(underscores), ..Strictness::default() });
    let lines = "X_Own: 1\r\nx_forwarded_For: 6.6.6.6\r\nX-Forwarded_Proto: https\r\nx_real_ip: 6.6.6.6\r\n";
    let head = sent(Setup::default(), &with(Underscores::Reject), "/", lines).await;
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    let head = sent(Setup::default(), &with(Underscores::Drop), "/", lines).await;
    assert!(head.starts_with("GET / ") && !head.contains('_'), "{head}");
    let head = sent(Setup::default(), &with(Underscores::Keep), "/", lines).await;
    assert!(head.contains("\r\nX_Own: 1"), "{head}");
    assert!(!head.contains("6.6.6.6") && !head.contains("https"), "nobody says what the gateway says: {head}");
    for line in
        ["content_length: 5\r\n", "Transfer_Encoding: chunked\r\n", "transfer-encoding_: x\r\nContent-Length_: 1\r\n"]
    {
        let head = sent(Setup::default(), &with(Underscores::Keep), "/", line).await;
        assert_eq!(head.starts_with("HTTP/1.1 400 "), !line.contains("_:"), "{line}: {head}");
    }
}
