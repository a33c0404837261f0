//! `processor run`.

use super::{FAILED, USAGE, failed, mistakes};
use crate::{
    component::Component,
    config::{Config, Location, Overrides, Prepared, Problems, Sources},
    daemon::{self, File, Reload, Source},
    descriptors,
    dispatch::Threads,
    logging::{self, Levels, Redactor},
    signals::{Signal, signals},
};
use futures_util::Stream;
use std::{
    io,
    process::ExitCode,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::runtime::{Builder, Runtime};
use tracing::{error, info, warn};

/// `heartbeat_timeout_threshold` has passed, as for the vendor's framework.
const HEART_BEATS: u8 = 34;

/// Flags of `processor run`. Every key of app.config has an option of the same name; `--help` shows them all.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct RunArgs {
    /// Accepted for scripts of the vendor's framework: a changed app.config is taken up in any case (see `reload`).
    #[arg(short = 'r', long, hide_short_help = true)]
    auto_restart: bool,
    #[command(flatten)]
    overrides: Overrides,
}

const EXAMPLES: &str = "\
For example:
  processor check --connect                    first of all: tries everything
  processor run
  processor run --loglevel DEBUG --logdir /var/log/processor
  processor run --set my_component.url=https://test.example.com
  processor run --log-http-responses recorded  records messages for `replay`

SIGTERM, SIGQUIT or Ctrl-C: what runs is finished and answered, for `stop_timeout` at most; the same again ends it now. SIGHUP: \
app.config is read again; one with mistakes is refused, and the old one stays in force. docs/operating.md says more.

Exit code: 0 after a signal, 64 if the command line or app.config is wrong, 34 if heart-beats failed for longer than \
`heartbeat_timeout_threshold`, 1 if it could not go on; the log's last ERROR says why.";

/// More than anybody's `num_workers`: each handler that blocks takes one. They are made when they are needed.
const MAX_THREADS: usize = 4096;

/// Runs the daemon until it is told to stop.
#[must_use]
pub fn run(args: &RunArgs, components: &[Component]) -> ExitCode {
    let (control, signals) = match control() {
        Ok(control) => control,
        Err(error) => return failed(&error),
    };
    let file = file(&args.overrides);
    let read =
        args.overrides.sources().and_then(|sources| Ok((Config::prepare(&sources, components)?, sources)));
    let (prepared, sources) = match read {
        Ok(read) => read,
        Err(problems) => return mistakes(&problems),
    };
    let (Prepared::Complete(config) | Prepared::Awaiting(config)) = &prepared;
    let redactor = Redactor::new(&config.secrets());
    let log = match logging::init(&config.log, redactor.clone()) {
        Ok(guard) => guard,
        Err(error) => return failed(&error),
    };
    let source = Start {
        overrides: args.overrides.clone(),
        components: components.into(),
        file,
        sources: Mutex::new(Kept { in_force: sources, read: None }),
        redactor,
        levels: log.levels(),
    };
    if args.auto_restart {
        info!(
            "-r and --auto-restart change nothing: a changed app.config is taken up in any case (see reload)"
        );
    }
    match serve(control, signals, prepared, components, Arc::new(source)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed::Mistakes(problems)) => mistakes(&problems),
        Err(error) => {
            error!(%error, "the processor ends");
            // The log has said it, on standard error too.
            ExitCode::from(error.exit_code())
        }
    }
}

/// The runtime of this thread, and the signals: a signal that comes while app.config is read is not lost.
fn control() -> Result<(Runtime, impl Stream<Item = Signal> + Unpin), Failed> {
    let control = Builder::new_current_thread().enable_all().build();
    let control = control.map_err(Failed::Runtime)?;
    let signals = control.block_on(async { signals() }).map_err(Failed::Signals)?;
    Ok((control, signals))
}

