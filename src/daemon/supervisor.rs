//! One unit per platform: started, told what changes, outlived by the others when it gives up.

use super::{
    DaemonError,
    doubt::Asking,
    orders::{Commander, orders},
    reload::{Because, Read, Reloader},
    repeats::Repeats,
    service::Service,
    unit::{GaveUp, House, Unit},
};
use crate::{config::Config, logging, signals::Signal};
use futures_util::{Stream, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use std::{collections::BTreeMap, sync::Arc};
use tracing::{Instrument, Span, debug, error, error_span, info, warn};

/// The units, and what is asked of them.
#[derive(Debug)]
pub struct Supervisor {
    house: House,
    config: Config,
    reloader: Reloader,
    asking: Asking,
    /// What was said of stores of secrets that are away, and of what could not be looked up again.
    repeats: Repeats,
    /// By the platform's name.
    units: BTreeMap<String, Seat>,
    /// Told to stop because their platforms are no longer configured; by the unit's number.
    leaving: BTreeMap<usize, Leaving>,
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

/// A unit that is ending. One of the same platform does not begin before that: it would be given again what this one has
/// at work.
#[derive(Debug)]
struct Leaving {
    platform: String,
    commander: Commander,
}

/// How a unit ended.
struct Outcome {
    platform: String,
    number: usize,
    ended: Result<(), GaveUp>,
}

// === impl Supervisor ===

impl Supervisor {
    /// A unit for each platform of `config`.
    #[must_use]
    pub fn new(house: House, config: &Config, reloader: Reloader) -> Self {
        let mut supervisor = Self {
            asking: Asking::new(house.doubt.clone()),
            house,
            config: config.clone(),
            reloader,
            repeats: Repeats::default(),
            units: BTreeMap::new(),
            leaving: BTreeMap::new(),
            running: FuturesUnordered::new(),
            next: 0,
            stopping: false,
            failure: None,
        };
        supervisor.begin_missing();
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
                    Some(Signal::Reload) => {
                        logging::reopen();
                        self.reloader.ask(Because::Changed);
                    }
                    Some(Signal::Stop) => self.stop(),
                    None => {
                        signals_end = true;
                        self.stop();
                    }
                },
                _ = pulse.tick() => Service.alive(),
                () = self.asking.due(), if !self.stopping => self.reloader.ask(Because::Refused),
                (because, read) = self.reloader.next(watching) => match because {
                    Because::Changed => self.reload(read),
                    Because::Refused => self.looked_up(read),
                },
                Some(outcome) = self.running.next() => {
                    if let Some(ended) = self.ended(outcome) {
                        return ended;
                    }
                }
            }
        }
    }

    fn stop(&mut self) {
        self.stopping = true;
        Service.stopping();
        let leaving = self.leaving.values().map(|leaving| &leaving.commander);
        self.units.values().map(|seat| &seat.commander).chain(leaving).for_each(Commander::stop);
    }

    /// How the daemon ends, where this was the last unit.
    fn ended(&mut self, outcome: Outcome) -> Option<Result<(), DaemonError>> {
        let Outcome { platform, number, ended } = outcome;
        self.leaving.remove(&number);
        let is_current = self.units.get(&platform).is_some_and(|seat| seat.number == number);
        let error = match ended {
            Ok(()) => None,
            // Its platform is tried with the configuration that it has not heard of.
            Err(GaveUp { error, unheard: true }) if is_current && !self.stopping => {
                warn!(platform, %error, "the platform is tried again with its changed configuration");
                self.units.remove(&platform);
                None
            }
            Err(GaveUp { error, .. }) => {
                if let Some(seat) = self.units.get_mut(&platform).filter(|_| is_current) {
                    seat.gave_up = true;
                }
                Some(error)
            }
        };
        if !self.stopping {
            self.begin_missing();
        }
        if self.running.is_empty() {
            let earlier = self.failure.take().filter(|_| !self.stopping);
            return Some(error.or(earlier).map_or(Ok(()), Err));
        }
        if let Some(error) = error {
            error!(platform, %error, "this platform is given up, the others go on; a reload tries it again");
            self.failure = Some(error);
        }
        None
    }

    fn reload(&mut self, read: Read) {
        if self.stopping {
            return;
        }
        match read {
            Ok(config) => {
                self.house.board.read(0);
                self.repeats.forget();
                self.put_into_force(config);
            }
            Err(problems) if problems.are_awaited() => {
                self.house.board.read(problems.iter().count());
                for problem in &problems {
                    if self.repeats.is_news(problem.place.as_deref().unwrap_or_default()) {
                        warn!(
                            reason = %problem,
                            "secret store unavailable; the configuration in force stays, and the store is asked again"
                        );
                    }
                }
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

    /// What a server refused was looked up again, where it comes from.
    fn looked_up(&mut self, read: Read) {
        match read {
            _ if self.stopping => {}
            Ok(config) if config.changes_from(&self.config).is_empty() => {
                self.repeats.forget();
                debug!("what was refused was looked up again: it is the same");
            }
            Ok(config) => {
                self.repeats.forget();
                self.put_into_force(config);
            }
            Err(problems) => {
                for problem in problems.iter().filter(|problem| self.repeats.is_news(&problem.to_string())) {
                    warn!(%problem, "what was refused cannot be looked up again; the value in force stays");
                }
            }
        }
    }

    fn put_into_force(&mut self, config: Config) {
        // The log may soon hold what is in the file now.
        self.reloader.source().in_force(&config);
        let known = &self.config.warnings;
        for problem in config.warnings.iter().filter(|problem| !known.contains(problem)) {
            warn!("{problem}");
        }
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
        self.config = config;
        self.arrange();
    }

    /// A unit for each platform: told of its configuration, started where there is none, stopped where there is no
    /// platform.
    fn arrange(&mut self) {
        let platforms = self.platforms();
        let gone: Vec<String> =
            self.units.keys().filter(|name| !platforms.contains_key(*name)).cloned().collect();
        for (platform, seat) in gone.into_iter().filter_map(|name| self.units.remove_entry(&name)) {
            info!(platform, "the platform is no longer configured");
            let Seat { number, commander, gave_up } = seat;
            commander.stop();
            self.house.board.forget(&platform);
            if !gave_up {
                self.leaving.insert(number, Leaving { platform, commander });
            }
        }
        self.units.retain(|_, seat| !seat.gave_up);
        for (name, seat) in &self.units {
            if let Some(config) = platforms.get(name) {
                seat.commander.reload(config.clone());
            }
        }
        self.begin_missing();
    }

    /// A unit for each platform that has none, and none that is still ending.
    fn begin_missing(&mut self) {
        let platforms = self.platforms();
        let several = platforms.len() > 1;
        for (name, config) in platforms {
            let is_ending = self.leaving.values().any(|leaving| leaving.platform == name);
            if !is_ending && !self.units.contains_key(&name) {
                self.start(name, config, several);
            }
        }
    }

    fn platforms(&self) -> BTreeMap<String, Arc<Config>> {
        self.config.platforms().map(|one| (one.name().to_owned(), Arc::new(one.clone()))).collect()
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
