//! Doubt in what came from files and stores of secrets: a server has refused it, so they are asked again before the next
//! attempt.

use crate::rest::Refused;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

/// Raised by whoever was refused, heard by the supervisor. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Doubt(Arc<Notify>);

/// When the sources are to be asked.
#[derive(Debug)]
pub(super) struct Asking {
    doubt: Doubt,
    raised: bool,
    /// Not before then: `secret_command` may be slow, or cost something.
    next: Instant,
}

/// Between two questions.
const APART: Duration = Duration::from_secs(5);

// === impl Doubt ===

impl Doubt {
    /// A server has refused what we showed it.
    pub fn raise(&self) {
        self.0.notify_one();
    }
}

impl From<Doubt> for Refused {
    fn from(doubt: Doubt) -> Self {
        Self(Arc::new(move || doubt.raise()))
    }
}

// === impl Asking ===

impl Asking {
    pub(super) fn new(doubt: Doubt) -> Self {
        Self { doubt, raised: false, next: Instant::now() }
    }

    /// Waits until the sources are to be asked. Nothing is lost if the future is dropped.
    pub(super) async fn due(&mut self) {
        if !self.raised {
            self.doubt.0.notified().await;
            self.raised = true;
        }
        sleep_until(self.next).await;
        self.raised = false;
        self.next = Instant::now() + APART;
    }
}
