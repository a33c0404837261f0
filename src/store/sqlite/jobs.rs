//! What callers ask of the thread that has the file.

use super::super::StoreError;
use super::tables::Tables;
use tokio::sync::oneshot;

/// One thing to do.
pub(super) enum Job {
    /// Needs no transaction.
    Read(Box<dyn Task>),
    /// Is answered once the transaction that it is part of has been committed.
    Write(Box<dyn Task>),
    /// A page may be broken: the file is looked over, and set aside if need be.
    LookOver,
    /// The last one.
    Close(oneshot::Sender<()>),
}

/// Work on the tables that somebody waits for.
pub(super) trait Task: Send {
    /// Does it; what it gives is kept for [`answer`](Self::answer).
    fn run(&mut self, tables: &Tables<'_>);

    /// Why it could not be done.
    fn error(&self) -> Option<&rusqlite::Error>;

    /// Tells the caller what the work gave, or, in words, why not.
    fn answer(self: Box<Self>, failure: Option<String>);
}

/// A closure, and its caller.
struct Asked<T, F> {
    work: Option<F>,
    given: Option<rusqlite::Result<T>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

/// Where a task's answer will be.
pub(super) type Answered<T> = oneshot::Receiver<Result<T, StoreError>>;

/// A task, and its answer's place.
pub(super) fn task<T, F>(work: F) -> (Box<dyn Task>, Answered<T>)
where
    T: Send + 'static,
    F: FnOnce(&Tables<'_>) -> rusqlite::Result<T> + Send + 'static,
{
    let (caller, answer) = oneshot::channel();
    (Box::new(Asked { work: Some(work), given: None, caller }), answer)
}

// === impl Asked ===

impl<T: Send, F> Task for Asked<T, F>
where
    F: FnOnce(&Tables<'_>) -> rusqlite::Result<T> + Send,
{
    fn run(&mut self, tables: &Tables<'_>) {
        self.given = self.work.take().map(|work| work(tables));
    }

    fn error(&self) -> Option<&rusqlite::Error> {
        self.given.as_ref()?.as_ref().err()
    }

    fn answer(self: Box<Self>, failure: Option<String>) {
        let answer = match (self.given, failure) {
            (Some(Ok(given)), None) => Ok(given),
            (_, failure) => Err(StoreError::Unavailable(failure.unwrap_or_default())),
        };
        // The caller may not wait any more.
        let _ = self.caller.send(answer);
    }
}
