//! The composition root: builds each part once, joins them, and takes them down in order.

pub mod broker;
pub mod platform;
mod secrets;
pub mod service;
pub mod settings;

use crate::{
    component::{CancellationToken, Component, Rest, Services, rest::RestError},
    config::Config,
    dispatch::{ActionNames, Cancel, Clash, Destination, Dispatcher, Registry, Workshop},
    logging,
    recording::{Recorder, RecorderError},
    rest::{ConnectError, Platform},
    signals::Signal,
    stomp,
    store::{self, StoreError},
    test_actions::TestActions,
};
use futures_util::{Stream, StreamExt};
use secrets::InputSecrets;
use service::Service;
use settings::SettingsError;
use std::{io, sync::Arc, time::Duration};
use tokio::runtime::Handle;
use tracing::{info, warn};

pub use broker::{Ended, Limits, Watch};

/// What SIGHUP does: reads the configuration again.
pub type Reload = Box<dyn FnMut() + Send>;

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

/// Runs until it is told to stop, or cannot go on.
///
/// Messages are carried out on the runtime `workers`; everything else, the link and its heart-beats above all, lives on
/// the caller's. So a handler that blocks its thread holds up other handlers, but never the link.
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
    let registry = registry(config, components)?;
    let recorder = recorder(config)?;
    let ended = run_recorded(config, registry, recorder.clone(), workers, signals, reload).await;
    if let Some(recorder) = recorder {
        recorder.flush(LAST_WORDS).await;
    }
    ended
}

async fn run_recorded(
    config: &Config,
    registry: Registry,
    recorder: Option<Recorder>,
    workers: &Handle,
    mut signals: impl Stream<Item = Signal> + Unpin,
    mut reload: Reload,
) -> Result<(), DaemonError> {
    let rest = settings::rest(config, recorder.clone().map(Into::into))?;
    let brokers = settings::brokers(config)?;
    let journal = store::open(&settings::store(config)?).await?;
    let shutdown = CancellationToken::new();
    let platform = {
        let opening = open_platform(&rest, settings::attempts(config));
        match until_stopped(opening, &mut signals, &mut reload).await {
            Some(platform) => platform?,
            None => return Ok(()),
        }
    };
    let (platform, names) = platform;
    let org = platform.org_id();
    let every = Some(config.work.cancel_check_interval).filter(|every| !every.is_zero());
    let cancel = every.map(|every| Cancel::new(Rest::new(platform.clone(), None), every));
    let services = Services::new(platform, config.work.num_workers, shutdown.clone())
        .with_integrations(config.section("integrations"))
        .with_secrets(Arc::new(InputSecrets::new(config.references().clone())));
    let observer = recorder.map(|recorder| Box::new(recorder) as _);
    let workshop = Workshop::new(registry, names, services).observed_by(observer);
    let workshop = Arc::new(workshop.called_off_by(cancel));
    workshop.set_trap_exception(config.work.trap_exception);
    let test_port = test_actions(config, org, &workshop, workers, &shutdown).await?;
    let queues = queues(&workshop.registry(), org);
    if queues.is_empty() {
        warn!("no component is loaded: there is no queue to take messages from");
    }
    let limits = Limits {
        queues: queues.len(),
        stop_timeout: config.work.stop_timeout,
        heartbeat_timeout_threshold: config.broker.heartbeat_timeout_threshold,
    };
    let (link, events) = stomp::start(settings::stomp(config), queues, brokers);
    let dispatcher = Dispatcher::new(workshop, link.clone(), journal.clone(), workers.clone());
    workers.spawn(dispatcher.clone().revive());
    let watch = Watch::new(link, events, dispatcher, limits);
    let ended = watch.run(signals, reload, shutdown.clone()).await;
    journal.close().await;
    Service.stopping();
    shutdown.cancel();
    if let Some(test_port) = test_port
        && tokio::time::timeout(LAST_WORDS, test_port).await.is_err()
    {
        warn!("test actions were cut short");
    }
    match ended {
        Ended::Stopped => Ok(()),
        Ended::GaveUp(error) => Err(error.into()),
        Ended::Silent(silent) => Err(DaemonError::HeartBeats(silent)),
    }
}

/// The handlers of the components that are loaded.
///
/// # Errors
/// Every clash among them.
pub fn registry(config: &Config, components: &[Component]) -> Result<Registry, DaemonError> {
    let loaded = components.iter().filter(|component| config.loads(component.name()));
    let with_section = loaded.map(|component| (component, config.section(component.name())));
    Registry::build(with_section).map_err(DaemonError::Clashes)
}

/// The queues that the registry's destinations are in this organization.
#[must_use]
pub fn queues(registry: &Registry, org: i64) -> Vec<String> {
    registry.destinations().map(|name| Destination::actions(org, name).to_string()).collect()
}

/// A login, and the names of the actions.
async fn open_platform(
    settings: &crate::rest::Settings,
    most: Option<u32>,
) -> Result<(Arc<Platform>, ActionNames), DaemonError> {
    let platform = Arc::new(platform::connect(settings, most).await?);
    let names = ActionNames::new(Rest::new(platform.clone(), None));
    // Messages ask again for what is not known.
    if let Err(error) = names.read().await {
        warn!(%error, "the names of the platform's actions could not be read yet");
    }
    Ok((platform, names))
}

/// `None` when a signal to stop came first.
async fn until_stopped<T>(
    work: impl Future<Output = T>,
    signals: &mut (impl Stream<Item = Signal> + Unpin),
    reload: &mut Reload,
) -> Option<T> {
    let mut work = std::pin::pin!(work);
    let mut pulse = Service.pulse();
    loop {
        tokio::select! {
            done = &mut work => return Some(done),
            _ = pulse.tick() => Service.alive(),
            signal = signals.next() => match signal {
                Some(Signal::Reload) => reload(),
                Some(Signal::Stop) | None => {
                    info!("told to stop before the platform could be used");
                    return None;
                }
            },
        }
    }
}

fn recorder(config: &Config) -> Result<Option<Recorder>, DaemonError> {
    let Some(directory) = &config.development.log_http_responses else { return Ok(None) };
    let redactor = logging::redactor();
    config.secrets().iter().for_each(|secret| redactor.add(secret));
    let recorder = Recorder::open(directory, redactor)?;
    warn!(directory = %directory.display(), "messages and REST responses are recorded, incidents and all");
    Ok(Some(recorder))
}

/// Serves test actions until `shutdown` fires, and finishes those at work then.
async fn test_actions(
    config: &Config,
    org: i64,
    workshop: &Arc<Workshop>,
    workers: &Handle,
    shutdown: &CancellationToken,
) -> Result<Option<tokio::task::JoinHandle<()>>, DaemonError> {
    let development = &config.development;
    if !development.test_actions {
        return Ok(None);
    }
    let (host, port) = (development.test_host.as_str(), development.test_port);
    let port = TestActions::bind(host, port, org, workshop.clone())
        .await
        .map_err(|source| DaemonError::TestActions { address: format!("{host}:{port}"), source })?;
    Ok(Some(workers.spawn(port.serve(shutdown.clone()))))
}
