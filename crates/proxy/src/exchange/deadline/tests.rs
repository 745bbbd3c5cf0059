use std::future::poll_fn;

use tokio::time::advance;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn limits() -> Limits {
    Limits { body_rate_min: 100, body_grace: 10 * SECOND, ..Limits::default() }
}

fn paced() -> Deadlines {
    let mut deadlines = Deadlines::new(Instant::now(), None, 60 * SECOND);
    deadlines.pace_upload();
    deadlines.progressed(Some(0), &limits());
    deadlines
}

/// Seconds from now to the first deadline.
async fn seconds_left(deadlines: &Deadlines) -> u64 {
    let now = Instant::now();
    let mut watchdog = Watchdog::new(now + 1000 * SECOND);
    deadlines.arm(&mut watchdog);
    poll_fn(|cx| watchdog.poll(cx)).await;
    now.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn the_earliest_counts() {
    let mut deadlines = Deadlines::new(Instant::now(), Some(20 * SECOND), 60 * SECOND);
    deadlines.begin_attempt(Instant::now(), Some(5 * SECOND));
    assert_eq!(seconds_left(&deadlines).await, 5);
    assert!(!deadlines.is_request_over(Instant::now()));
    deadlines.begin_attempt(Instant::now(), None);
    assert_eq!(seconds_left(&deadlines).await, 15, "a new try does not prolong the request");
    assert!(deadlines.is_request_over(Instant::now()));
}

#[tokio::test(start_paused = true)]
async fn bytes_that_move_prolong_what_waits_for_progress() {
    let mut deadlines = Deadlines::new(Instant::now(), None, 60 * SECOND);
    advance(50 * SECOND).await;
    deadlines.progressed(None, &limits());
    assert_eq!(seconds_left(&deadlines).await, 60);
}

/// HARDENING D1.
#[tokio::test(start_paused = true)]
async fn a_client_must_send_at_the_least_rate() {
    let mut deadlines = paced();
    deadlines.progressed(Some(500), &limits());
    assert_eq!(seconds_left(&deadlines).await, 15, "10 s of grace and 5 s for 500 bytes");
    assert!(deadlines.is_client_slow(Instant::now()));
    deadlines.progressed(None, &limits());
    assert!(!deadlines.is_client_slow(Instant::now()), "its body is all there");
}

#[tokio::test(start_paused = true)]
async fn time_spent_waiting_for_the_backend_is_not_the_clients() {
    let mut deadlines = paced();
    advance(4 * SECOND).await;
    assert!(deadlines.upload_waits(true), "new");
    deadlines.progressed(Some(0), &limits());
    assert!(!deadlines.upload_waits(true), "known");
    assert_eq!(seconds_left(&deadlines).await, 60, "progress alone");
    assert!(!deadlines.is_client_slow(Instant::now()));
    assert!(deadlines.upload_waits(false));
    deadlines.progressed(Some(0), &limits());
    assert_eq!(seconds_left(&deadlines).await, 6, "what is left of its ten seconds");
    assert!(deadlines.is_client_slow(Instant::now()));
}

#[tokio::test(start_paused = true)]
async fn a_client_is_not_held_to_its_pace_between_tries() {
    let mut deadlines = paced();
    deadlines.begin_attempt(Instant::now(), None);
    assert_eq!(seconds_left(&deadlines).await, 60);
    deadlines.upload_waits(false);
    deadlines.progressed(Some(0), &limits());
    assert_eq!(seconds_left(&deadlines).await, 10);
}

#[tokio::test(start_paused = true)]
async fn streams_and_tunnels_may_rest() {
    let mut deadlines = Deadlines::new(Instant::now(), None, 300 * SECOND);
    deadlines.progressed(Some(1), &limits());
    assert_eq!(seconds_left(&deadlines).await, 300);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_beyond_time_is_none() {
    let mut deadlines = Deadlines::new(Instant::now(), Some(Duration::MAX), 60 * SECOND);
    deadlines.begin_attempt(Instant::now(), Some(Duration::MAX));
    assert_eq!(seconds_left(&deadlines).await, 60);
}
