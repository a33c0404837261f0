//! One unit per platform: started, told what changes, outlived by the others when it gives up.

use super::{
    DaemonError,
    orders::{Commander, orders},
    reload::{Read, Reloader},
    service::Service,
    unit::{House, Unit},
};
use crate::{config::Config, signals::Signal};
use futures_util::{Stream, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use std::{collections::BTreeMap, sync::Arc};
use tracing::{Instrument, Span, error, error_span, info, warn};

/// The units, and what is asked of them.
#[derive(Debug)]
pub struct Supervisor {
    house: House,
    config: Config,
    reloader: Reloader,
    /// By the platform's name.
    units: BTreeMap<String, Seat>,
    /// Told to stop because their platforms are no longer configured.
    leaving: Vec<Commander>,
    running: FuturesUnordered<BoxFuture<'static, Outcome>>,
    /// Numbers the units.
    next: usize,
    stopping: bool,
    /// Why a platform was given up last.
    failure: Option<DaemonError>,
}

/// A platform's unit, as seen from here.
#[derive(Debug)]
struct Seat {
    number: usize,
    commander: Commander,
    gave_up: bool,
}

/// How a unit ended.
struct Outcome {
    platform: String,
    number: usize,
    ended: Result<(), DaemonError>,
}

// === impl Supervisor ===

impl Supervisor {
    /// A unit for each platform of `config`.
    #[must_use]
    pub fn new(house: House, config: &Config, reloader: Reloader) -> Self {
        let mut supervisor = Self {
            house,
            config: config.clone(),
            reloader,
            units: BTreeMap::new(),
            leaving: Vec::new(),
            running: FuturesUnordered::new(),
            next: 0,
            stopping: false,
            failure: None,
        };
        supervisor.arrange(config);
        supervisor
    }

    /// Runs until all units have stopped, or given up.
    ///
    /// # Errors
    /// Why the last of them gave up, where all have.
    pub async fn run(mut self, mut signals: impl Stream<Item = Signal> + Unpin) -> Result<(), DaemonError> {
        let mut pulse = Service.pulse();
        let mut signals_end = false;
        loop {
            let watching = self.config.work.reload && !self.stopping;
            tokio::select! {
                signal = signals.next(), if !signals_end => match signal {
                    Some(Signal::Reload) => self.reloader.ask(),
                    Some(Signal::Stop) => self.stop(),
                    None => {
                        signals_end = true;
                        self.stop();
                    }
                },
                _ = pulse.tick() => Service.alive(),
                read = self.reloader.next(watching) => self.reload(read),
                Some(outcome) = self.running.next() => {
                    let last = self.running.is_empty();
                    if let Some(ended) = self.ended(outcome, last) {
                        return ended;
                    }
                }
            }
        }
    }

    fn stop(&mut self) {
        self.stopping = true;
        Service.stopping();
        self.units.values().map(|seat| &seat.commander).chain(&self.leaving).for_each(Commander::stop);
    }

    /// How the daemon ends, where this was the last unit.
    fn ended(&mut self, outcome: Outcome, last: bool) -> Option<Result<(), DaemonError>> {
        let Outcome { platform, number, ended } = outcome;
        match (ended, last) {
            (Ok(()), true) => Some(self.failure.take().filter(|_| !self.stopping).map_or(Ok(()), Err)),
            (ended, true) => Some(ended),
            (Ok(()), false) => None,
            (Err(error), false) => {
                error!(platform, %error, "this platform is given up, the others go on; a reload tries it again");
                if let Some(seat) = self.units.get_mut(&platform).filter(|seat| seat.number == number) {
                    seat.gave_up = true;
                }
                self.failure = Some(error);
                None
            }
        }
    }

    fn reload(&mut self, read: Read) {
        if self.stopping {
            return;
        }
        match read {
            Ok(config) => {
                self.house.board.read(0);
                self.put_into_force(config);
            }
            Err(problems) => {
                self.house.board.read(problems.iter().count());
                problems.iter().for_each(|problem| {
                    error!(%problem, "the changed configuration has a mistake; the daemon keeps the one it has");
                });
            }
        }
        Service.reloaded();
    }

    fn put_into_force(&mut self, config: Config) {
        // The log may soon hold what is in the file now.
        self.reloader.source().in_force(&config);
        let changes = config.changes_from(&self.config);
        if changes.is_empty() {
            info!("the configuration was read again: nothing has changed");
        }
        for change in &changes {
            let (key, before, now) = (change.key(), change.before(), change.now());
            info!(key, before, now, "the configuration was read again: this has changed");
        }
        let keys: Vec<String> =
            changes.iter().filter(|change| change.wants_restart()).map(|c| c.key()).collect();
        if !keys.is_empty() {
            warn!(keys = keys.join(", "), "a restart puts these into effect");
        }
        self.arrange(&config);
        self.config = config;
    }

    /// A unit for each platform: told of its configuration, started where there is none, stopped where there is no
    /// platform.
    fn arrange(&mut self, config: &Config) {
        let platforms: BTreeMap<String, Arc<Config>> =
            config.platforms().map(|one| (one.name().to_owned(), Arc::new(one.clone()))).collect();
        let gone: Vec<String> =
            self.units.keys().filter(|name| !platforms.contains_key(*name)).cloned().collect();
        for (name, seat) in gone.into_iter().filter_map(|name| self.units.remove_entry(&name)) {
            info!(platform = name, "the platform is no longer configured");
            seat.commander.stop();
            self.house.board.forget(&name);
            self.leaving.push(seat.commander);
        }
        let several = platforms.len() > 1;
        for (name, config) in platforms {
            match self.units.get(&name) {
                Some(seat) if !seat.gave_up => seat.commander.reload(config),
                _ => self.start(name, config, several),
            }
        }
    }

    fn start(&mut self, name: String, config: Arc<Config>, several: bool) {
        let (commander, orders) = orders(config.clone());
        let (number, platform) = (self.next, name.clone());
        self.next += 1;
        let several = several || config.named().is_some();
        let span = if several { error_span!("platform", platform = name) } else { Span::none() };
        let unit = Unit::new(self.house.clone(), config, orders);
        let run = async move { Outcome { platform, number, ended: unit.run().await } };
        self.running.push(Box::pin(run.instrument(span)));
        self.units.insert(name, Seat { number, commander, gave_up: false });
    }
}
