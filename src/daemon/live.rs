//! What of a running platform follows its configuration while the link stays: handlers and their sections, queues,
//! workers.

use super::{queues, registry};
use crate::{
    component::{Component, Section},
    config::Config,
    dispatch::{Destination, Dispatcher, Workshop},
    stomp::Link,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};
use tokio::sync::SemaphorePermit;
use tracing::{Instrument, error, info, warn};

/// The parts of a running platform that a reload reaches.
#[derive(Debug)]
pub struct Live {
    components: Arc<[Component]>,
    config: Arc<Config>,
    org: i64,
    workshop: Arc<Workshop>,
    link: Link,
    /// The queues that are subscribed to.
    queues: BTreeSet<String>,
    /// Those of them whose messages nobody takes any more, until what is at work is answered; and whether they are wanted
    /// again after that.
    leaving: BTreeMap<String, bool>,
}

// === impl Live ===

impl Live {
    /// A platform whose `link` is subscribed to the queues of `workshop`'s handlers.
    #[must_use]
    pub fn new(
        components: Arc<[Component]>,
        config: Arc<Config>,
        org: i64,
        workshop: Arc<Workshop>,
        link: Link,
    ) -> Self {
        let queues: BTreeSet<String> = queues(&workshop.registry(), org).into_iter().collect();
        if queues.is_empty() {
            warn!("no component is loaded: there is no queue to take messages from");
        }
        Self { components, config, org, workshop, link, queues, leaving: BTreeMap::new() }
    }

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

    /// How many queues there are to subscribe to.
    #[must_use]
    pub fn queues(&self) -> usize {
        self.queues.len()
    }

    /// Whether messages of `queue` are left to the broker, because no component serves it any more.
    #[must_use]
    pub fn has_left(&self, queue: &str) -> bool {
        self.leaving.contains_key(queue)
    }

    /// Whether some queue is yet to be unsubscribed from.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        !self.leaving.is_empty()
    }

    /// Puts `config` into force, as far as the link stays.
    pub fn apply(&mut self, config: Arc<Config>) {
        let mut next = match registry(&config, &self.components) {
            Ok(next) => next,
            // It was checked when it was read.
            Err(error) => return error!(%error, "the changed configuration cannot be put into force"),
        };
        let wanted: BTreeSet<String> = queues(&next, self.org).into_iter().collect();
        let gone: Vec<String> = self.queues.difference(&wanted).cloned().collect();
        // What is at work there, or waits, still finds its handler.
        let before = self.workshop.registry();
        let destinations = gone.iter().chain(self.leaving.keys()).filter_map(|queue| queue.parse().ok());
        destinations.for_each(|destination: Destination| next.keep(&before, &destination.name));
        self.workshop.replace_registry(next);
        self.resize(&config);
        self.subscribe(&wanted);
        gone.into_iter().for_each(|queue| self.leave(queue));
        for component in config.components(&self.components) {
            let section = config.section(component.name());
            if section != self.config.section(component.name()) {
                tell(&component, &section);
            }
        }
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
        for queue in &self.queues {
            let wanted = self.link.subscriptions_for(0);
            self.order(queue.clone(), move |link, queue| async move { link.widen(&queue, wanted).await });
        }
    }

    fn subscribe(&mut self, wanted: &BTreeSet<String>) {
        for (queue, again) in &mut self.leaving {
            *again = wanted.contains(queue);
        }
        for queue in wanted {
            if !self.queues.contains(queue) && !self.leaving.contains_key(queue) {
                self.order(queue.clone(), |link, queue| async move { link.subscribe(queue).await });
            }
        }
        self.queues.extend(wanted.iter().cloned());
    }

    /// Takes no more messages from `queue`. To unsubscribe at once would have the broker refuse what is still to be
    /// acknowledged.
    fn leave(&mut self, queue: String) {
        info!(
            queue,
            "no component serves this queue any more: what is at work is finished, the rest stays there"
        );
        self.queues.remove(&queue);
        self.leaving.insert(queue, false);
    }

    /// Unsubscribes from the queues whose last message has been answered.
    pub fn unsubscribe(&mut self, dispatcher: &Dispatcher) {
        let idle: Vec<String> =
            self.leaving.keys().filter(|queue| !dispatcher.is_busy_with(queue)).cloned().collect();
        for queue in idle {
            let again = self.leaving.remove(&queue).unwrap_or_default();
            info!(queue, "unsubscribed");
            self.order(queue, move |link, queue| async move {
                link.unsubscribe(&queue).await;
                if again {
                    link.subscribe(queue).await;
                }
            });
        }
    }

    /// The link takes orders one by one; nobody waits for it here, because it may wait for us to take its events.
    fn order<F: Future<Output = ()> + Send + 'static>(
        &self,
        queue: String,
        order: impl FnOnce(Link, String) -> F,
    ) {
        tokio::spawn(order(self.link.clone(), queue).in_current_span());
    }
}

/// What the author does with it may be defective, like any handler.
fn tell(component: &Component, section: &Section) {
    let name = component.name();
    match catch_unwind(AssertUnwindSafe(|| component.reload(section))) {
        Ok(()) => info!(component = name, "the component has its new section"),
        Err(_panic) => error!(
            component = name,
            "the component broke off when it was told of its new section; its messages see that all the same"
        ),
    }
}
