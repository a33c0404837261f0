//! The first login, with patience.

use super::{board::Notice, doubt::Doubt, repeats::Repeats};
use crate::{
    rest::{self, ConnectError, Platform},
    stomp::{
        Cause,
        backoff::{Backoff, BackoffPolicy},
    },
};
use std::time::Duration;
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

/// An attempt that takes longer is spoken of.
pub(super) const SLOW_AFTER: Duration = Duration::from_secs(5);

/// Logs in and chooses the organization; tries again for as long as `most` allows (`None`: for ever), ever more slowly
/// where the credentials are wrong, so that the account is not locked. `doubt` is what is odd about them.
///
/// # Errors
/// The last attempt's, when there have been `most`.
pub async fn connect(
    settings: &rest::Settings,
    most: Option<u32>,
    notice: &Notice,
    doubt: Option<&str>,
    refusals: &Doubt,
) -> Result<Platform, ConnectError> {
    let mut backoff = Backoff::new(BackoffPolicy::default());
    let (mut attempt, mut repeats) = (1, Repeats::default());
    loop {
        let error = match told_if_slow(rest::connect(settings.clone()), notice, &mut repeats).await {
            Ok(platform) => {
                info!(
                    organization = platform.org_name(),
                    id = platform.org_id(),
                    "logged in to the platform"
                );
                return Ok(platform);
            }
            Err(error) => error,
        };
        if most.is_some_and(|most| attempt >= most) {
            return Err(error);
        }
        let cause = if error.is_transient() { Cause::Outage } else { Cause::Credentials };
        let wait = backoff.failed(cause, Instant::now(), fastrand::f64());
        let wait = error.retry_after().map_or(wait, |asked| wait.max(asked));
        if error.is_transient() {
            notice.trouble(format!("waiting for the platform: {error}"));
        } else {
            refusals.raise();
            notice.refused(format!("refused by the platform, tried again now and then: {error}"));
        }
        if repeats.is_news(&error.to_string()) {
            report(&error, attempt, wait, doubt);
        } else {
            debug!(%error, attempt, ?wait, "as before");
        }
        tokio::time::sleep(wait).await;
        attempt += 1;
    }
}

/// Between two steps of the login there may be none for as long as a request may take: that is not waited for in silence.
async fn told_if_slow<T>(login: impl Future<Output = T>, notice: &Notice, repeats: &mut Repeats) -> T {
    let mut login = std::pin::pin!(login);
    tokio::select! {
        done = &mut login => return done,
        () = tokio::time::sleep(SLOW_AFTER) => {}
    }
    notice.waiting("waiting for the platform: it has not answered yet");
    if repeats.is_news("no answer yet") {
        warn!(
            seconds = SLOW_AFTER.as_secs(),
            "the platform has not answered the login yet; see request_timeout"
        );
    }
    login.await
}

/// WARN is for what mends itself, ERROR for what somebody must mend.
fn report(error: &ConnectError, attempt: u32, wait: Duration, doubt: Option<&str>) {
    let next = format!("{:.1} s", wait.as_secs_f64());
    if error.is_transient() {
        warn!(%error, attempt, next, "the platform cannot be used yet");
    } else {
        error!(%error, attempt, next, doubt, "the platform refuses us; somebody must act");
    }
}
