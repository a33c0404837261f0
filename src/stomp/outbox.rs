//! Events on their way to the owner, who may be slow.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use super::handle::Event;

/// Sends what fits into the channel at once and keeps the rest, so that the link never stands still for its owner. It
/// reads no further frames while something is kept, so little is.
#[derive(Debug)]
pub(super) struct Outbox {
    channel: mpsc::Sender<Event>,
    kept: VecDeque<Event>,
}

impl Outbox {
    pub(super) fn new(channel: mpsc::Sender<Event>) -> Self {
        Self { channel, kept: VecDeque::new() }
    }

    pub(super) fn push(&mut self, event: Event) {
        if !self.kept.is_empty() {
            return self.kept.push_back(event);
        }
        match self.channel.try_send(event) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(event)) => self.kept.push_back(event),
            // The owner has gone; the link's task ends for it.
            Err(mpsc::error::TrySendError::Closed(_)) => {}
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Sends what is kept. Nothing is lost when the future is dropped.
    pub(super) async fn drain(&mut self) {
        while !self.kept.is_empty() {
            let Ok(place) = self.channel.reserve().await else { return self.kept.clear() };
            if let Some(event) = self.kept.pop_front() {
                place.send(event);
            }
        }
    }
}
