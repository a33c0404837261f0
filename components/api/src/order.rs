//! Which messages are carried out one after another.

use crate::Message;
use std::{fmt, sync::Arc};

/// Gives each message the name of the line that it stands in. Messages of one component and one line are carried out one
/// after another, in the order in which they were delivered; messages without a line, whenever there is a worker.
/// Cheap to clone.
#[derive(Clone)]
pub struct OrderKey {
    key: Arc<Key>,
    by_incident: bool,
}

type Key = dyn Fn(&Message) -> Option<String> + Send + Sync;

impl OrderKey {
    /// Whatever `key` says; `None` is no line.
    #[must_use]
    pub fn new(key: impl Fn(&Message) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { key: Arc::new(key), by_incident: false }
    }

    /// A line for each incident. A function's is its input `incident_id`; what has no incident stands in no line.
    #[must_use]
    pub fn incident() -> Self {
        let key = Self::new(|message| message.incident_id().map(|id| id.to_string()));
        Self { by_incident: true, ..key }
    }

    pub(crate) fn is_by_incident(&self) -> bool {
        self.by_incident
    }

    /// The line that `message` stands in.
    #[must_use]
    pub fn of(&self, message: &Message) -> Option<String> {
        (self.key)(message)
    }
}

impl fmt::Debug for OrderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OrderKey")
    }
}
