use std::future::{pending, ready};

use tokio::time::sleep;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A term of ten seconds.
fn term() -> (Issuer, Token) {
    let (mut issuer, tokens) = channel();
    issuer.extend(Instant::now() + 10 * SECOND);
    let token = tokens.token().expect("a term has begun");
    (issuer, token)
}

async fn is_sent(token: &Token) -> bool {
    let mut sent = false;
    let request = async {
        sent = true;
        Ok(())
    };
    _ = token.send(SECOND, request).await;
    sent
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_after_the_deadline() {
    let (_issuer, token) = term();
    sleep(9 * SECOND).await;
    assert!(is_sent(&token).await);
    sleep(SECOND).await;
    assert!(!is_sent(&token).await);
    assert!(token.tokens.token().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_hangs_ends_at_the_deadline() {
    let (_issuer, token) = term();
    let since = Instant::now();
    let answer = token.send(15 * SECOND, pending::<kube::Result<()>>()).await;
    assert!(matches!(answer, Err(SendError::NotLeader)));
    assert_eq!(since.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_request_goes_on_while_the_lease_is_renewed_until_its_own_limit() {
    let (mut issuer, token) = term();
    let since = Instant::now();
    let request = token.send(15 * SECOND, pending::<kube::Result<()>>());
    let renewing = async {
        sleep(5 * SECOND).await;
        issuer.extend(Instant::now() + 60 * SECOND);
    };
    let (answer, ()) = tokio::join!(request, renewing);
    assert!(matches!(answer, Err(SendError::Timeout)));
    assert_eq!(since.elapsed().as_secs(), 15);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_gone_leaves_no_right_to_write() {
    let (issuer, token) = term();
    drop(issuer);
    assert!(!is_sent(&token).await);
    assert!(token.tokens.token().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_token_is_not_good_for_the_next_term() {
    let (mut issuer, token) = term();
    issuer.revoke();
    issuer.extend(Instant::now() + 10 * SECOND);
    assert!(!is_sent(&token).await);
    assert!(is_sent(&token.tokens.token().expect("a term has begun")).await);
    sleep(11 * SECOND).await;
    issuer.extend(Instant::now() + 10 * SECOND);
    assert_eq!(token.tokens.token().map(|token| token.term()), Some(3), "a term that was over goes on");
}

#[tokio::test(start_paused = true)]
async fn whoever_gives_the_lease_back_waits_for_what_is_on_its_way() {
    let (issuer, token) = term();
    let since = Instant::now();
    let slow = async {
        sleep(2 * SECOND).await;
        Ok(())
    };
    let sending = tokio::spawn(async move { token.send(5 * SECOND, slow).await });
    tokio::task::yield_now().await;
    issuer.revoke();
    issuer.settled(5 * SECOND).await;
    assert_eq!(since.elapsed().as_secs(), 2);
    sending.await.expect("it does not panic").expect("what was sent is answered");
}

#[tokio::test(start_paused = true)]
async fn answers_and_refusals_come_through() {
    let (_issuer, token) = term();
    assert_eq!(token.send(SECOND, ready(Ok(7))).await.ok(), Some(7));
    let refused = ready(Err::<(), _>(kube::Error::Service("no".into())));
    assert!(matches!(token.send(SECOND, refused).await, Err(SendError::Api(_))));
}
