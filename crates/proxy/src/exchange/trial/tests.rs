use gatewright_core::plan::Timeouts;
use tokio::time::Instant;

use super::*;

/// What a rule says of tries.
struct Rule {
    timeouts: Timeouts,
    retry: Option<Retry>,
}

impl Rule {
    fn terms(&self) -> Terms<'_> {
        Terms { timeouts: self.timeouts, retry: self.retry.as_ref(), is_of_grpc: false }
    }
}

fn rule(retry: Option<Retry>) -> Rule {
    Rule { timeouts: Timeouts::default(), retry }
}

fn retry(codes: &[u16], attempts: u32) -> Option<Retry> {
    Some(Retry { codes: codes.to_vec(), attempts, backoff: Duration::from_millis(10) })
}

fn head(method: &str) -> RequestHead {
    RequestHead { method: method.into(), body: BodyLength::Known(5), ..RequestHead::default() }
}

fn trial(rule: &Rule, method: &str) -> Trial {
    Trial::new(Instant::now(), rule.terms(), &head(method), &Limits::default())
}

fn response(status: u16) -> ResponseHead {
    ResponseHead { status, ..ResponseHead::default() }
}

fn failure(what: What) -> Failure {
    what.into()
}

#[tokio::test]
async fn listed_codes_are_tried_again_as_often_as_the_rule_says() {
    let rule = rule(retry(&[500, 503], 2));
    let mut trial = trial(&rule, "POST");
    let retry = rule.retry.as_ref();
    assert!(!trial.is_worth_another(retry, &response(502)), "not listed");
    assert!(trial.is_worth_another(retry, &response(500)));
    assert!(trial.is_worth_another(retry, &response(503)));
    assert!(!trial.is_worth_another(retry, &response(500)), "the last one is passed on");
}

#[tokio::test]
async fn no_attempts_are_no_retries() {
    let rule = rule(retry(&[500, 504], 0));
    let mut trial = trial(&rule, "GET");
    assert!(!trial.is_worth_another(rule.retry.as_ref(), &response(500)));
    assert!(!trial.survives(&failure(What::Timeout), rule.retry.as_ref()));
    assert!(!trial.survives(&failure(What::ConnectFailed).unprocessed(), rule.retry.as_ref()));
}

#[tokio::test]
async fn what_no_backend_has_seen_may_go_to_another_one() {
    let refused = || failure(What::ConnectFailed).unprocessed();
    let plain = rule(None);
    let mut by_default = trial(&plain, "POST");
    assert!((0..UNPROCESSED_TRIES).all(|_| by_default.survives(&refused(), None)));
    assert!(!by_default.survives(&refused(), None), "not for ever");
    let codeless = rule(retry(&[], 1));
    let mut by_rule = trial(&codeless, "POST");
    assert!(by_rule.survives(&refused(), codeless.retry.as_ref()));
    assert!(!by_rule.survives(&refused(), codeless.retry.as_ref()));
}

#[tokio::test]
async fn what_a_backend_may_have_acted_on_is_not_sent_twice() {
    let rule = rule(retry(&[500], 5));
    for what in [What::BackendGone, What::BadResponse, What::Timeout, What::ClientGone] {
        assert!(!trial(&rule, "GET").survives(&failure(what), rule.retry.as_ref()), "{what:?}");
    }
}

#[tokio::test]
async fn a_try_that_timed_out_is_a_504() {
    let rule = rule(retry(&[504], 1));
    let mut trial = trial(&rule, "GET");
    assert!(trial.survives(&failure(What::Timeout), rule.retry.as_ref()));
    assert!(!trial.survives(&failure(What::Timeout), rule.retry.as_ref()));
}

/// RFC 9110 §9.2.2.
#[tokio::test]
async fn a_stale_connection_is_survived_by_what_may_be_repeated() {
    let rule = rule(None);
    for (method, may) in [("GET", true), ("PUT", true), ("POST", false), ("PATCH", false)] {
        let mut trial = trial(&rule, method);
        assert!(!trial.survives(&failure(What::BackendGone), None), "on a new connection");
        trial.fresh = true;
        assert_eq!(trial.survives(&failure(What::BackendGone), None), may, "{method}");
    }
}