/// Handlers get threads of their own; the link's thread is this one.
fn serve(
    control: Runtime,
    mut signals: impl Stream<Item = Signal> + Unpin,
    prepared: Prepared,
    components: &[Component],
    reload: Reload,
) -> Result<(), Failed> {
    descriptors::raise_limit();
    let workers = workers().map_err(Failed::Runtime)?;
    let result = control.block_on(async {
        let config = match prepared {
            Prepared::Complete(config) => *config,
            Prepared::Awaiting(_) => match daemon::completed(reload.clone(), &mut signals).await {
                Ok(Some(config)) => config,
                Ok(None) => return Ok(()),
                Err(problems) => return Err(Failed::Mistakes(problems)),
            },
        };
        greet(&config, components);
        daemon::run(&config, components, workers.handle(), signals, reload).await.map_err(Failed::Daemon)
    });
    // A handler that blocks its thread must not keep the process alive, nor a name look-up that hangs.
    control.shutdown_background();
    workers.shutdown_background();
    result
}

/// As few threads as do, and room for as many as handlers may block.
fn workers() -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(Threads::wanted())
        .max_blocking_threads(MAX_THREADS)
        .enable_all()
        .thread_name("processor")
        .build()
}

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("no threads can be started: {0}")]
    Runtime(io::Error),
    #[error("no signal handler can be installed: {0}")]
    Signals(io::Error),
    #[error(transparent)]
    Daemon(daemon::DaemonError),
    #[error(transparent)]
    Mistakes(Problems),
}

impl Failed {
    /// Heart-beats that failed for too long have the vendor's code; a supervisor may tell it apart.
    fn exit_code(&self) -> u8 {
        match self {
            Self::Daemon(daemon::DaemonError::HeartBeats(_)) => HEART_BEATS,
            Self::Mistakes(_) => USAGE,
            Self::Daemon(_) | Self::Runtime(_) | Self::Signals(_) => FAILED,
        }
    }
}

/// Reads everything that the process was started with.
fn read(overrides: &Overrides, components: &[Component]) -> Result<(Sources, Config), Problems> {
    let sources = overrides.sources()?;
    let config = Config::load(&sources, components)?;
    Ok((sources, config))
}

fn greet(config: &Config, components: &[Component]) {
    let mut all: Vec<String> = Vec::new();
    for name in config.platforms().flat_map(|platform| names(platform, components)) {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    info!(version = env!("CARGO_PKG_VERSION"), components = all.join(", "), "the processor starts");
    let several = config.platforms().count() > 1;
    for one in config.platforms() {
        info!(
            platform = several.then(|| one.name()),
            rest = format!("{}:{}", one.platform.host, one.platform.port),
            broker = one.broker.addresses(),
            workers = one.work.num_workers,
            "configured"
        );
    }
    for problem in &config.warnings {
        warn!("{problem}");
    }
}

fn names(platform: &Config, components: &[Component]) -> Vec<String> {
    platform.components(components).iter().map(|component| component.name().to_owned()).collect()
}

/// app.config, where it was found, as it is now.
fn file(overrides: &Overrides) -> Option<File> {
    match Sources::of_process().locate(overrides.file()) {
        Location::Named(path) | Location::Found(path) => Some(File::now(path)),
        Location::Nowhere(_) => None,
    }
}

/// What the process was started with, to be read again.
#[derive(Debug)]
struct Start {
    overrides: Overrides,
    components: Arc<[Component]>,
    file: Option<File>,
    sources: Mutex<Kept>,
    redactor: Redactor,
    levels: Levels,
}

/// What the configuration was made from.
#[derive(Debug)]
struct Kept {
    /// The one in force.
    in_force: Sources,
    /// The one that was read last, and may come into force.
    read: Option<Sources>,
}

// === impl Start ===

impl Start {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is said of it may quote it.
    fn known(&self, config: Config) -> Config {
        config.secrets().iter().for_each(|secret| self.redactor.add(secret));
        config
    }
}

impl Source for Start {
    fn read(&self) -> Result<Config, Problems> {
        let (sources, config) = read(&self.overrides, &self.components)?;
        self.kept().read = Some(sources);
        Ok(self.known(config))
    }

    fn read_again(&self) -> Result<Config, Problems> {
        let sources = self.kept().in_force.clone();
        self.kept().read = None;
        Config::load(&sources, &self.components).map(|config| self.known(config))
    }

    fn file(&self) -> Option<File> {
        self.file.clone()
    }

    fn in_force(&self, config: &Config) {
        let mut kept = self.kept();
        if let Some(sources) = kept.read.take() {
            kept.in_force = sources;
        }
        drop(kept);
        self.levels.set(config.log.levels.clone());
    }
}
