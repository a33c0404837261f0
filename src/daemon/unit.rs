//! One platform and all that is its own: REST client, link, dispatcher. What goes wrong here leaves the other platforms
//! alone.

use super::{
    DaemonError,
    board::{Board, Notice},
    broker::{Ended, Watch},
    doubt::Doubt,
    live::Live,
    orders::{Order, Orders},
    platform,
    secrets::InputSecrets,
    serving::{Loaded, Prospect},
    settings,
    told::Told,
};
use crate::{
    component::{CancellationToken, Component, Rest, Services},
    config::Config,
    dispatch::{ActionNames, Cancel, Dispatcher, Registry, Threads, Workshop},
    logging,
    recording::Recorder,
    rest::{self, Platform},
    stomp, store,
    test_actions::TestActions,
};
use std::{sync::Arc, time::Duration};
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;
use tracing::{Instrument, info, warn};

/// What all platforms share.
#[derive(Debug, Clone)]
pub struct House {
    /// All that this program was built with.
    pub components: Arc<[Component]>,
    /// Where messages are carried out.
    pub workers: Handle,
    /// What outlives this process.
    pub journal: store::Platforms,
    /// Writes messages and responses down, if asked to.
    pub recorder: Option<Recorder>,
    /// What the service manager is told.
    pub board: Board,
    /// What components were told of their sections.
    pub told: Told,
    /// Those that handlers run in.
    pub threads: Threads,
    /// Whether what came from files and stores of secrets still counts.
    pub doubt: Doubt,
}

/// One platform's unit.
#[derive(Debug)]
pub struct Unit {
    house: House,
    config: Arc<Config>,
    orders: Orders,
    notice: Notice,
    secrets: Arc<InputSecrets>,
}

/// A unit's end before it was told to stop.
#[derive(Debug)]
pub struct GaveUp {
    /// Why.
    pub error: DaemonError,
    /// An order came too late: a changed configuration has not been tried yet.
    pub unheard: bool,
}

/// How one life of a unit ended.
#[derive(Debug)]
enum Life {
    /// It was told to stop, and has.
    Over,
    /// Its configuration is another one now: it begins anew.
    Again,
}

/// What came of the first login.
enum Opened {
    /// The platform, the names of its actions, and what there is to be served.
    Platform(Box<(Arc<Platform>, ActionNames, Prospect)>),
    /// An order came first.
    Told(Life),
}

/// How long what the developer's tools have begun may take, once all messages are answered.
const LAST_WORDS: Duration = Duration::from_secs(5);

// === impl Unit ===

impl Unit {
    /// A unit that has yet to begin.
    #[must_use]
    pub fn new(house: House, config: Arc<Config>, orders: Orders) -> Self {
        let notice = house.board.notice(config.name());
        let secrets = Arc::new(InputSecrets::new(config.references().clone(), logging::redactor()));
        Self { house, config, orders, notice, secrets }
    }

    /// Takes the platform's messages until it is told to stop, or cannot go on.
    ///
    /// # Errors
    /// Why it gave up.
    pub async fn run(mut self) -> Result<(), GaveUp> {
        loop {
            match self.live().await {
                Ok(Life::Over) => return Ok(()),
                Ok(Life::Again) => info!("the platform is begun anew with its changed configuration"),
                Err(error) => {
                    self.notice.trouble(format!("given up: {error}"));
                    return Err(GaveUp { error, unheard: self.orders.are_waiting() });
                }
            }
        }
    }

    /// From the first login to the last goodbye.
    async fn live(&mut self) -> Result<Life, DaemonError> {
        self.secrets.renew(self.config.references().clone());
        let mut rest = settings::rest(&self.config, self.house.recorder.clone().map(Into::into))?;
        rest.refused = Some(self.house.doubt.clone().into());
        rest.redactor = logging::redactor();
        let brokers = settings::brokers(&self.config)?;
        let looked_with = self.config.clone();
        let (platform, names, mut prospect) = match self.open(rest).await? {
            Opened::Platform(opened) => *opened,
            Opened::Told(life) => return Ok(life),
        };
        prospect.tell();
        let org = platform.org_id();
        let shutdown = CancellationToken::new();
        let (workshop, cancel) = self.workshop(prospect.take_registry(), platform, names, shutdown.clone());
        let test_port = self.test_actions(org, &workshop, &shutdown).await?;
        let queues = prospect.queues();
        if queues.is_empty() {
            warn!("there is no queue to take messages from yet");
        }
        let (link, events) = stomp::start(settings::stomp(&self.config), queues, brokers);
        let (journal, workers) = (self.house.journal.part(self.config.named()), self.house.workers.clone());
        let dispatcher = Dispatcher::new(workshop.clone(), link.clone(), journal, workers);
        self.house.workers.spawn(dispatcher.clone().revive().in_current_span());
        self.house.workers.spawn(dispatcher.clone().pay().in_current_span());
        let (serving, keeping) = prospect.start(workshop.clone(), link.clone(), dispatcher.clone());
        let mut live = Live {
            components: self.house.components.clone(),
            config: self.config.clone(),
            told: self.house.told.clone(),
            workshop,
            cancel,
            link,
            secrets: self.secrets.clone(),
            serving,
            _keeping: keeping,
        };
        if Arc::ptr_eq(&looked_with, &self.config) {
            self.house.told.tell(&Loaded::all(&self.config, &self.house.components));
        } else {
            // It was changed meanwhile.
            live.apply(self.config.clone());
        }
        let watch = Watch::new(events, dispatcher, live, self.notice.clone(), self.house.doubt.clone());
        let ended = watch.run(&mut self.orders, shutdown).await;
        if let Some(test_port) = test_port
            && tokio::time::timeout(LAST_WORDS, test_port).await.is_err()
        {
            warn!("test actions were cut short");
        }
        self.after(ended)
    }

