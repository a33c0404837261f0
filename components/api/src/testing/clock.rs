use std::{sync::mpsc, thread, time::Duration};
use tokio::sync::oneshot;

/// How long a test waits on a clock that does not stand still until somebody says so.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often everything that can go on gets to: as many steps, from task to task, are taken at the end.
const TURNS: usize = 100;

/// Lets `time` pass on the paused clock, at once, and all happen that falls due meanwhile, in its order: delays, retries,
/// debounced bursts, timeouts. The test is `#[tokio::test(start_paused = true)]` (tokio's feature `test-util`).
///
/// # Panics
/// The clock runs: after ten seconds, if `time` has not passed by then.
pub async fn advance(time: Duration) {
    let (_over, ended) = mpsc::channel::<()>();
    let (complain, complaint) = oneshot::channel();
    // A thread, because a timer of tokio's would be on the paused clock.
    let _watch = thread::Builder::new().name("clock".to_owned()).spawn(move || {
        if ended.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _heard = complain.send(());
        }
    });
    tokio::select! {
        biased;
        () = tokio::time::sleep(time) => {}
        Ok(()) = complaint => panic!(
            "{time:?} do not pass by themselves: pause the clock, by #[tokio::test(start_paused = true)]"
        ),
    }
    settle().await;
}

/// Lets everything go on that can without time passing: what was woken wakes others in its turn.
pub(super) async fn settle() {
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
}
