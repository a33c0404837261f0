use std::time::Duration;

/// How often a call that meets a conflict is tried in all.
pub(super) const ATTEMPTS: u32 = 8;

/// The longest wait between two of them.
const LONGEST: Duration = Duration::from_secs(2);

/// Waits before trying again after the conflict `attempt` (from 1): at random up to 50 ms, doubling, so that those who
/// collided do not meet again.
pub(super) async fn pause(attempt: u32) {
    let limit = (Duration::from_millis(25) * 2_u32.saturating_pow(attempt.min(16))).min(LONGEST);
    tokio::time::sleep(limit.mul_f64(fastrand::f64())).await;
}
