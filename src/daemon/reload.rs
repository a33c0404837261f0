//! A configuration that changes while the daemon runs: noticed, read and checked off the threads that must not wait.

use super::{DaemonError, registry, service::Service, settings};
use crate::{
    component::Component,
    config::{Config, Problems},
};
use std::{
    fs::Metadata,
    io,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{
    task::JoinHandle,
    time::{Interval, MissedTickBehavior, interval},
};

/// Where a changed configuration comes from.
pub trait Source: Send + Sync + std::fmt::Debug {
    /// Reads and checks it. May take its time: secrets may be in files, or printed by commands.
    ///
    /// # Errors
    /// All its mistakes.
    fn read(&self) -> Result<Config, Problems>;

    /// The file to be watched.
    fn file(&self) -> Option<PathBuf>;

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
    reading: Option<JoinHandle<Read>>,
    /// Asked for while it was being read.
    again: bool,
}

/// The file, looked at now and then: that works on network file systems and for mounted secrets too.
#[derive(Debug)]
struct Watched {
    file: Option<PathBuf>,
    looks: Interval,
    /// As it was read last.
    known: Option<Stamp>,
    /// As it was at the last look.
    seen: Option<Stamp>,
}

/// What changes when a file is written or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: (u64, u64),
}

/// Between two looks at the file.
const LOOK: Duration = Duration::from_secs(2);

// === impl Reloader ===

impl Reloader {
    /// Reads from `source` what is to be put into force for `components`.
    #[must_use]
    pub fn new(source: Reload, components: Arc<[Component]>) -> Self {
        let watched = Watched::new(source.file());
        Self { source, components, watched, reading: None, again: false }
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
        let read = move || source.read().and_then(|config| can_be_used(config, &components));
        self.reading = Some(tokio::task::spawn_blocking(read));
    }

    /// The next configuration that was read; with `watching`, also where nobody asked but the file has changed. Nothing
    /// is lost if the future is dropped.
    pub async fn next(&mut self, watching: bool) -> Read {
        loop {
            match &mut self.reading {
                None if !watching => std::future::pending().await,
                None => {
                    self.watched.changed().await;
                    self.ask();
                }
                Some(reading) => {
                    let read = reading.await;
                    self.reading = None;
                    if std::mem::take(&mut self.again) {
                        self.ask();
                    }
                    return read.unwrap_or_else(|panic| {
                        let mut problems = Problems::default();
                        problems.missing(format!("the configuration could not be read: {panic}"));
                        Err(problems)
                    });
                }
            }
        }
    }
}

/// Whatever would only be found when it is put into force: components that want the same, certificates and keys.
fn can_be_used(config: Config, components: &[Component]) -> Read {
    let mut problems = Problems::default();
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

// === impl Watched ===

impl Watched {
    fn new(file: Option<PathBuf>) -> Self {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let known = file.as_ref().and_then(|file| Stamp::of(std::fs::metadata(file)));
        Self { file, looks, known, seen: known }
    }

    /// Waits until the file is another one than it was, and has stood still from one look to the next: whoever writes it
    /// has finished. One that is away for a moment has not changed.
    async fn changed(&mut self) {
        let Some(file) = self.file.clone() else { return std::future::pending().await };
        loop {
            self.looks.tick().await;
            let now = Stamp::of(tokio::fs::metadata(&file).await);
            let still = now == std::mem::replace(&mut self.seen, now);
            if now.is_some() && still && now != self.known {
                self.known = now;
                return;
            }
        }
    }
}

// === impl Stamp ===

impl Stamp {
    fn of(metadata: io::Result<Metadata>) -> Option<Self> {
        let metadata = metadata.ok()?;
        let inode = (metadata.dev(), metadata.ino());
        Some(Self { modified: metadata.modified().ok(), length: metadata.len(), inode })
    }
}
