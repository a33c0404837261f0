//! One journal for several platforms: two of them may have queues, and messages, of the same names.
//!
//! A platform's name stands before the queue's, `europe/actions.201.jira`. What has no name before it is of the platform
//! that needs none: a journal of one platform is as it always was.

use super::{Answer, DeadLetter, Journal, Key, Listed, Standing, Store, StoreError};
use futures_util::{FutureExt, future::BoxFuture};
use std::sync::Arc;

/// The journal of all platforms.
#[derive(Debug, Clone)]
pub struct Platforms {
    journal: Journal,
}

/// One platform's part of the journal.
#[derive(Debug)]
struct Part {
    all: Platforms,
    platform: Option<String>,
}

/// The name that stands before a queue's, and the queue's. An organization's queue has a dot before any slash.
#[must_use]
pub fn split(destination: &str) -> (Option<&str>, &str) {
    match destination.split_once('/') {
        Some((platform, queue)) if !platform.is_empty() && !platform.contains('.') => (Some(platform), queue),
        _ => (None, destination),
    }
}

// === impl Platforms ===

impl Platforms {
    /// All platforms' parts of `journal`.
    #[must_use]
    pub fn new(journal: Journal) -> Self {
        Self { journal }
    }

    /// The part of the platform of this name; `None`: of the one whose messages bear none.
    #[must_use]
    pub fn part(&self, platform: Option<&str>) -> Journal {
        Arc::new(Part { all: self.clone(), platform: platform.map(str::to_owned) })
    }
}

// === impl Part ===

impl Part {
    fn key(&self, key: &Key) -> Key {
        let Some(platform) = &self.platform else { return key.clone() };
        Key { destination: format!("{platform}/{}", key.destination), id: key.id.clone() }
    }

    fn journal(&self) -> &dyn Store {
        self.all.journal.as_ref()
    }
}

impl Store for Part {
    fn claim<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Standing, StoreError>> {
        async move { self.journal().claim(&self.key(key)).await }.boxed()
    }

    fn begin<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        async move { self.journal().begin(&self.key(key)).await }.boxed()
    }

    fn set_down<'a>(&'a self, key: &'a Key, note: String) -> BoxFuture<'a, Result<(), StoreError>> {
        async move { self.journal().set_down(&self.key(key), note).await }.boxed()
    }

    fn finish<'a>(&'a self, key: &'a Key, answer: Answer) -> BoxFuture<'a, Result<(), StoreError>> {
        async move { self.journal().finish(&self.key(key), answer).await }.boxed()
    }

    fn give_back<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        async move { self.journal().give_back(&self.key(key)).await }.boxed()
    }

    fn cut_off<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        async move { self.journal().cut_off(&self.key(key)).await }.boxed()
    }

    fn keep<'a>(&'a self, key: &'a Key, note: String) -> BoxFuture<'a, Result<(), StoreError>> {
        async move { self.journal().keep(&self.key(key), note).await }.boxed()
    }

    fn confirmed(&self, key: &Key) {
        self.journal().confirmed(&self.key(key));
    }

    fn connected(&self, _platform: Option<&str>, up: bool) {
        self.journal().connected(self.platform.as_deref(), up);
    }

    fn bury(&self, mut letter: DeadLetter) -> BoxFuture<'_, Result<i64, StoreError>> {
        letter.key = self.key(&letter.key);
        self.journal().bury(letter)
    }

    /// Of all platforms: a number names one of them all.
    fn dead(&self, after: i64) -> BoxFuture<'_, Result<Vec<Listed>, StoreError>> {
        self.journal().dead(after)
    }

    fn dead_letter(&self, number: i64) -> BoxFuture<'_, Result<Option<DeadLetter>, StoreError>> {
        self.journal().dead_letter(number)
    }

    fn drop_dead(&self, number: i64) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.journal().drop_dead(number)
    }

    fn ask_retry(&self, number: i64) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.journal().ask_retry(number)
    }

    /// By the name that its broker knows.
    fn take_retry<'a>(
        &'a self,
        _platform: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Option<DeadLetter>, StoreError>> {
        async move {
            let taken = self.journal().take_retry(self.platform.as_deref()).await?;
            Ok(taken.map(|mut letter| {
                letter.key.destination = split(&letter.key.destination).1.to_owned();
                letter
            }))
        }
        .boxed()
    }

    fn return_retry(&self, number: i64) -> BoxFuture<'_, Result<(), StoreError>> {
        self.journal().return_retry(number)
    }

    /// The journal is closed when the process ends, not with one platform.
    fn close(&self) -> BoxFuture<'_, ()> {
        std::future::ready(()).boxed()
    }
}
