//! Queues that were refused, asked for again.

use tokio::time::Instant;
use tracing::debug;

use super::super::aside::Seen;
use super::super::handle::Event;
use super::super::live::Live;
use super::super::roster::SubscriptionId;
use super::super::settings::Settings;
use super::{Dial, Keeper};

impl<D: Dial> Keeper<D> {
    /// Where the broker ends the connection over a queue that it refuses, one that it has refused before is asked for on
    /// another one first.
    pub(super) fn probe(&mut self, live: &mut Live<D::Io>) {
        if !live.session.profile().ends_over_refusals() || !self.berth.is_open() {
            return;
        }
        while let Some((id, destination)) = self.roster.next_probe(Instant::now()) {
            let sparing = Settings { prefetch: 1, ..(*self.settings).clone() };
            let frame = live.session.subscription(id, &destination, &sparing);
            let (aside, probes) = (self.aside.clone(), self.probes.clone());
            tokio::spawn(async move {
                let seen = aside.ask(frame, None).await;
                // The link may have ended.
                let _ = probes.send((id, seen)).await;
            });
        }
    }

    /// A queue that the broker cannot give up an answer for keeps it from all that was sent behind it: such a one is asked
    /// for on a connection of its own from now on.
    pub(super) fn hold_unanswered(&mut self) {
        while let Some(id) = self.roster.unanswered() {
            self.refused_again(
                id,
                "the broker answers neither this subscription nor what follows it".to_owned(),
            );
        }
    }

    pub(super) fn told_of(&mut self, id: SubscriptionId, seen: Seen) {
        match seen {
            Seen::Refused(refusal) => self.refused_again(id, refusal.to_string()),
            Seen::Taken | Seen::Impossible => self.roster.want(id),
            Seen::Unknown => drop(self.roster.refuse(id, Instant::now(), fastrand::f64())),
        }
        self.tell_if_ready();
    }

    pub(super) fn refused_again(&mut self, id: SubscriptionId, reason: String) {
        let refused = self.roster.refuse(id, Instant::now(), fastrand::f64());
        if let Some((destination, delay)) = refused {
            debug!(destination, retry_in = ?delay, "a refused queue will be asked for again");
            let destination = destination.to_owned();
            self.outbox.push(Event::Refused { destination, reason });
        }
    }
}
