//! The bursts that are gathering, by their keys.

use super::baton::{Baton, Line, Turn};
use crate::message::Arrival;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep_until},
};

/// A quiet longer than this is this: an instant has an end.
const LONGEST_QUIET: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Messages that come close together. A burst is here while it gathers; once its quiet has passed it is not, so that
/// the next message of its key begins another.
#[derive(Debug, Default)]
pub(super) struct Bursts {
    gathering: Mutex<HashMap<String, Burst>>,
}

#[derive(Debug)]
struct Burst {
    over: Instant,
    line: Line,
}

/// One message's place in a burst; dropping it gives the place up.
#[derive(Debug)]
pub(super) struct Place<'a> {
    bursts: &'a Bursts,
    key: String,
    arrival: Arrival,
    quiet: Duration,
    turn: oneshot::Receiver<Turn>,
}

// === impl Bursts ===

impl Bursts {
    /// Joins the burst of `key`, and restarts its quiet. With `discard`, only the latest arrival keeps its place.
    pub(super) fn join(&self, key: String, arrival: Arrival, quiet: Duration, discard: bool) -> Place<'_> {
        let quiet = quiet.min(LONGEST_QUIET);
        let (sender, turn) = oneshot::channel();
        let mut gathering = self.gathering();
        let over = Instant::now() + quiet;
        let burst = gathering.entry(key.clone()).or_insert_with(|| Burst { over, line: Line::new() });
        burst.over = over;
        burst.line.insert(arrival, sender);
        if discard {
            burst.keep_latest();
        }
        drop(gathering);
        Place { bursts: self, key, arrival, quiet, turn }
    }

    /// Ends the burst of `key` if its quiet has passed, or says when it will have.
    fn end(&self, key: &str) -> Option<Instant> {
        let mut gathering = self.gathering();
        let over = gathering.get(key)?.over;
        if over > Instant::now() {
            return Some(over);
        }
        let burst = gathering.remove(key)?;
        drop(gathering);
        Baton::start(burst.line);
        None
    }

    fn leave(&self, key: &str, arrival: Arrival) {
        let mut gathering = self.gathering();
        let Some(burst) = gathering.get_mut(key) else { return };
        burst.line.remove(&arrival);
        if burst.line.is_empty() {
            gathering.remove(key);
        }
    }

    /// Never held over an `.await`; what it guards is whole after each statement, so a panic elsewhere is no reason to
    /// give up.
    fn gathering(&self) -> MutexGuard<'_, HashMap<String, Burst>> {
        self.gathering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self) -> usize {
        self.gathering().len()
    }
}

// === impl Burst ===

impl Burst {
    fn keep_latest(&mut self) {
        let Some(latest) = self.line.pop_last() else { return };
        for (_, earlier) in std::mem::take(&mut self.line) {
            // Fails for one that was cancelled, which no longer wants to know.
            drop(earlier.send(Turn::Superseded));
        }
        self.line.extend([latest]);
    }
}

// === impl Place ===

impl Place<'_> {
    /// Waits until the burst is over and the turn has come; `None` for a message that joined twice.
    pub(super) async fn turn(&mut self) -> Option<Turn> {
        let mut over = Some(Instant::now() + self.quiet);
        while let Some(instant) = over {
            tokio::select! {
                biased;
                turn = &mut self.turn => return turn.ok(),
                () = sleep_until(instant) => over = self.bursts.end(&self.key),
            }
        }
        (&mut self.turn).await.ok()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.bursts.leave(&self.key, self.arrival);
    }
}
