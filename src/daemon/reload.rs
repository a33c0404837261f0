//! A configuration that changes while the daemon runs: noticed, read and checked off the threads that must not wait.

use super::{
    DaemonError, registry,
    service::Service,
    settings,
    watched::{File, Watched},
};
use crate::{
    component::Component,
    config::{Config, Problems},
    logging,
};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    task::{JoinError, JoinHandle},
    time::{Instant, sleep_until},
};
use tracing::warn;

/// Where a changed configuration comes from.
pub trait Source: Send + Sync + std::fmt::Debug {
    /// Reads and checks it. May take its time: secrets may be in files, or printed by commands.
    ///
    /// # Errors
    /// All its mistakes.
    fn read(&self) -> Result<Config, Problems>;

    /// The same with what it was made from when it was put into force, but for secrets and files that it names: those are
    /// looked up again.
    ///
    /// # Errors
    /// All its mistakes.
    fn read_again(&self) -> Result<Config, Problems> {
        self.read()
    }

    /// The file to be watched, as it was before it was read for the configuration that the daemon begins with.
    fn file(&self) -> Option<File>;

    /// `config` is in force from now on: what the daemon does not know of, the log above all, follows it.
    fn in_force(&self, config: &Config);
}

/// A source, shared.
pub type Reload = Arc<dyn Source>;

/// What came of reading the configuration again.
pub type Read = Result<Config, Problems>;

/// Why it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Because {
    /// A server has refused what was looked up: it was looked up again.
    Refused,
    /// Of a signal, or because a file has changed.
    Changed,
}

/// Reads the configuration again when it is told to, and when the file has changed.
#[derive(Debug)]
pub struct Reloader {
    source: Reload,
    components: Arc<[Component]>,
    watched: Watched,
    reading: Option<Reading>,
    /// Asked for while it was being read.
    again: Option<Because>,
    /// When it is read once more by itself, because a store of secrets was away.
    retry_at: Option<Instant>,
}

/// The configuration, while it is being read.
#[derive(Debug)]
struct Reading {
    task: JoinHandle<(Vec<File>, Read)>,
    because: Because,
    begun: Instant,
    /// Somebody has been told that it takes long.
    complained: bool,
}

/// Until a store of secrets that was away is asked again.
const RETRY_DELAY: Duration = Duration::from_secs(10);

/// Reading takes longer only where something hangs.
const SLOW: Duration = Duration::from_secs(10);

// === impl Reloader ===

impl Reloader {
    /// Reads from `source` what is to be put into force for `components`; the configuration in force names `files`.
    #[must_use]
    pub fn new(source: Reload, components: Arc<[Component]>, files: Vec<PathBuf>) -> Self {
        let watched = source.file().into_iter().chain(files.into_iter().map(File::now)).collect();
        let watched = Watched::new(watched);
        Self { source, components, watched, reading: None, again: None, retry_at: None }
    }

    /// Where it is read from.
    #[must_use]
    pub fn source(&self) -> &Reload {
        &self.source
    }

    /// Reads it now, or once more when it is being read.
    pub fn ask(&mut self, because: Because) {
        if self.reading.is_some() {
            self.again = self.again.max(Some(because));
            return;
        }
        if because == Because::Changed {
            Service.reloading();
        }
        let (source, components) = (self.source.clone(), self.components.clone());
        let paths = self.watched.paths();
        let read = move || {
            let files: Vec<File> = paths.into_iter().map(File::now).collect();
            let read = match because {
                Because::Changed => source.read(),
                Because::Refused => source.read_again(),
            };
            let read = read.inspect(|config| {
                let redactor = logging::redactor();
                config.secrets().iter().for_each(|secret| redactor.add(secret));
            });
            let read = read.and_then(|config| can_be_used(config, &components));
            let files = match &read {
                Ok(config) => named(files, source.file().as_ref(), config),
                Err(_) => files,
            };
            (files, read)
        };
        let task = tokio::task::spawn_blocking(read);
        self.reading = Some(Reading { task, because, begun: Instant::now(), complained: false });
    }

    /// The next configuration that was read; with `watching`, also where nobody asked but the file has changed. Nothing
    /// is lost if the future is dropped.
    pub async fn next(&mut self, watching: bool) -> (Because, Read) {
        loop {
            match &mut self.reading {
                None => {
                    let retry_at = self.retry_at;
                    tokio::select! {
                        () = self.watched.changed(), if watching => {}
                        () = sleep_until(retry_at.unwrap_or_else(Instant::now)), if retry_at.is_some() => {}
                        else => std::future::pending().await,
                    }
                    self.ask(Because::Changed);
                }
                Some(reading) => {
                    let Some(read) = reading.done().await else { continue };
                    let because = reading.because;
                    self.reading = None;
                    let read = match read {
                        Ok((files, read)) => {
                            self.watched.were_read(files);
                            read
                        }
                        Err(panic) => Err(broken_off(&panic)),
                    };
                    if let Some(because) = self.again.take() {
                        self.ask(because);
                    }
                    if because == Because::Changed {
                        let awaited = read.as_ref().is_err_and(Problems::are_awaited);
                        self.retry_at = awaited.then(|| Instant::now() + RETRY_DELAY);
                    }
                    return (because, read);
                }
            }
        }
    }
}

// === impl Reading ===

impl Reading {
    /// What was read; `None` where that takes so long that it has been complained of. Nothing is lost if the future is
    /// dropped.
    async fn done(&mut self) -> Option<Result<(Vec<File>, Read), JoinError>> {
        tokio::select! {
            biased;
            read = &mut self.task => Some(read),
            () = sleep_until(self.begun + SLOW), if !self.complained => {
                self.complained = true;
                warn!(
                    "the configuration is still being read, and the old one stays in force until then; does \
                     secret_command wait for something?"
                );
                None
            }
        }
    }
}

/// Those of `files` that still count, and those that `config` names besides: as they were before it was read, if they were
/// looked at then.
fn named(files: Vec<File>, own: Option<&File>, config: &Config) -> Vec<File> {
    let named = config.files();
    let own = own.map(File::path);
    let counts = |file: &File| Some(file.path()) == own || named.iter().any(|path| path == file.path());
    let mut files: Vec<File> = files.into_iter().filter(counts).collect();
    for path in named {
        if files.iter().all(|file| file.path() != path) {
            files.push(File::now(path));
        }
    }
    files
}

fn broken_off(panic: &JoinError) -> Problems {
    let mut problems = Problems::default();
    problems.missing(format!("the configuration could not be read: {panic}"));
    problems
}

/// Whatever would only be found when it is put into force: components that want the same, certificates and keys.
fn can_be_used(config: Config, components: &[Component]) -> Read {
    let mut problems = Problems::default();
    settings::store(&config).err().iter().for_each(|error| problems.missing(error.to_string()));
    for platform in config.platforms() {
        match registry(platform, components) {
            Err(DaemonError::Clashes(clashes)) => {
                clashes.iter().for_each(|clash| problems.missing(clash.to_string()));
            }
            other => other.err().iter().for_each(|error| problems.missing(error.to_string())),
        }
        let links = [settings::rest(platform, None).err(), settings::brokers(platform).err()];
        problems.extend(links.iter().flatten().map(|error| error.mistake(platform)));
    }
    problems.or(config)
}