    fn after(&mut self, ended: Ended) -> Result<Life, DaemonError> {
        match ended {
            Ended::Stopped => Ok(Life::Over),
            Ended::Changed(config) => {
                self.config = config;
                Ok(Life::Again)
            }
            Ended::GaveUp(error) => Err(error.into()),
            Ended::Silent(silent) => Err(DaemonError::HeartBeats(silent)),
        }
    }

    /// A login and a first look; or what an order makes of it.
    async fn open(&mut self, rest: rest::Settings) -> Result<Opened, DaemonError> {
        let (config, components) = (self.config.clone(), self.house.components.clone());
        let (notice, doubt) = (self.notice.clone(), self.house.doubt.clone());
        let mut opening = std::pin::pin!(open_platform(&rest, &config, &components, &notice, &doubt));
        loop {
            tokio::select! {
                opened = &mut opening => return Ok(Opened::Platform(Box::new(opened?))),
                order = self.orders.next() => match order {
                    Order::Stop => {
                        info!("told to stop before the platform could be used");
                        return Ok(Opened::Told(Life::Over));
                    }
                    Order::Reload(config) => {
                        let anew = config.reconnects(&self.config);
                        self.config = config;
                        if anew {
                            return Ok(Opened::Told(Life::Again));
                        }
                    }
                },
            }
        }
    }

    fn workshop(
        &self,
        registry: Registry,
        platform: Arc<Platform>,
        names: ActionNames,
        shutdown: CancellationToken,
    ) -> (Arc<Workshop>, Arc<Cancel>) {
        let every = self.config.work.cancel_check_interval;
        let cancel = Cancel::new(Rest::new(platform.clone(), None), every);
        let services = Services::new(platform, self.config.work.num_workers, shutdown)
            .with_integrations(self.config.section("integrations"))
            .with_redactor(logging::redactor())
            .with_secrets(self.secrets.clone());
        let observer = self.house.recorder.clone().map(|recorder| Box::new(recorder) as _);
        let workshop = Workshop::new(registry, names, services).observed_by(observer);
        let workshop = workshop.called_off_by(Some(cancel.clone())).on_threads(self.house.threads.clone());
        workshop.set_trap_exception(self.config.work.trap_exception);
        (Arc::new(workshop), cancel)
    }

    /// Serves test actions until `shutdown` fires, and finishes those at work then.
    async fn test_actions(
        &self,
        org: i64,
        workshop: &Arc<Workshop>,
        shutdown: &CancellationToken,
    ) -> Result<Option<AbortOnDropHandle<()>>, DaemonError> {
        let development = &self.config.development;
        if !development.test_actions {
            return Ok(None);
        }
        let (host, port) = (development.test_host.as_str(), development.test_port);
        let port = TestActions::bind(host, port, org, workshop.clone())
            .await
            .map_err(|source| DaemonError::TestActions { address: format!("{host}:{port}"), source })?;
        let serving = self.house.workers.spawn(port.serve(shutdown.clone()).in_current_span());
        Ok(Some(AbortOnDropHandle::new(serving)))
    }
}

/// A login, the names of the actions, and what there is to be served.
async fn open_platform(
    rest: &rest::Settings,
    config: &Config,
    components: &[Component],
    notice: &Notice,
    doubt: &Doubt,
) -> Result<(Arc<Platform>, ActionNames, Prospect), DaemonError> {
    let doubt_of_ours = config.platform.doubt.as_deref();
    let platform =
        Arc::new(platform::connect(rest, settings::attempts(config), notice, doubt_of_ours, doubt).await?);
    let names = ActionNames::new(Rest::new(platform.clone(), None));
    // Messages ask again for what is not known.
    if let Err(error) = names.read().await {
        warn!(%error, "the names of the platform's actions could not be read yet");
    }
    let (components, rest) = (Loaded::all(config, components), Rest::new(platform.clone(), None));
    let prospect = Prospect::look(components, rest, platform.org_id(), settings::serving(config)).await;
    Ok((platform, names, prospect.map_err(DaemonError::Clashes)?))
}
