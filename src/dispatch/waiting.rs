//! Messages that wait for something else than a worker: they must not use up what the broker is willing to send.

use crate::stomp::Link;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
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
        let Some(subscriptions) = self.counted(queue, waits, link) else { return };
        let (link, queue) = (link.clone(), queue.to_owned());
        tokio::spawn(async move { link.widen(&queue, subscriptions).await });
    }

    /// The number of subscriptions, where it has changed.
    fn counted(&self, name: &str, waits: bool, link: &Link) -> Option<usize> {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queues.entry(name.to_owned()).or_default();
        queue.waiting = if waits { queue.waiting + 1 } else { queue.waiting.saturating_sub(1) };
        let wanted = link.subscriptions_for(queue.waiting);
        if queue.subscriptions.max(1) == wanted {
            return None;
        }
        queue.subscriptions = wanted;
        Some(wanted)
    }
}
