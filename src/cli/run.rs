//! `processor run`.

use super::{FAILED, failed, mistakes, runtime};
use crate::{
    component::Component,
    config::{Config, Overrides, Problems},
    daemon::{self, Reload, service::Service},
    logging::{self, Redactor},
    signals::signals,
};
use std::{
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};
use tracing::{error, info, warn};

/// `heartbeat_timeout_threshold` has passed, as for the vendor's framework.
const HEART_BEATS: u8 = 34;

/// Flags of `processor run`. Every key of app.config has an option of the same name; `--help` shows them all.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    #[command(flatten)]
    overrides: Overrides,
}

/// Runs the daemon until it is told to stop.
#[must_use]
pub fn run(args: &RunArgs, components: &[Component]) -> ExitCode {
    let config = match load(&args.overrides, components) {
        Ok(config) => config,
        Err(problems) => return mistakes(&problems),
    };
    let redactor = Redactor::new(&config.secrets());
    let _log = match logging::init(&config.log, redactor.clone()) {
        Ok(guard) => guard,
        Err(error) => return failed(&error),
    };
    greet(&config, components);
    let reload = reload(args.overrides.clone(), config.clone(), components.to_vec(), redactor);
    let result = serve(&config, components, reload);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!(%error, "the processor ends");
            // The log has said it, on standard error too.
            ExitCode::from(error.exit_code())
        }
    }
}

/// Handlers get threads of their own; the link's thread is this one.
fn serve(config: &Config, components: &[Component], reload: Reload) -> Result<(), Failed> {
    let workers = runtime().map_err(Failed::Runtime)?;
    let control = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = control.map_err(Failed::Runtime)?.block_on(async {
        let signals = signals().map_err(Failed::Signals)?;
        daemon::run(config, components, workers.handle(), signals, reload).await.map_err(Failed::Daemon)
    });
    // A handler that blocks its thread must not keep the process alive.
    workers.shutdown_background();
    result
}

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("no threads can be started: {0}")]
    Runtime(std::io::Error),
    #[error("no signal handler can be installed: {0}")]
    Signals(std::io::Error),
    #[error(transparent)]
    Daemon(daemon::DaemonError),
}

impl Failed {
    /// Heart-beats that failed for too long have the vendor's code; a supervisor may tell it apart.
    fn exit_code(&self) -> u8 {
        match self {
            Self::Daemon(daemon::DaemonError::HeartBeats(_)) => HEART_BEATS,
            Self::Daemon(_) | Self::Runtime(_) | Self::Signals(_) => FAILED,
        }
    }
}

/// Reads everything that the process was started with.
pub(super) fn load(overrides: &Overrides, components: &[Component]) -> Result<Config, Problems> {
    Config::load(&overrides.sources()?, components)
}

fn greet(config: &Config, components: &[Component]) {
    let loaded = components.iter().filter(|component| config.loads(component.name()));
    let names: Vec<&str> = loaded.map(Component::name).collect();
    info!(version = env!("CARGO_PKG_VERSION"), components = names.join(", "), "the processor starts");
    info!(
        platform = format!("{}:{}", config.platform.host, config.platform.port),
        broker = config.broker.addresses(),
        workers = config.work.num_workers,
        "configured"
    );
    for problem in &config.warnings {
        warn!("{problem}");
    }
}

/// What SIGHUP does: the configuration is read and checked, and what differs is named. It takes effect at the next
/// start; a faulty one is refused in words, and the daemon goes on.
fn reload(overrides: Overrides, current: Config, components: Vec<Component>, redactor: Redactor) -> Reload {
    let reloader = Arc::new(Reloader { overrides, components, redactor, current: Mutex::new(current) });
    // Reading asks files and commands, which may be slow.
    Box::new(move || {
        let reloader = reloader.clone();
        drop(tokio::task::spawn_blocking(move || reloader.reload()));
    })
}

struct Reloader {
    overrides: Overrides,
    components: Vec<Component>,
    redactor: Redactor,
    current: Mutex<Config>,
}

impl Reloader {
    fn reload(&self) {
        Service.reloading();
        match load(&self.overrides, &self.components) {
            Ok(config) => self.compare(config),
            Err(problems) => problems.iter().for_each(|problem| {
                error!(%problem, "the changed configuration has a mistake; the daemon keeps the one it has");
            }),
        }
        Service.reloaded();
    }

    fn compare(&self, config: Config) {
        // The log may soon hold what is in the file now.
        config.secrets().iter().for_each(|secret| self.redactor.add(secret));
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = config.changes_from(&current);
        if changed.is_empty() {
            info!("the configuration was read again: nothing has changed");
        } else {
            let keys = changed.join(", ");
            warn!(keys, "the configuration was read again: a restart puts these into effect");
        }
        *current = config;
    }
}
