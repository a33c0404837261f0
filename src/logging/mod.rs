//! The log: one event to the line, as text or JSON, to standard error and to a file that is set aside by size.
//!
//! Every line is looked through for the [`Redactor`]'s secrets before it leaves. Writing is done by threads of its own:
//! a terminal or disk that hangs never holds up the daemon; lines that do not fit into the queue meanwhile are counted
//! and dropped.

mod fields;
mod file;
mod journal;
mod layer;
mod line;
#[cfg(test)]
mod tests;

pub use crate::component::redact::Redactor;
pub use file::complain;
pub(crate) use file::reopen;
pub(crate) use line::is_unsafe;

use crate::config::{Log, LogFormat};
use layer::{LineLayer, Sink};
use std::{io, io::Write, sync::OnceLock};
use tracing::Subscriber;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    Layer,
    filter::Targets,
    fmt::writer::BoxMakeWriter,
    layer::{Filter, SubscriberExt},
    registry::Registry,
    reload,
    util::SubscriberInitExt,
};

/// Lines that may wait for a slow disk or terminal.
const QUEUE: usize = 32_768;

/// A process has one log, and so one of these.
static OF_THE_LOG: OnceLock<Redactor> = OnceLock::new();

/// Why the log cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// `init` was called before, or somebody else set a subscriber.
    #[error("the log is set up already: {0}")]
    AlreadySet(#[from] tracing_subscriber::util::TryInitError),
}

/// Keeps the log's threads; dropping it writes out what waits. Hold it until the very end of `main`.
#[must_use = "the log ends as soon as this is dropped"]
pub struct LogGuard {
    counters: Vec<ErrorCounter>,
    workers: Vec<WorkerGuard>,
    levels: Levels,
}

/// Which levels are logged, to be changed while the log is written. Clones are the same.
#[derive(Debug, Clone)]
pub struct Levels(reload::Handle<Targets, Registry>);

/// What masks secrets in this process's log, once that is set up. Whoever learns of another secret adds it here.
#[must_use]
pub fn redactor() -> Redactor {
    OF_THE_LOG.get_or_init(Redactor::default).clone()
}

/// Sets up the log of this process, panics included.
///
/// A log file that cannot be opened is an ERROR in the log, no reason to stop: the log then goes to standard error only.
///
/// # Errors
/// See [`LogError`].
pub fn init(settings: &Log, redactor: Redactor) -> Result<LogGuard, LogError> {
    // Whoever asked for it before this has one that masks nothing here.
    let _first = OF_THE_LOG.set(redactor.clone());
    let (subscriber, guard, unopened) = build(settings, redactor, io::stderr(), journal::reads_stderr());
    subscriber.try_init()?;
    std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a task panicked")));
    if let (Some(error), Some(file)) = (unopened, &settings.file) {
        tracing::error!(
            %error,
            directory = %file.directory.display(),
            "the log file cannot be opened, so the log goes to standard error only; make the directory writable or \
             change logdir"
        );
    }
    Ok(guard)
}

/// The subscriber, what keeps it going, and why the file is not part of it.
fn build(
    settings: &Log,
    redactor: Redactor,
    console: impl Write + Send + 'static,
    journal: bool,
) -> (impl Subscriber + Send + Sync, LogGuard, Option<io::Error>) {
    let (levels, handle) = reload::Layer::new(settings.levels.clone());
    let mut guard = LogGuard { counters: Vec::new(), workers: Vec::new(), levels: Levels(handle) };
    let console = guard.writer(file::Steady::new("standard error", console), "log-stderr");
    let mut sinks = vec![Sink { writer: console, journal }];
    let unopened = match settings.file.as_ref().map(file::open).transpose() {
        Ok(file) => {
            sinks.extend(file.map(|file| Sink { writer: guard.writer(file, "log-file"), journal: false }));
            None
        }
        Err(error) => Some(error),
    };
    (stack(levels, settings.format, redactor, sinks), guard, unopened)
}

/// The same, writing to `writer` at once: for tests.
#[must_use]
pub fn with_writer(
    levels: Targets,
    format: LogFormat,
    redactor: Redactor,
    writer: BoxMakeWriter,
) -> impl Subscriber + Send + Sync {
    stack(levels, format, redactor, vec![Sink { writer, journal: false }])
}

fn stack(
    levels: impl Filter<Registry> + Send + Sync + 'static,
    format: LogFormat,
    redactor: Redactor,
    sinks: Vec<Sink>,
) -> impl Subscriber + Send + Sync {
    Registry::default().with(LineLayer::new(format, redactor, sinks).with_filter(levels))
}

// === impl Levels ===

impl Levels {
    /// Logs these from now on.
    pub fn set(&self, levels: Targets) {
        // A log that is gone has no levels.
        let _ = self.0.reload(levels);
    }
}

// === impl LogGuard ===

impl LogGuard {
    /// Which levels are logged.
    #[must_use]
    pub fn levels(&self) -> Levels {
        self.levels.clone()
    }

    /// How many lines were dropped because a disk or terminal was too slow.
    #[must_use]
    pub fn dropped_lines(&self) -> usize {
        self.counters.iter().map(ErrorCounter::dropped_lines).sum()
    }

    fn writer(&mut self, writer: impl Write + Send + 'static, thread: &str) -> BoxMakeWriter {
        let builder =
            NonBlockingBuilder::default().buffered_lines_limit(QUEUE).lossy(true).thread_name(thread);
        let (writer, guard): (NonBlocking, WorkerGuard) = builder.finish(writer);
        self.counters.push(writer.error_counter());
        self.workers.push(guard);
        BoxMakeWriter::new(writer)
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.workers.clear();
        if let dropped @ 1.. = self.dropped_lines() {
            complain(&format!("{dropped} lines of the log were lost: writing was too slow"));
        }
    }
}

impl std::fmt::Debug for LogGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogGuard").field("dropped_lines", &self.dropped_lines()).finish_non_exhaustive()
    }
}
