use std::future::poll_fn;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

async fn passed(watchdog: &mut Watchdog) -> Duration {
    let began = Instant::now();
    poll_fn(|cx| watchdog.poll(cx)).await;
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn fires_at_its_deadline() {
    let mut watchdog = Watchdog::new(Instant::now() + 3 * SECOND);
    assert_eq!(passed(&mut watchdog).await.as_secs(), 3);
    assert_eq!(passed(&mut watchdog).await.as_secs(), 0, "and stays so until it is moved");
}

#[tokio::test(start_paused = true)]
async fn moves_later_and_earlier() {
    let mut watchdog = Watchdog::new(Instant::now() + 3 * SECOND);
    watchdog.set_in(10 * SECOND);
    watchdog.set_in(7 * SECOND);
    assert_eq!(passed(&mut watchdog).await.as_secs(), 7);
    watchdog.set_in(5 * SECOND);
    watchdog.set_by(Instant::now() + 2 * SECOND);
    watchdog.set_by(Instant::now() + 4 * SECOND);
    assert_eq!(passed(&mut watchdog).await.as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_moved_while_it_is_waited_for_counts() {
    let mut watchdog = Watchdog::new(Instant::now() + 3 * SECOND);
    let began = Instant::now();
    let mut moved = false;
    let mut nudge = Box::pin(tokio::time::sleep(2 * SECOND));
    poll_fn(|cx| {
        if !moved && nudge.as_mut().poll(cx).is_ready() {
            moved = true;
            watchdog.set_in(4 * SECOND);
        }
        watchdog.poll(cx)
    })
    .await;
    assert_eq!(began.elapsed().as_secs(), 6);
}
