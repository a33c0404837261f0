//! What of a running platform follows its configuration while the link stays: handlers and their sections, queues,
//! workers.

use super::{
    secrets::InputSecrets,
    serving::{Keeping, Loaded, Serving},
};
use crate::{component::Component, config::Config, dispatch::Workshop, stomp::Link};
use std::sync::Arc;
use tokio::sync::SemaphorePermit;
use tracing::{Instrument, error};

/// The parts of a running platform that a reload reaches.
#[derive(Debug)]
pub struct Live {
    pub(super) components: Arc<[Component]>,
    pub(super) config: Arc<Config>,
    pub(super) workshop: Arc<Workshop>,
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
        if let Err(clashes) = self.serving.reload(Loaded::all(&config, &self.components)) {
            // It was checked when it was read.
            return error!(?clashes, "the changed configuration cannot be put into force");
        }
        self.secrets.renew(config.references().clone());
        self.workshop.set_trap_exception(config.work.trap_exception);
        self.resize(&config);
        self.config = config;
    }
    /// One worker more or fewer takes effect at once, fewer as they become free. The broker is asked to send as many
    /// messages ahead as there are workers, where nothing else is configured.
    fn resize(&self, config: &Config) {
        let (before, now) = (self.config.work.num_workers, config.work.num_workers);
        let workers = self.workshop.services().workers.clone();
        workers.add_permits(now.saturating_sub(before));
        let fewer = before.saturating_sub(now);
        tokio::spawn(async move {
            for _ in 0..fewer {
                // Closed: there are none at all.
                workers.acquire().await.into_iter().for_each(SemaphorePermit::forget);
            }
        });
        self.link.asks_ahead(config.broker.prefetch);
        let (link, queues, wanted) = (self.link.clone(), self.serving.open(), self.link.subscriptions_for(0));
        // The link takes orders one by one; nobody waits for it here, because it may wait for us to take its events.
        let widen = async move {
            for queue in queues {
                link.widen(&queue, wanted).await;
            }
        };
        tokio::spawn(widen.in_current_span());
    }
}
