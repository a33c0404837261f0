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
};
use std::{path::Path, sync::Arc, time::Duration};
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

    /// The file to be watched, as it was before it was read for the configuration that the daemon begins with.
    fn file(&self) -> Option<File>;

    /// `config` is in force from now on: what the daemon does not know of, the log above all, follows it.
    fn in_force(&self, config: &Config);
}

/// A source, shared.
pub type Reload = Arc<dyn Source>;

/// What came of reading the configuration again.
pub type Read = Result<Config, Problems>;

/// Reads the configuration again when it is told to, and when the file has changed.
#[derive(Debug)]
pub struct Reloader {
    source: Reload,
    components: Arc<[Component]>,
    watched: Watched,
    reading: Option<Reading>,
    /// Asked for while it was being read.
    again: bool,
    /// When it is read once more by itself, because a store of secrets was away.
    retry_at: Option<Instant>,
}

/// The configuration, while it is being read.
#[derive(Debug)]
struct Reading {
    task: JoinHandle<(Option<File>, Read)>,
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
    /// Reads from `source` what is to be put into force for `components`.
    #[must_use]
    pub fn new(source: Reload, components: Arc<[Component]>) -> Self {
        let watched = Watched::new(source.file());
        Self { source, components, watched, reading: None, again: false, retry_at: None }
    }

    /// Where it is read from.
    #[must_use]
    pub fn source(&self) -> &Reload {
        &self.source
    }

    /// Reads it now, or once more when it is being read.
    pub fn ask(&mut self) {
        if self.reading.is_some() {
            self.again = true;
            return;
        }
        Service.reloading();
        let (source, components) = (self.source.clone(), self.components.clone());
        let path = self.watched.path().map(Path::to_owned);
        let read = move || {
            let file = path.map(File::now);
            (file, source.read().and_then(|config| can_be_used(config, &components)))
        };
        let task = tokio::task::spawn_blocking(read);
        self.reading = Some(Reading { task, begun: Instant::now(), complained: false });
    }

    /// The next configuration that was read; with `watching`, also where nobody asked but the file has changed. Nothing
    /// is lost if the future is dropped.
    pub async fn next(&mut self, watching: bool) -> Read {
        loop {
            match &mut self.reading {
                None => {
                    let retry_at = self.retry_at;
                    tokio::select! {
                        () = self.watched.changed(), if watching => {}
                        () = sleep_until(retry_at.unwrap_or_else(Instant::now)), if retry_at.is_some() => {}
                        else => std::future::pending().await,
                    }
                    self.ask();
                }
                Some(reading) => {
                    let Some(read) = reading.done().await else { continue };
                    self.reading = None;
                    if std::mem::take(&mut self.again) {
                        self.ask();
                    }
                    let (file, read) = read.unwrap_or_else(|panic| (None, Err(broken_off(&panic))));
                    self.watched.was_read(file);
                    let awaited = read.as_ref().is_err_and(Problems::are_awaited);
                    self.retry_at = awaited.then(|| Instant::now() + RETRY_DELAY);
                    return read;
                }
            }
        }
    }
}

// === impl Reading ===

impl Reading {
    /// What was read; `None` where that takes so long that it has been complained of. Nothing is lost if the future is
    /// dropped.
    async fn done(&mut self) -> Option<Result<(Option<File>, Read), JoinError>> {
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
