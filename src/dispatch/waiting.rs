//! Messages that wait for something else than a worker: they must not use up what the broker is willing to send.

use crate::stomp::Link;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// How many wait, by queue.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<HashMap<String, Queue>>);

#[derive(Debug, Default)]
struct Queue {
    waiting: usize,
    /// How many subscriptions the link has been told to keep.
    subscriptions: usize,
}

impl Waiting {
    /// One more message of `queue` waits, or one fewer.
    pub(super) fn count(&self, queue: &str, waits: bool, link: &Link) {
        let count = |waiting: usize| if waits { waiting + 1 } else { waiting.saturating_sub(1) };
        self.counted(queue, count, link);
    }

    /// Sees to it that `queue` has the subscriptions that it needs: it has just been subscribed to, or more messages are
    /// wanted ahead than before.
    pub(super) fn widen(&self, queue: &str, link: &Link) {
        self.counted(queue, |waiting| waiting, link);
    }

    /// The link has been told to leave `queue`.
    pub(super) fn forget(&self, queue: &str) {
        self.queues().remove(queue);
    }

    /// Counts, and tells the link where that changes the number of subscriptions: while the count is held, so that the
    /// last number told is the last one counted.
    fn counted(&self, name: &str, count: impl FnOnce(usize) -> usize, link: &Link) {
        let mut queues = self.queues();
        let queue = queues.entry(name.to_owned()).or_default();
        queue.waiting = count(queue.waiting);
        let wanted = link.subscriptions_for(queue.waiting);
        if queue.subscriptions.max(1) != wanted {
            queue.subscriptions = wanted;
            link.widen(name, wanted);
        }
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<String, Queue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
