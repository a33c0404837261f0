//! The composition root: builds each part once, joins them, and takes them down in order.

mod awaited;
pub mod board;
pub mod broker;
pub mod doubt;
pub mod live;
pub mod orders;
pub mod platform;
mod queues;
pub mod reload;
pub mod repeats;
pub(crate) mod secrets;
pub mod service;
pub mod serving;
pub mod settings;
pub mod supervisor;
pub mod told;
pub mod unit;
mod watched;

use crate::{
    component::{Component, rest::RestError},
    config::Config,
    dispatch::{Clash, Registry, Threads},
    logging,
    recording::{Recorder, RecorderError},
    rest::ConnectError,
    signals::Signal,
    stomp,
    store::{self, Journal, StoreError},
};
use futures_util::{Stream, StreamExt};
use reload::Reloader;
use repeats::Repeats;
use service::Service;
use serving::Loaded;
use settings::SettingsError;
use std::{io, time::Duration};
use supervisor::Supervisor;
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;
use unit::House;

pub use awaited::completed;
pub use broker::{Ended, Watch};
pub use reload::{Reload, Source};
pub use watched::File;

/// Why the daemon could not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DaemonError {
    /// Certificates, keys or proxies that cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Components that want the same thing.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Clashes(Vec<Clash>),
    /// No login within `max_connection_retries`.
    #[error(transparent)]
    Platform(#[from] ConnectError),
    /// The names of the actions could not be read.
    #[error("the names of the platform's actions could not be read: {0}")]
    Actions(#[from] RestError),
    /// The port for test actions.
    #[error("test actions cannot be taken at {address}: {source}; see test_host and test_port")]
    TestActions {
        /// Where.
        address: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// The journal.
    #[error(transparent)]
    Journal(#[from] StoreError),
    /// The directory for recordings.
    #[error(transparent)]
    Recorder(#[from] RecorderError),
    /// No link within `max_connection_retries`.
    #[error("the broker could not be reached within max_connection_retries: {}", crate::component::with_causes(.0))]
    Broker(#[from] stomp::LinkError),
    /// No link within `heartbeat_timeout_threshold` of heart-beats failing.
    #[error(
        "heart-beats failed and the broker could not be reached for {} s, longer than heartbeat_timeout_threshold",
        .0.as_secs()
    )]
    HeartBeats(Duration),
}

/// How long what the developer's tools have begun may take, once all messages are answered.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Between two attempts to open the journal, each of which is patient itself.
const JOURNAL_AGAIN: Duration = Duration::from_secs(5);

/// Runs until it is told to stop, or until no platform can be served any more.
///
/// Messages are carried out on the runtime `workers`; everything else, the links and their heart-beats above all, lives
/// on the caller's. So a handler that blocks its thread holds up no link; [`Threads`] sees to it that it holds up no other
/// handler either.
///
/// # Errors
/// See [`DaemonError`].
pub async fn run(
    config: &Config,
    components: &[Component],
    workers: &Handle,
    signals: impl Stream<Item = Signal> + Unpin,
    reload: Reload,
) -> Result<(), DaemonError> {
    let redactor = logging::redactor();
    config.secrets().iter().for_each(|secret| redactor.add(secret));
    // A clash is told before anybody is asked.
    for platform in config.platforms() {
        registry(platform, components)?;
    }
    let recorder = recorder(config)?;
    let ended = run_recorded(config, components, workers, signals, reload, recorder.clone()).await;
    if let Some(recorder) = recorder {
        recorder.flush(LAST_WORDS).await;
    }
    ended
}

async fn run_recorded(
    config: &Config,
    components: &[Component],
    workers: &Handle,
    mut signals: impl Stream<Item = Signal> + Unpin,
    reload: Reload,
    recorder: Option<Recorder>,
) -> Result<(), DaemonError> {
    let platforms: Vec<_> = config.platforms().map(Config::named).collect();
    let opened = journal(&settings::store(config)?, &platforms, &mut signals).await?;
    let Some(journal) = opened else { return Ok(()) };
    let components: std::sync::Arc<[Component]> = components.into();
    let threads = Threads::new(workers.clone());
    // On the caller's runtime, whose thread no handler holds.
    let _watching = AbortOnDropHandle::new(tokio::spawn(threads.clone().watch()));
    let house = House {
        components: components.clone(),
        workers: workers.clone(),
        journal: store::Platforms::new(journal.clone()),
        recorder,
        board: board::Board::default(),
        told: told::Told::new(workers.clone()),
        threads,
        doubt: doubt::Doubt::default(),
    };
    let reloader = Reloader::new(reload, components, config.files());
    let ended = Supervisor::new(house, config, reloader).run(signals).await;
    journal.close().await;
    Service.stopping();
    ended
}

/// Opens the journal; a database that is away, as it may be while its machine starts, is waited for, and so is a disk that
/// is full. `None`: told to stop meanwhile.
async fn journal(
    settings: &store::Settings,
    platforms: &[Option<&str>],
    signals: &mut (impl Stream<Item = Signal> + Unpin),
) -> Result<Option<Journal>, DaemonError> {
    let (mut pulse, mut repeats) = (Service.pulse(), Repeats::default());
    let mut opened = std::pin::pin!(patiently(settings, platforms, &mut repeats));
    loop {
        tokio::select! {
            opened = &mut opened => return Ok(Some(opened?)),
            signal = signals.next() => match signal {
                // It has been read just now.
                Some(Signal::Reload) => {}
                Some(Signal::Stop) | None => return Ok(None),
            },
            _ = pulse.tick() => Service.alive(),
        }
    }
}

async fn patiently(
    settings: &store::Settings,
    platforms: &[Option<&str>],
    repeats: &mut Repeats,
) -> Result<Journal, StoreError> {
    loop {
        match store::open_serving(settings, platforms).await {
            Err(error @ StoreError::Unavailable(_)) => {
                Service.status(&format!("waiting for the journal: {error}"));
                if repeats.is_news(&error.to_string()) {
                    warn!(%error, "the journal is waited for; see [store] in app.config");
                }
                tokio::time::sleep(JOURNAL_AGAIN).await;
            }
            opened => return opened,
        }
    }
}

/// The handlers of the components that are loaded on the platform of `config`.
///
/// # Errors
/// Every clash among them.
pub fn registry(config: &Config, components: &[Component]) -> Result<Registry, DaemonError> {
    let loaded = Loaded::all(config, components);
    let with_section = loaded.iter().map(|loaded| (&loaded.component, loaded.section.clone()));
    Registry::build(with_section).map_err(DaemonError::Clashes)
}

fn recorder(config: &Config) -> Result<Option<Recorder>, DaemonError> {
    let Some(directory) = &config.development.log_http_responses else { return Ok(None) };
    let recorder = Recorder::open(directory, logging::redactor())?;
    warn!(directory = %directory.display(), "messages and REST responses are recorded, incidents and all");
    Ok(Some(recorder))
}
