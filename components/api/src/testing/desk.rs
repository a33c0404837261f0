use crate::{Failure, FailureKind, Message, Reply, StatusSink};
use bytes::Bytes;
use futures_util::future::{BoxFuture, ready};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What the handlers of a bench have told it.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<Lines>);

#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) statuses: Vec<String>,
    pub(super) notes: Vec<String>,
    pub(super) begun: usize,
    pub(super) waiting: usize,
    /// What survives the process of each message that is not answered.
    journal: HashMap<Key, Entry>,
    /// Whose turn it is among messages that are carried out one after another, line by line.
    turns: HashMap<String, Arc<tokio::sync::Mutex<()>>>,
}

/// What makes a message the same one: its id and its body.
type Key = (String, Bytes);

#[derive(Debug, Default, Clone)]
struct Entry {
    note: Option<String>,
    is_at_work: bool,
    /// How many processes have died while they worked on it.
    crashes: Option<u32>,
}

/// Where one message is handled.
#[derive(Debug)]
pub(super) struct Desk {
    told: Arc<Told>,
    key: Key,
    /// What an earlier process noted of it.
    note: Option<String>,
}

// === impl Told ===

impl Told {
    pub(super) fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the next process is to know when this one is gone.
    pub(super) fn after_the_end(&self) -> Self {
        let entries = self.lines().journal.clone().into_iter();
        let journal = entries.map(|(key, entry)| (key, entry.after_the_end())).collect();
        Self(Mutex::new(Lines { journal, ..Lines::default() }))
    }

    pub(super) fn crashes(&self, message: &Message) -> Option<u32> {
        self.lines().journal.get(&key(message))?.crashes
    }

    /// What goes back to the broker is not answered.
    pub(super) fn ended(&self, message: &Message, outcome: &Result<Reply, Failure>) {
        let mut lines = self.lines();
        match outcome {
            Err(failure) if failure.kind() == FailureKind::Returned => {
                lines.journal.entry(key(message)).or_default().is_at_work = false;
            }
            _ => drop(lines.journal.remove(&key(message))),
        }
    }

    pub(super) fn line(&self, name: String) -> Arc<tokio::sync::Mutex<()>> {
        self.lines().turns.entry(name).or_default().clone()
    }
}

fn key(message: &Message) -> Key {
    (message.id().to_owned(), message.raw().clone())
}

// === impl Entry ===

impl Entry {
    fn after_the_end(self) -> Self {
        let crashes = if self.is_at_work { Some(self.crashes.unwrap_or(0) + 1) } else { self.crashes };
        Self { is_at_work: false, crashes, ..self }
    }
}

// === impl Desk ===

impl Desk {
    /// `note`: what an earlier process noted, unless the journal knows better.
    pub(super) fn new(told: Arc<Told>, message: &Message, note: Option<String>) -> Self {
        let key = key(message);
        let noted = told.lines().journal.get(&key).and_then(|entry| entry.note.clone());
        Self { told, key, note: noted.or(note) }
    }

    fn hears(&self, told: impl FnOnce(&mut Lines)) {
        told(&mut self.told.lines());
    }

    fn notes(&self, is_at_work: bool, note: Option<String>) {
        self.hears(|lines| {
            lines.notes.extend(note.clone());
            let entry = lines.journal.entry(self.key.clone()).or_default();
            entry.is_at_work = is_at_work;
            entry.note = note.or(entry.note.take());
        });
    }
}

impl StatusSink for Desk {
    fn status(&self, text: String) -> BoxFuture<'_, ()> {
        self.hears(|lines| lines.statuses.push(text));
        Box::pin(ready(()))
    }

    fn begins(&self) -> BoxFuture<'_, Result<(), Failure>> {
        self.hears(|lines| lines.begun += 1);
        self.notes(true, None);
        Box::pin(ready(Ok(())))
    }

    fn sets_down(&self, note: String) -> BoxFuture<'_, Result<(), Failure>> {
        self.notes(false, Some(note));
        Box::pin(ready(Ok(())))
    }

    fn keeps(&self, note: String) -> BoxFuture<'_, Result<(), Failure>> {
        self.notes(true, Some(note));
        Box::pin(ready(Ok(())))
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
