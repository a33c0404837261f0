//! Whose turn it is, within a burst whose quiet has passed.

use crate::message::Arrival;
use std::collections::BTreeMap;
use tokio::sync::oneshot;

/// What a message of a burst is told.
#[derive(Debug)]
pub(super) enum Turn {
    /// It is handled now; the others follow when the baton is dropped.
    Now(Baton),
    /// A later message took its place.
    Superseded,
}

/// The messages of a burst that wait for their turn, by their order of arrival.
pub(super) type Line = BTreeMap<Arrival, oneshot::Sender<Turn>>;

/// Goes from message to message; dropping it hands it on, so that a cancelled or panicking one holds up nobody.
#[derive(Debug)]
pub(super) struct Baton(Line);

impl Baton {
    /// Tells the first of `line` that it is its turn.
    pub(super) fn start(line: Line) {
        drop(Self(line));
    }
}

impl Drop for Baton {
    fn drop(&mut self) {
        let mut line = std::mem::take(&mut self.0);
        while let Some((_, next)) = line.pop_first() {
            // Refused: that message was cancelled. Its neighbour is next.
            let Err(Turn::Now(mut refused)) = next.send(Turn::Now(Self(line))) else { return };
            line = std::mem::take(&mut refused.0);
        }
    }
}
