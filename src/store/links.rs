//! Whether the brokers can be reached, and since when: what a broker may deliver again must not be forgotten, however
//! long it was out of reach.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Once connected, a broker delivers again within this what it is going to deliver again.
const SETTLED: Duration = Duration::from_mins(1);

/// What cannot be told from what the broker may still deliver stays at least as long.
pub(super) const WEEK: Duration = Duration::from_hours(7 * 24);

/// A wall clock that is further ahead than this of one that only runs was set.
const STEP: Duration = Duration::from_secs(1);

/// Since when each platform's connection to its broker has been up; `None` while it is down.
#[derive(Debug, Default)]
pub(super) struct Links(Mutex<HashMap<String, Option<Instant>>>);

/// How long a confirmed entry is kept, by platform; `None`: until its broker has been connected for long enough.
#[derive(Debug)]
pub(super) struct Ages {
    pub(super) known: HashMap<String, Option<Duration>>,
    /// On all other platforms.
    pub(super) others: Duration,
}

/// Notices when the wall clock is set forward.
#[derive(Debug, Default)]
pub(super) struct Clock(Option<(Instant, Duration)>);

// === impl Links ===

impl Links {
    /// None of these is up yet.
    pub(super) fn of(platforms: &[Option<&str>]) -> Self {
        let links = Self::default();
        platforms.iter().for_each(|platform| links.set(*platform, false));
        links
    }

    /// The connection of `platform` is up, or down.
    pub(super) fn set(&self, platform: Option<&str>, up: bool) {
        let mut links = self.lock();
        let since = links.entry(platform.unwrap_or_default().to_owned()).or_default();
        *since = up.then(|| since.unwrap_or_else(Instant::now));
    }

    /// The wall clock was set: how old an entry is cannot be told, so each connection counts as new.
    pub(super) fn restart(&self) {
        self.lock().values_mut().flatten().for_each(|since| *since = Instant::now());
    }

    /// How long confirmed entries are kept now, where that is `keep` while all is well. Without any connection known, as
    /// in a program that has none, age alone decides.
    pub(super) fn ages(&self, keep: Duration) -> Ages {
        let links = self.lock();
        let long = keep.max(WEEK);
        let age = |since: &Option<Instant>| match since.map(|since| since.elapsed()) {
            Some(up) if up >= keep => Some(keep),
            // A processor that never runs for as long as `keep` must forget, too.
            Some(up) if up >= keep.min(SETTLED) => Some(long),
            _ => None,
        };
        let known = links.iter().map(|(platform, since)| (platform.clone(), age(since))).collect();
        Ages { known, others: if links.is_empty() { keep } else { long } }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Option<Instant>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Ages ===

impl Ages {
    /// On this platform.
    pub(super) fn of(&self, platform: Option<&str>) -> Option<Duration> {
        self.known.get(platform.unwrap_or_default()).copied().unwrap_or(Some(self.others))
    }

    /// Whether nothing may be forgotten at the moment.
    pub(super) fn keep_all(&self) -> bool {
        !self.known.is_empty() && self.known.values().all(Option::is_none)
    }
}

// === impl Clock ===

impl Clock {
    /// Whether it was set forward since it was last asked; `now` is what it says.
    pub(super) fn was_set(&mut self, now: Duration) -> bool {
        let last = self.0.replace((Instant::now(), now));
        last.is_some_and(|(at, then)| now > then + at.elapsed() + STEP)
    }
}

/// What this machine's wall clock says.
pub(super) fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
