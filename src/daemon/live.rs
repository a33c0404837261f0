//! What of a running platform follows its configuration while the link stays: handlers and their sections, queues,
//! workers.

use super::{
    secrets::InputSecrets,
    serving::{Keeping, Loaded, Serving},
    told::Told,
};
use crate::{
    component::Component,
    config::Config,
    dispatch::{Cancel, Workshop},
    stomp::Link,
};
use std::sync::Arc;
use tracing::error;

/// The parts of a running platform that a reload reaches.
#[derive(Debug)]
pub struct Live {
    pub(super) components: Arc<[Component]>,
    pub(super) config: Arc<Config>,
    pub(super) told: Told,
    pub(super) workshop: Arc<Workshop>,
    pub(super) cancel: Arc<Cancel>,
    pub(super) link: Link,
    pub(super) secrets: Arc<InputSecrets>,
    pub(super) serving: Serving,
    /// Held, not read: what is served is no longer followed once this is dropped.
    pub(super) _keeping: Keeping,
}

// === impl Live ===

impl Live {
    /// The configuration that is in force.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The way to the broker.
    #[must_use]
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// What is served.
    #[must_use]
    pub fn serving(&self) -> &Serving {
        &self.serving
    }

    /// Puts `config` into force, as far as the link stays.
    pub fn apply(&mut self, config: Arc<Config>) {
        // Before the queues: those that come along are asked for as many messages as all others.
        self.link.asks_ahead(config.broker.prefetch);
        let loaded = Loaded::all(&config, &self.components);
        if let Err(clashes) = self.serving.reload(loaded.clone()) {
            // It was checked when it was read.
            return error!(?clashes, "the changed configuration cannot be put into force");
        }
        self.secrets.renew(config.references().clone());
        self.workshop.set_trap_exception(config.work.trap_exception);
        self.workshop.services().workers.resize(config.work.num_workers);
        self.cancel.ask_every(config.work.cancel_check_interval);
        self.config = config;
        self.told.tell(&loaded);
    }
}