#[tokio::test]
async fn a_body_that_is_gone_cannot_be_sent_again() {
    let rule = rule(retry(&[500], 5));
    let limits = Limits { replay_bytes_max: 3, ..Limits::default() };
    let mut trial = Trial::new(Instant::now(), rule.terms(), &head("PUT"), &limits);
    trial.replay.record(b"abcd", &Budget::join(std::sync::Arc::default()));
    assert!(!trial.is_worth_another(rule.retry.as_ref(), &response(500)));
    assert!(!trial.survives(&failure(What::ConnectFailed).unprocessed(), rule.retry.as_ref()));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_tried_once_the_request_is_over() {
    let mut rule = rule(retry(&[504], 5));
    rule.timeouts.request = Some(Duration::from_secs(1));
    let mut trial = trial(&rule, "GET");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(!trial.survives(&failure(What::Timeout), rule.retry.as_ref()));
}

#[tokio::test]
async fn backoff_doubles_up_to_its_bound() {
    let rule = rule(retry(&[], 20));
    let mut trial = trial(&rule, "GET");
    let pauses: Vec<_> = (0..9).map(|_| trial.next_backoff().as_millis()).collect();
    assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    let long = Rule { retry: Some(Retry { codes: Vec::new(), attempts: 9, backoff: Duration::from_secs(3) }), ..rule };
    let mut trial = self::trial(&long, "GET");
    assert_eq!([trial.next_backoff(), trial.next_backoff()], [Duration::from_secs(3); 2], "asked for so");
}

/// GEP-1731: with a stanza, whatever its codes.
#[tokio::test]
async fn a_call_that_its_backend_calls_unavailable_is_tried_again() {
    let rule = rule(retry(&[], 1));
    let mut call = head("POST");
    call.version = crate::message::Version::Http2;
    call.fields.push(b"content-type", b"application/grpc");
    let answer = |status: &[u8], body| {
        let mut response = ResponseHead { body, ..response(200) };
        response.fields.push(b"grpc-status", status);
        response
    };
    let unavailable = answer(b"14", BodyLength::Empty);
    let mut trial = Trial::new(Instant::now(), rule.terms(), &call, &Limits::default());
    assert!(!trial.is_worth_another(rule.retry.as_ref(), &answer(b"13", BodyLength::Empty)));
    assert!(!trial.is_worth_another(rule.retry.as_ref(), &answer(b"14", BodyLength::Unknown)), "it has begun");
    assert!(!trial.is_worth_another(None, &unavailable), "without a stanza");
    assert!(trial.is_worth_another(rule.retry.as_ref(), &unavailable));
    assert!(!trial.is_worth_another(rule.retry.as_ref(), &unavailable), "the last one is passed on");
    let mut other = Trial::new(Instant::now(), rule.terms(), &head("POST"), &Limits::default());
    assert!(!other.is_worth_another(rule.retry.as_ref(), &unavailable), "not a call");
}

/// HARDENING D1: what a client calls its body decides nothing.
#[tokio::test(start_paused = true)]
async fn limits_follow_the_route_and_not_the_content_type() {
    const SECOND: Duration = Duration::from_secs(1);
    let seconds = async |mut terms: Terms<'_>, of_grpc, says_grpc: bool| {
        terms.is_of_grpc = of_grpc;
        let mut head = head("POST");
        head.version = crate::message::Version::Http2;
        if says_grpc {
            head.fields.push(b"content-type", b"application/grpc");
        }
        let (began, limits) = (Instant::now(), Limits::default());
        let mut trial = Trial::new(began, terms, &head, &limits);
        trial.deadlines.progressed(Some(0), &limits);
        let mut watchdog = crate::watchdog::Watchdog::new(began + 10_000 * SECOND);
        trial.deadlines.arm(&mut watchdog);
        std::future::poll_fn(|cx| watchdog.poll(cx)).await;
        let waited_for_body = began.elapsed().as_secs();
        // And with a body that moves steadily.
        let mut deadlines = deadlines(Instant::now(), terms, &head, &limits);
        while !deadlines.is_request_over(Instant::now()) && began.elapsed() < 1000 * SECOND {
            tokio::time::advance(10 * SECOND).await;
            deadlines.progressed(Some(1_000_000), &limits);
        }
        (waited_for_body, began.elapsed() < 1000 * SECOND)
    };
    let plain = rule(None);
    let mut unlimited = rule(None);
    unlimited.timeouts.request = Some(Duration::ZERO);
    for says_grpc in [false, true] {
        assert_eq!(seconds(plain.terms(), false, says_grpc).await, (10, true), "an HTTPRoute");
        assert_eq!(seconds(plain.terms(), true, says_grpc).await, (300, false), "a GRPCRoute");
        assert_eq!(seconds(unlimited.terms(), false, says_grpc).await, (300, false), "an HTTPRoute without a limit");
    }
}
