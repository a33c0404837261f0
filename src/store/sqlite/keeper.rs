//! The thread that has the file: it takes what has gathered, commits it as one transaction, and answers.

use super::super::{SyncMode, confirmed::Confirmed, pile::Pile};
use super::{
    failure::Failure,
    jobs::{Job, Task},
    lock::Lock,
    mend, ours,
    schema::Check,
    sweep::Sweep,
    tables::Tables,
};
use crate::descriptors;
use rusqlite::{Connection, TransactionBehavior};
use std::{
    fs::{File, OpenOptions},
    io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{runtime::Runtime, sync::mpsc, sync::oneshot, time::timeout};

/// The most that is committed together.
const GROUP: usize = 512;

/// With [`SyncMode::Interval`], what is committed is on the disk after this and the time of one commit.
const WINDOW: Duration = Duration::from_millis(500);

/// How long confirmations wait for company.
const TICK: Duration = Duration::from_millis(250);

/// What the thread works with.
pub(super) struct Keeper {
    pub(super) path: PathBuf,
    pub(super) sync: SyncMode,
    /// Names this run of the program.
    pub(super) run: i64,
    /// `None` after an error of which a connection does not recover: it is opened again when it is needed.
    pub(super) connection: Option<Connection>,
    /// What is looked at when that is done.
    pub(super) check: Check,
    pub(super) jobs: mpsc::Receiver<Job>,
    pub(super) confirmed: Arc<Confirmed>,
    /// `None` beside a daemon, as for the lock.
    pub(super) sweep: Option<Sweep>,
    pub(super) lock: Option<Lock>,
    pub(super) pile: Pile,
    /// Since when something is committed that may not be on the disk.
    pub(super) unsynced: Option<Instant>,
    /// SQLite's log, as long as the connection lasts.
    pub(super) log: Option<File>,
    /// Whether the disk took it when it was last asked to.
    pub(super) synced: bool,
}

type Tasks = Vec<Box<dyn Task>>;

// === impl Keeper ===

impl Keeper {
    /// Works until it is closed, or until nobody is left to ask.
    pub(super) fn work(mut self, runtime: &Runtime) {
        let mut group = Vec::new();
        loop {
            let gathered = async { timeout(self.rest(), self.jobs.recv_many(&mut group, GROUP)).await };
            if runtime.block_on(gathered) == Ok(0) {
                return;
            }
            if let Some(caller) = self.carry_out(group.drain(..)) {
                self.close();
                // The caller may not wait any more.
                let _ = caller.send(());
                return;
            }
            self.keep_house();
        }
    }

    /// How long to wait for work.
    fn rest(&self) -> Duration {
        let sync = self.unsynced.map(|since| WINDOW.saturating_sub(since.elapsed()));
        let sweep = self.sweep.as_ref().map(Sweep::rest);
        sync.into_iter().chain(sweep).fold(TICK, Duration::min)
    }

    /// Carries out a group and answers it. Gives the caller that asks for the end.
    fn carry_out(&mut self, group: impl Iterator<Item = Job>) -> Option<oneshot::Sender<()>> {
        let (mut reads, mut writes, mut closing) = (Tasks::new(), Tasks::new(), None);
        for job in group {
            match job {
                Job::Read(task) => reads.push(task),
                Job::Write(task) => writes.push(task),
                Job::LookOver => self.look_over(),
                Job::Close(caller) => closing = Some(caller),
            }
        }
        // A read fails by itself, never with the transaction of others.
        let read = self.read(&mut reads);
        self.answer(reads, read);
        let written = self.write(&mut writes);
        self.answer(writes, written);
        closing
    }

    fn read(&mut self, tasks: &mut Tasks) -> Result<(), Failure> {
        if !tasks.is_empty() {
            let run = self.run;
            let tables = Tables { connection: self.connection()?, run };
            tasks.iter_mut().for_each(|task| task.run(&tables));
        }
        Ok(())
    }

    fn write(&mut self, tasks: &mut Tasks) -> Result<(), Failure> {
        let confirmed = self.confirmed.take();
        if tasks.is_empty() && confirmed.is_empty() {
            return Ok(());
        }
        let written = self.transaction(|tables| {
            tasks.iter_mut().for_each(|task| task.run(tables));
            tables.confirm(&confirmed)
        });
        if written.is_err() {
            self.confirmed.put_back(confirmed);
        }
        written
    }

    fn transaction(&mut self, work: impl FnOnce(&Tables<'_>) -> rusqlite::Result<()>) -> Result<(), Failure> {
        let run = self.run;
        let transaction = self.connection()?.transaction_with_behavior(TransactionBehavior::Immediate)?;
        work(&Tables { connection: &transaction, run })?;
        if transaction.is_autocommit() {
            // The error of one task has undone what the others did.
            return Err(Failure::rolled_back());
        }
        transaction.commit()?;
        self.unsynced = self.unsynced.or_else(|| (self.sync == SyncMode::Interval).then(Instant::now));
        Ok(())
    }

    fn answer(&mut self, tasks: Tasks, outcome: Result<(), Failure>) {
        let mut reopen = outcome.as_ref().err().and_then(|failure| failure.reopen);
        let group = outcome.err().map(|failure| failure.words(&self.path));
        for task in tasks {
            let own = task.error().map(Failure::of);
            reopen = own.as_ref().and_then(|failure| failure.reopen).max(reopen);
            let own = own.map(|failure| failure.words(&self.path));
            task.answer(own.or_else(|| group.clone()));
        }
        if let Some(check) = reopen {
            self.let_go(check);
        }
    }

    fn connection(&mut self) -> Result<&mut Connection, Failure> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None if self.lock.is_some() => mend::open(&self.path, self.sync, self.check)?,
            None => mend::open_beside(&self.path)?,
        };
        Ok(self.connection.insert(connection))
    }

    /// What is done beside the work, a little at a time.
    fn keep_house(&mut self) {
        if self.unsynced.is_some_and(|since| since.elapsed() >= WINDOW) {
            self.sync();
        }
        let (Some(sweep), Some(connection)) = (&mut self.sweep, &mut self.connection) else { return };
        if self.pile.is_due()
            && let Ok((letters, bytes)) = (Tables { connection, run: self.run }).pile()
        {
            self.pile.look(letters, bytes);
        }
        if sweep.rest().is_zero()
            && let Err(error) = sweep.step(connection)
        {
            tracing::warn!(%error, journal = %self.path.display(), "old entries of the journal cannot be dropped now");
        }
    }

    /// SQLite itself writes to the disk only when it moves the log into the file.
    fn sync(&mut self) {
        self.unsynced = None;
        let synced = self.log().and_then(|log| log.sync_data());
        match &synced {
            // Once, however long it lasts.
            Err(error) if descriptors::is_limit(error) => descriptors::report(error),
            Err(error) if self.synced => {
                tracing::error!(%error, journal = %self.path.display(), "the disk does not take the journal");
            }
            Err(_) => {}
            Ok(()) if self.synced => {}
            Ok(()) => tracing::info!(journal = %self.path.display(), "the disk takes the journal again"),
        }
        self.synced = synced.is_ok();
    }

    fn log(&mut self) -> io::Result<&File> {
        let log = match self.log.take() {
            Some(log) => log,
            None => ours::open(&mend::log(&self.path), OpenOptions::new().read(true))?,
        };
        Ok(self.log.insert(log))
    }

    /// The connection is of no more use; the next one begins with this check.
    fn let_go(&mut self, check: Check) {
        (self.connection, self.log, self.check) = (None, None, check);
    }

    fn look_over(&mut self) {
        self.let_go(Check::Whole);
        if let Err(failure) = self.connection() {
            let error = failure.words(&self.path);
            tracing::error!(error, "the journal cannot be used");
        }
    }

    fn close(&mut self) {
        let written =
            self.write(&mut Tasks::new()).and_then(|()| self.transaction(|tables| tables.cut_off()));
        if let Err(failure) = written {
            let error = failure.words(&self.path);
            tracing::warn!(%error, "the journal could not be closed in order; the next start finds its way");
        }
        // In this order: nobody else may have the file while we do.
        self.let_go(Check::Nothing);
        self.lock = None;
    }
}
