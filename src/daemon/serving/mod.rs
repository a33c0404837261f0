//! What is served: which components are loaded and which queues are subscribed to, as the platform has what they need;
//! kept true while the processor runs.
//!
//! Actions and inbound news come by queues that the components name. A function's queue is in its definition on the
//! platform, a low-code connector's in the platform's list, and a component may require fields and functions that an
//! administrator has yet to create. So the platform is asked at the start and again at intervals.
//!
//! - `definitions`: the questions, and the platform's answers
//! - `plan`: what follows from them; pure
//! - [`findings`]: what is missing, in words
//! - `update`: the platform's own word of connectors that come and go
//! - `keeper`: [`Serving`], which asks, and tells the link what to subscribe to
//!
//! What is served goes on while the platform cannot be asked. A component that has been loaded stays so. A queue that is
//! wanted no more is left once nothing has come from it for a while and nothing of it is at work.

mod definitions;
pub mod findings;
mod keeper;
mod plan;
mod update;

pub use keeper::{Keeping, Serving};

use crate::{
    component::{Component, Rest, Section, rest::RestError},
    config::Config,
    dispatch::{Clash, Registry},
};
use definitions::Definitions;
use findings::Findings;
use plan::{Plan, Scope};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tracing::warn;

/// A component that is to run, with its section of app.config.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The component.
    pub component: Component,
    /// Its section.
    pub section: Section,
}

/// How the platform is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How often it is asked again; more often while something is missing.
    pub refresh: Duration,
    /// The queue by which it tells of low-code connectors that come and go.
    pub subscription_queue: Option<String>,
}

/// What is to be served, after the first look at the platform.
#[derive(Debug)]
pub struct Prospect {
    settings: Settings,
    rest: Rest,
    state: State,
    registry: Registry,
    trouble: Option<RestError>,
}

/// What is known, and what follows from it.
#[derive(Debug)]
struct State {
    components: Vec<Loaded>,
    definitions: Definitions,
    /// The components that have been loaded, by name.
    ready: BTreeSet<String>,
    scope: Scope,
    findings: Findings,
    /// The queues to take messages from.
    wanted: BTreeSet<String>,
    /// The functions whose calls have come by a queue, also while they were elsewhere.
    calls: BTreeMap<String, BTreeSet<String>>,
    /// The platform could not be asked lately.
    trouble: bool,
}

// === impl Loaded ===

impl Loaded {
    /// Each component, or instance of one, that the platform of `config` has and `noload` leaves in, with its section.
    #[must_use]
    pub fn all(config: &Config, components: &[Component]) -> Vec<Self> {
        let loaded = config.components(components).into_iter();
        loaded.map(|component| Self { section: config.section(component.name()), component }).collect()
    }

    /// Its section's name, which is the component's where it has one section only.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.section.name() {
            "" => self.component.name(),
            name => name,
        }
    }
}

// === impl Prospect ===

impl Prospect {
    /// Asks the platform for what `components` need in the organization `org`. It need not answer: what does not depend on
    /// it is served all the same, and the rest once it answers.
    ///
    /// # Errors
    /// Components that want the same thing.
    pub async fn look(
        components: Vec<Loaded>,
        rest: Rest,
        org: i64,
        settings: Settings,
    ) -> Result<Self, Vec<Clash>> {
        let scope = Scope { org, subscription_queue: settings.subscription_queue.clone() };
        let mut state = State::new(components, scope);
        let trouble = state.definitions.take(state.questions().ask(&rest, 0).await);
        state.trouble = trouble.is_some();
        let registry = state.replan()?;
        Ok(Self { settings, rest, state, registry, trouble })
    }

    /// The handlers to begin with. To be taken once.
    #[must_use]
    pub fn take_registry(&mut self) -> Registry {
        std::mem::take(&mut self.registry)
    }

    /// The queues to begin with.
    #[must_use]
    pub fn queues(&self) -> Vec<String> {
        self.state.wanted.iter().cloned().collect()
    }

    /// What was looked for, and how it stands.
    #[must_use]
    pub fn findings(&self) -> &Findings {
        &self.state.findings
    }

    /// Why the platform did not answer all of it.
    #[must_use]
    pub fn trouble(&self) -> Option<&RestError> {
        self.trouble.as_ref()
    }

    /// Logs what is missing.
    pub fn tell(&self) {
        if let Some(error) = &self.trouble {
            warn!(%error, "the platform could not be asked for all that components need; it is asked again");
        }
        self.state.findings.tell_changes(&Findings::default());
    }
}

// === impl State ===

impl State {
    fn new(components: Vec<Loaded>, scope: Scope) -> Self {
        Self {
            components,
            definitions: Definitions::default(),
            ready: BTreeSet::new(),
            scope,
            findings: Findings::default(),
            wanted: BTreeSet::new(),
            calls: BTreeMap::new(),
            trouble: false,
        }
    }

    fn questions(&self) -> definitions::Questions {
        plan::questions(&self.components, &self.ready)
    }

    /// Draws the conclusions from what is known now; the handlers.
    fn replan(&mut self) -> Result<Registry, Vec<Clash>> {
        let Plan { registry, queues, calls, findings } =
            plan::plan(&self.components, &self.definitions, &mut self.ready, &self.scope)?;
        self.findings = findings;
        for (queue, function) in calls {
            self.calls.entry(queue).or_default().insert(function);
        }
        self.wanted = queues;
        Ok(registry)
    }

    /// Whether messages of this queue, which is wanted no more, have a handler all the same: calls of a function that has
    /// moved or gone, requests of a connector that has gone.
    fn answers(&self, registry: &Registry, queue: &str) -> bool {
        let calls = self.calls.get(queue).into_iter().flatten();
        let mut called = calls.map(String::as_str);
        called.any(|function| registry.functions().any(|(name, _)| name == function))
            || queue.parse().is_ok_and(|queue| registry.serves(&queue))
    }

    /// Whether something may be there soon that is missing now.
    fn is_complete(&self) -> bool {
        !self.trouble && self.findings.is_complete() && !self.definitions.is_in_doubt()
    }
}
