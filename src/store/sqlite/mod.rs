//! One file on this machine, used by one processor at a time; a command may look into it meanwhile.
//!
//! - A thread of its own takes what has gathered in a channel, commits it as one transaction, and answers: a commit
//!   costs the same for one entry and for hundreds.
//! - Whatever was answered survives the death of this process. With [`SyncMode::Interval`] a power cut may take what was
//!   kept in its last second; with [`SyncMode::Always`] nothing.
//! - A broken file is set aside and a new one begun; a torn end is cut off. Both are said in the log. A large file is
//!   looked over beside the work.
//! - A full disk fails what is asked, with [`StoreError::Unavailable`]; once there is room, all goes on.

mod failure;
mod jobs;
mod keeper;
mod letters;
mod lock;
mod lookover;
mod mend;
mod ours;
mod schema;
mod sweep;
mod tables;
mod wal;

use super::{Answer, DeadLetter, Key, Listed, Standing, Store, StoreError, SyncMode};
use super::{confirmed::Confirmed, links::Links, pile::Pile};
use futures_util::{FutureExt, future::BoxFuture};
use jobs::{Answered, Job};
use keeper::Keeper;
use lock::Lock;
use rusqlite::{Connection, Result};
use schema::Check;
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};
use sweep::Sweep;
use tables::Tables;
use tokio::{
    runtime::{Builder, Runtime},
    sync::{mpsc, oneshot},
};

pub(super) use ours::cannot_open;

/// Callers that may stand in line; more wait before it.
const LINE: usize = 1024;

/// The journal in a file.
pub struct SqliteStore {
    path: PathBuf,
    jobs: mpsc::Sender<Job>,
    confirmed: Arc<Confirmed>,
    links: Arc<Links>,
}

// === impl SqliteStore ===

impl SqliteStore {
    /// Opens the journal at `path`, for this process alone, and makes it where there is none. Confirmed entries are kept
    /// for `keep`. Reads and writes files: to be called where that may take its time.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] where another process has it, its directory is missing or not ours, or it is not a
    /// journal of this version; [`StoreError::Unavailable`] where the disk is full.
    pub fn open(path: &Path, sync: SyncMode, keep: Duration) -> Result<Self, StoreError> {
        Self::open_serving(path, sync, keep, Links::default())
    }

    pub(super) fn open_serving(
        path: &Path,
        sync: SyncMode,
        keep: Duration,
        links: Links,
    ) -> Result<Self, StoreError> {
        let lock = Lock::take(path)?;
        mend::report_torn(path);
        let connection = mend::open(path, sync, Check::Small)?;
        Self::start(path, sync, connection, Some((lock, keep)), links)
    }

    /// Opens a journal that another process may have open: to look into the list of dead letters.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] where there is none.
    pub fn open_beside(path: &Path) -> Result<Self, StoreError> {
        let connection = mend::open_beside(path)?;
        Self::start(path, SyncMode::Always, connection, None, Links::default())
    }

    fn start(
        path: &Path,
        sync: SyncMode,
        connection: Connection,
        alone: Option<(Lock, Duration)>,
        links: Links,
    ) -> Result<Self, StoreError> {
        let (sender, jobs) = mpsc::channel(LINE);
        let (path, confirmed, links) = (path.to_owned(), Arc::default(), Arc::new(links));
        let run = fastrand::i64(1..);
        let sweep = alone.as_ref().map(|(_, keep)| Sweep::new(*keep, Arc::clone(&links), run));
        let keeper = Keeper {
            path: path.clone(),
            sync,
            run,
            connection: Some(connection),
            jobs,
            confirmed: Arc::clone(&confirmed),
            sweep,
            lock: alone.map(|(lock, _)| lock),
            unsynced: None,
            check: Check::Nothing,
            pile: Pile::new(),
            log: None,
            synced: true,
        };
        let looked_over = keeper.lock.is_some() && schema::is_large(&path);
        spawn(keeper).map_err(|error| StoreError::Unusable(format!("the journal's thread: {error}")))?;
        if looked_over {
            lookover::begin(&path, sender.downgrade());
        }
        Ok(Self { path, jobs: sender, confirmed, links })
    }

    fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tables<'_>) -> Result<T> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, StoreError>> {
        let (task, answer) = jobs::task(work);
        self.ask(Job::Read(task), answer).boxed()
    }

    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tables<'_>) -> Result<T> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, StoreError>> {
        let (task, answer) = jobs::task(work);
        self.ask(Job::Write(task), answer).boxed()
    }

    async fn ask<T>(&self, job: Job, answer: Answered<T>) -> Result<T, StoreError> {
        self.jobs.send(job).await.map_err(|_closed| self.closed())?;
        answer.await.unwrap_or_else(|_closed| Err(self.closed()))
    }

    fn closed(&self) -> StoreError {
        StoreError::Unavailable(format!("{} is closed", self.path.display()))
    }
}

fn spawn(keeper: Keeper) -> std::io::Result<()> {
    // For the timer alone: the thread waits for work, or for its next duty.
    let runtime: Runtime = Builder::new_current_thread().enable_time().build()?;
    thread::Builder::new().name("journal".to_owned()).spawn(move || keeper.work(&runtime)).map(drop)
}

impl Store for SqliteStore {
    fn claim<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Standing, StoreError>> {
        let key = key.clone();
        self.read(move |tables| tables.claim(&key))
    }

    fn begin<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        let key = key.clone();
        self.write(move |tables| tables.begin(&key))
    }

    fn set_down<'a>(&'a self, key: &'a Key, note: String) -> BoxFuture<'a, Result<(), StoreError>> {
        let key = key.clone();
        self.write(move |tables| tables.set_down(&key, &note))
    }

    fn keep<'a>(&'a self, key: &'a Key, note: String) -> BoxFuture<'a, Result<(), StoreError>> {
        let key = key.clone();
        self.write(move |tables| tables.keep(&key, &note))
    }

    fn finish<'a>(&'a self, key: &'a Key, answer: Answer) -> BoxFuture<'a, Result<(), StoreError>> {
        let key = key.clone();
        self.write(move |tables| tables.finish(&key, &answer))
    }

    fn give_back<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        let key = key.clone();
        self.write(move |tables| tables.give_back(&key))
    }

    fn cut_off<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        let key = key.clone();
        self.write(move |tables| tables.cut_off_one(&key))
    }

    fn confirmed(&self, key: &Key) {
        self.confirmed.add(key);
    }

    fn connected(&self, platform: Option<&str>, up: bool) {
        self.links.set(platform, up);
    }

    fn bury(&self, letter: DeadLetter) -> BoxFuture<'_, Result<i64, StoreError>> {
        self.write(move |tables| tables.bury(&letter))
    }

    fn dead(&self, after: i64) -> BoxFuture<'_, Result<Vec<Listed>, StoreError>> {
        self.read(move |tables| tables.dead(after))
    }

    fn dead_letter(&self, number: i64) -> BoxFuture<'_, Result<Option<DeadLetter>, StoreError>> {
        self.read(move |tables| tables.dead_letter(number))
    }

    fn drop_dead(&self, number: i64) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.write(move |tables| tables.drop_dead(number))
    }

    fn ask_retry(&self, number: i64) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.write(move |tables| tables.ask_retry(number))
    }

    fn take_retry<'a>(
        &'a self,
        platform: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Option<DeadLetter>, StoreError>> {
        let platform = platform.map(str::to_owned);
        self.write(move |tables| tables.take_retry(platform.as_deref()))
    }

    fn return_retry(&self, number: i64) -> BoxFuture<'_, Result<(), StoreError>> {
        self.write(move |tables| tables.return_retry(number))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        let (caller, closed) = oneshot::channel();
        async move {
            if self.jobs.send(Job::Close(caller)).await.is_ok() {
                // An error means that it has ended by itself.
                let _ = closed.await;
            }
        }
        .boxed()
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}
