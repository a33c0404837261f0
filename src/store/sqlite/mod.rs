//! One file on this machine, used by one processor at a time; a command may look into it meanwhile.
//!
//! - A thread of its own takes what has gathered in a channel, commits it as one transaction, and answers: a commit
//!   costs the same for one entry and for hundreds.
//! - Whatever was answered survives the death of this process. With [`SyncMode::Interval`] a power cut may take what was
//!   kept in its last second; with [`SyncMode::Always`] nothing.
//! - A broken file is set aside and a new one begun; a torn end is cut off. Both are said in the log.
//! - A full disk fails what is asked, with [`StoreError::Unavailable`]; once there is room, all goes on.

mod failure;
mod jobs;
mod keeper;
mod lock;
mod mend;
mod schema;
mod sweep;
mod tables;
mod wal;

use super::confirmed::Confirmed;
use super::{Answer, DeadLetter, Key, Standing, Store, StoreError, SyncMode};
use futures_util::{FutureExt, future::BoxFuture};
use jobs::{Answered, Job};
use keeper::Keeper;
use lock::Lock;
use rusqlite::{Connection, Result};
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

/// Callers that may stand in line; more wait before it.
const LINE: usize = 1024;

/// The journal in a file.
pub struct SqliteStore {
    path: PathBuf,
    jobs: mpsc::Sender<Job>,
    confirmed: Arc<Confirmed>,
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
        let lock = Lock::take(path)?;
        mend::report_torn(path);
        let connection = mend::open(path, sync)?;
        Self::start(path, sync, connection, Some(lock), Some(Sweep::new(keep)))
    }

    /// Opens a journal that another process may have open: to look into the list of dead letters.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] where there is none.
    pub fn open_beside(path: &Path) -> Result<Self, StoreError> {
        let connection = mend::open_beside(path)?;
        Self::start(path, SyncMode::Always, connection, None, None)
    }

    fn start(
        path: &Path,
        sync: SyncMode,
        connection: Connection,
        lock: Option<Lock>,
        sweep: Option<Sweep>,
    ) -> Result<Self, StoreError> {
        let (sender, jobs) = mpsc::channel(LINE);
        let (path, confirmed) = (path.to_owned(), Arc::new(Confirmed::default()));
        let keeper = Keeper {
            path: path.clone(),
            sync,
            run: fastrand::i64(1..),
            connection: Some(connection),
            jobs,
            confirmed: Arc::clone(&confirmed),
            sweep,
            lock,
            unsynced: None,
        };
        spawn(keeper).map_err(|error| StoreError::Unusable(format!("the journal's thread: {error}")))?;
        Ok(Self { path, jobs: sender, confirmed })
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

    fn bury(&self, letter: DeadLetter) -> BoxFuture<'_, Result<i64, StoreError>> {
        self.write(move |tables| tables.bury(&letter))
    }

    fn dead(&self) -> BoxFuture<'_, Result<Vec<DeadLetter>, StoreError>> {
        self.read(|tables| tables.dead())
    }

    fn drop_dead(&self, number: i64) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.write(move |tables| tables.drop_dead(number))
    }

    fn ask_retry(&self, number: i64) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.write(move |tables| tables.ask_retry(number))
    }

    fn take_retries(&self) -> BoxFuture<'_, Result<Vec<DeadLetter>, StoreError>> {
        self.write(|tables| tables.take_retries())
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
