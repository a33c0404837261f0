//! What was looked for on the platform, how it stands, and the words for it.

use std::collections::BTreeMap;
use tracing::{debug, error, info, warn};

/// Everything that was looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings(BTreeMap<Finding, Standing>);

/// One thing that a component asks of the platform.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Who asks.
    pub component: String,
    /// `the function "look_up_host"`
    pub what: String,
    /// The component is not loaded without it; otherwise only this is not served.
    pub essential: bool,
}

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is there; where there is a queue to name, this is the queue.
    Met(String),
    /// It is not; this is what to do about it.
    Missing(String),
    /// The platform could not be asked yet.
    Unknown,
}

// === impl Finding ===

impl Finding {
    pub(super) fn need(component: &str, what: String) -> Self {
        Self { component: component.to_owned(), what, essential: true }
    }

    pub(super) fn served(component: &str, what: String) -> Self {
        Self { essential: false, ..Self::need(component, what) }
    }

    /// ERROR is for what keeps a whole component from work.
    fn tell(&self, standing: &Standing, before: Option<&Standing>) {
        let Self { component, what, essential } = self;
        match (standing, before) {
            (Standing::Missing(todo), Some(Standing::Met(_))) => {
                warn!(
                    component,
                    missing = what,
                    todo,
                    "the platform has this no more, so it is not served any longer"
                );
            }
            (Standing::Missing(todo), _) if *essential => {
                error!(
                    component,
                    missing = what,
                    todo,
                    "the component is not loaded: the platform lacks what it needs. It is loaded once that is there"
                );
            }
            (Standing::Missing(todo), _) => {
                warn!(
                    component,
                    missing = what,
                    todo,
                    "the platform does not have this; it is served once it is there"
                );
            }
            (Standing::Met(queue), Some(Standing::Met(old))) => {
                info!(component, what, from = old, to = queue, "moved to another queue, and is followed");
            }
            (Standing::Met(queue), Some(_)) => {
                let queue = Some(queue).filter(|queue| !queue.is_empty());
                info!(component, found = what, queue, "the platform has this now")
            }
            (Standing::Met(queue), None) => debug!(component, found = what, queue, "the platform has this"),
            // One warning says that the platform could not be asked.
            (Standing::Unknown, _) => debug!(component, what, "not known yet"),
        }
    }
}

// === impl Standing ===

impl Standing {
    pub(super) fn met() -> Self {
        Self::Met(String::new())
    }

    /// Whether it is there.
    #[must_use]
    pub fn is_met(&self) -> bool {
        matches!(self, Self::Met(_))
    }
}

// === impl Findings ===

impl Findings {
    pub(super) fn add(&mut self, finding: Finding, standing: Standing) {
        self.0.insert(finding, standing);
    }

    /// Each finding, by component.
    pub fn iter(&self) -> impl Iterator<Item = (&Finding, &Standing)> {
        self.0.iter()
    }

    /// Whether nothing is missing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.0.values().all(Standing::is_met)
    }

    /// Logs what is otherwise than `before`, each change once.
    pub(super) fn tell_changes(&self, before: &Self) {
        for (finding, standing) in &self.0 {
            let before = before.0.get(finding);
            if before != Some(standing) {
                finding.tell(standing, before);
            }
        }
    }
}
