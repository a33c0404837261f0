//! One journal for several platforms: two of them may have queues, and messages, of the same names.
//!
//! A platform's name stands before the queue's, `europe/actions.201.jira`. What has no name before it is of the platform
//! that needs none: a journal of one platform is as it always was.

use super::{Answer, DeadLetter, Journal, Key, Standing, Store, StoreError};
use futures_util::{FutureExt, future::BoxFuture};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// The journal, and the dead letters that one platform found for another.
#[derive(Debug, Clone)]
pub struct Platforms {
    journal: Journal,
    retries: Arc<Mutex<HashMap<Option<String>, Vec<DeadLetter>>>>,
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
        Self { journal, retries: Arc::default() }
    }

    /// The part of the platform of this name; `None`: of the one whose messages bear none.
    #[must_use]
    pub fn part(&self, platform: Option<&str>) -> Journal {
        Arc::new(Part { all: self.clone(), platform: platform.map(str::to_owned) })
    }

    /// Those asked for since, by platform: the journal gives each letter once, to whoever asks first.
    fn sort(&self, letters: Vec<DeadLetter>, platform: Option<&String>) -> Vec<DeadLetter> {
        let mut retries = self.retries.lock().unwrap_or_else(PoisonError::into_inner);
        for mut letter in letters {
            let (of, queue) = split(&letter.key.destination);
            let (of, queue) = (of.map(str::to_owned), queue.to_owned());
            letter.key.destination = queue;
            retries.entry(of).or_default().push(letter);
        }
        retries.remove(&platform.cloned()).unwrap_or_default()
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

    fn bury(&self, mut letter: DeadLetter) -> BoxFuture<'_, Result<i64, StoreError>> {
        letter.key = self.key(&letter.key);
        self.journal().bury(letter)
    }

    fn dead(&self) -> BoxFuture<'_, Result<Vec<DeadLetter>, StoreError>> {
        async move {
            let letters = self.journal().dead().await?.into_iter();
            let mine = |letter: &DeadLetter| split(&letter.key.destination).0 == self.platform.as_deref();
            Ok(letters.filter(mine).collect())
        }
        .boxed()
    }

    fn drop_dead(&self, number: i64) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.journal().drop_dead(number)
    }

    fn ask_retry(&self, number: i64) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.journal().ask_retry(number)
    }

    fn take_retries(&self) -> BoxFuture<'_, Result<Vec<DeadLetter>, StoreError>> {
        async move {
            let letters = self.journal().take_retries().await?;
            Ok(self.all.sort(letters, self.platform.as_ref()))
        }
        .boxed()
    }

    /// The journal is closed when the process ends, not with one platform.
    fn close(&self) -> BoxFuture<'_, ()> {
        std::future::ready(()).boxed()
    }
}
