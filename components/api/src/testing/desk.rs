use crate::{Failure, StatusSink};
use futures_util::future::{BoxFuture, ready};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the handlers of a bench have told it.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<Lines>);

#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) statuses: Vec<String>,
    pub(super) notes: Vec<String>,
    pub(super) begun: usize,
    pub(super) waiting: usize,
}

/// Where one message is handled.
#[derive(Debug)]
pub(super) struct Desk {
    told: Arc<Told>,
    /// What an earlier process noted of it.
    note: Option<String>,
}

impl Told {
    pub(super) fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    pub(super) fn new(told: Arc<Told>, note: Option<String>) -> Self {
        Self { told, note }
    }

    fn hears(&self, told: impl FnOnce(&mut Lines)) {
        told(&mut self.told.lines());
    }
}

impl StatusSink for Desk {
    fn status(&self, text: String) -> BoxFuture<'_, ()> {
        self.hears(|lines| lines.statuses.push(text));
        Box::pin(ready(()))
    }

    fn begins(&self) -> BoxFuture<'_, Result<(), Failure>> {
        self.hears(|lines| lines.begun += 1);
        Box::pin(ready(Ok(())))
    }

    fn sets_down(&self, note: String) -> BoxFuture<'_, Result<(), Failure>> {
        self.hears(|lines| lines.notes.push(note));
        Box::pin(ready(Ok(())))
    }

    fn keeps(&self, note: String) -> BoxFuture<'_, Result<(), Failure>> {
        self.sets_down(note)
    }

    fn note(&self) -> Option<String> {
        self.note.clone()
    }

    fn waits(&self, waiting: bool) {
        self.hears(|lines| {
            lines.waiting = if waiting { lines.waiting + 1 } else { lines.waiting.saturating_sub(1) };
        });
    }
}
