//! Where one run of a handler works: in a worker, or away from it while it waits.

use super::{Context, Worker};
use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

/// One run of a handler: its worker, the time that it has worked, the names of its waits.
#[derive(Debug)]
pub(crate) struct Seat {
    state: Mutex<State>,
    /// Those that come back from a wait do so one at a time: one worker is enough.
    pub(super) door: tokio::sync::Mutex<()>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    place: Place,
    /// How many waits are under way.
    waits: usize,
    /// Until it left last.
    worked: Duration,
    names: HashSet<String>,
}

#[derive(Debug)]
enum Place {
    /// There is no worker to give back: a handler that was called by hand.
    Standing,
    /// At work.
    Taken { _worker: Worker, since: Instant },
    /// Others have the worker.
    Away,
    /// The handler has ended.
    Closed,
}

/// A wait under way.
#[derive(Debug)]
pub(super) struct Absence<'a>(&'a Seat);

/// Closes a seat, however its handler ends.
#[derive(Debug)]
pub(super) struct Sitting<'a>(pub(super) &'a Context);

// === impl Seat ===

impl Seat {
    pub(super) fn standing() -> Self {
        Self::new(Place::Standing)
    }

    pub(super) fn taken(worker: Worker) -> Self {
        Self::new(Place::Taken { _worker: worker, since: Instant::now() })
    }

    fn new(place: Place) -> Self {
        let state = State { place, waits: 0, worked: Duration::ZERO, names: HashSet::new() };
        Self { state: Mutex::new(state), door: tokio::sync::Mutex::default(), changed: Notify::new() }
    }

    pub(super) fn is_taken(&self) -> bool {
        matches!(self.state().place, Place::Taken { .. })
    }

    pub(super) fn is_away(&self) -> bool {
        matches!(self.state().place, Place::Away)
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state().place, Place::Closed)
    }

    /// Whether this run of the handler uses the name for the first time.
    pub(super) fn is_new(&self, name: &str) -> bool {
        self.state().names.insert(name.to_owned())
    }

    /// Gives the worker to others for as long as what this gives is held, and until [`sit`](Self::sit).
    pub(super) fn leave(&self) -> Absence<'_> {
        let mut state = self.state();
        state.waits += 1;
        if let Place::Taken { since, .. } = state.place {
            state.worked += since.elapsed();
            state.place = Place::Away;
        }
        drop(state);
        self.changed.notify_waiters();
        Absence(self)
    }

    /// Back at work.
    pub(super) fn sit(&self, worker: Worker) {
        let mut state = self.state();
        if let Place::Away = state.place {
            state.place = Place::Taken { _worker: worker, since: Instant::now() };
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// The handler has turned away from a wait and would go on without a worker.
    pub(super) async fn adrift(&self) {
        self.until(|state| matches!(state.place, Place::Away) && state.waits == 0).await;
    }

    /// The handler has worked for `longest`; the time of its waits does not count.
    pub(super) async fn overdue(&self, longest: Duration) {
        loop {
            let left = longest.saturating_sub(self.worked());
            if left.is_zero() {
                return;
            }
            self.until(|state| !matches!(state.place, Place::Away)).await;
            sleep(left).await;
        }
    }

    fn worked(&self) -> Duration {
        let state = self.state();
        match state.place {
            Place::Taken { since, .. } => state.worked + since.elapsed(),
            Place::Standing | Place::Away | Place::Closed => state.worked,
        }
    }

    async fn until(&self, wanted: impl Fn(&State) -> bool) {
        loop {
            let changed = self.changed.notified();
            if wanted(&self.state()) {
                return;
            }
            changed.await;
        }
    }

    /// Never held over an `.await`.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Absence<'_> {
    fn drop(&mut self) {
        self.0.state().waits -= 1;
        self.0.changed.notify_waiters();
    }
}

impl Drop for Sitting<'_> {
    fn drop(&mut self) {
        let seat = &self.0.seat;
        self.0.has_worked(seat.worked());
        seat.state().place = Place::Closed;
    }
}
