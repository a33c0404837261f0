//! Reply queues over which the broker has ended a session.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::session::BrokerError;

/// RabbitMQ ends the connection over a reply to a queue that may not be written to, without saying which reply it was.
/// Were that one sent again on every session, none would last: so it is left out for a while, and counts as refused.
#[derive(Debug, Clone, Default)]
pub(super) struct Barred(Arc<Mutex<HashMap<String, Bar>>>);

#[derive(Debug)]
struct Bar {
    reason: String,
    until: Instant,
}

/// How long nothing is sent there: rights change rarely.
const FOR: Duration = Duration::from_secs(300);
/// How many queues are remembered; a platform has one for each destination.
const MOST: usize = 1_024;

// === impl Barred ===

impl Barred {
    /// The broker has ended a session with this.
    pub(super) fn note(&self, error: &BrokerError) {
        let Some(queue) = error.queue().filter(|_| error.is_of_a_queue()) else { return };
        let now = Instant::now();
        let mut bars = self.bars();
        bars.retain(|_, bar| bar.until > now);
        if bars.len() < MOST {
            bars.insert(queue.to_owned(), Bar { reason: error.reason(), until: now + FOR });
        }
    }

    /// Why nothing is sent to `destination` now.
    pub(super) fn reason(&self, destination: &str) -> Option<String> {
        let queue = destination.rsplit('/').next().unwrap_or(destination);
        let bars = self.bars();
        bars.get(queue).filter(|bar| bar.until > Instant::now()).map(|bar| bar.reason.clone())
    }

    fn bars(&self) -> MutexGuard<'_, HashMap<String, Bar>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
