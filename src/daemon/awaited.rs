//! A configuration whose secrets cannot be had yet: waited for, as a broker is.

use super::{reload::Reload, repeats::Repeats, service::Service};
use crate::{
    config::{Config, Problem, Problems},
    signals::Signal,
};
use futures_util::{Stream, StreamExt};
use std::time::Duration;
use tokio::time::sleep;
use tracing::{debug, error, info, warn};

/// Before the second attempt.
const FIRST_RETRY_DELAY: Duration = Duration::from_secs(1);

/// Between two attempts at most.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(5);

/// The configuration once the stores that it names have answered; `None`: told to stop meanwhile.
///
/// # Errors
/// The mistakes, where it is wrong in itself at the first attempt. A file that is spoiled later, while it is waited for
/// the store, is only reported.
pub async fn completed(
    source: Reload,
    signals: &mut (impl Stream<Item = Signal> + Unpin),
) -> Result<Option<Config>, Problems> {
    let (mut repeats, mut delay, mut waiting) = (Repeats::default(), FIRST_RETRY_DELAY, false);
    loop {
        let reader = source.clone();
        let reading = tokio::task::spawn_blocking(move || reader.read());
        let Some(read) = unless_stopped(reading, signals).await else { return Ok(None) };
        match read {
            Ok(Ok(config)) => {
                if waiting {
                    info!("all secrets are available; the processor starts");
                }
                return Ok(Some(config));
            }
            Ok(Err(problems)) if waiting || problems.are_awaited() => report(&problems, &mut repeats),
            Ok(Err(problems)) => return Err(problems),
            Err(panic) => {
                let mut problems = Problems::default();
                problems.missing(format!("the configuration could not be read: {panic}"));
                return Err(problems);
            }
        }
        waiting = true;
        if unless_stopped(sleep(delay), signals).await.is_none() {
            return Ok(None);
        }
        delay = (delay * 2).min(MAX_RETRY_DELAY);
    }
}

/// What comes of `work`; `None`: told to stop first.
async fn unless_stopped<T>(
    work: impl Future<Output = T>,
    signals: &mut (impl Stream<Item = Signal> + Unpin),
) -> Option<T> {
    let mut pulse = Service.pulse();
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Some(done),
            signal = signals.next() => match signal {
                Some(Signal::Reload) => {}
                Some(Signal::Stop) | None => return None,
            },
            _ = pulse.tick() => Service.alive(),
        }
    }
}

/// What a store says of itself may change with each attempt, so an outage is known by the keys that wait.
fn report(problems: &Problems, repeats: &mut Repeats) {
    let text = |wanted: bool| {
        let some = problems.iter().filter(|problem| problem.awaited == wanted);
        some.map(Problem::to_string).collect::<Vec<_>>().join("; ")
    };
    let (awaited, wrong) = (text(true), text(false));
    let places: Vec<&str> = problems.iter().filter_map(|problem| problem.place.as_deref()).collect();
    let is_news = repeats.is_news(&places.join(" "));
    if !wrong.is_empty() {
        Service.status(&format!("waiting for a configuration without mistakes: {wrong}"));
        if is_news {
            error!(
                problem = wrong,
                "app.config has mistakes now; the processor waits for them to be corrected"
            );
        }
    } else {
        Service.status(&format!("waiting for the secret store: {awaited}"));
        if is_news {
            warn!(reason = awaited, "secret store unavailable; waiting for it before connecting");
        } else {
            debug!(reason = awaited, "secret store still unavailable");
        }
    }
}
