//! One message's life, from its delivery to the broker's word that it is settled.

use super::{
    answer::{news, outgoing},
    dispatcher::Desk,
    envelope::Envelope,
    journaling::{Journaling, Start},
    lanes::{Place, Ticket},
    work::Outcome,
};
use crate::{
    component::{Failure, StatusSink},
    stomp::{AckHandle, Settled, Unsettled},
    store::{Answer, DeadLetter, Key},
};
use futures_util::future::BoxFuture;
use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, SystemTime},
};
use tokio::sync::OwnedSemaphorePermit;
use tracing::{debug, error, info};

/// A message, and what it needs.
pub(super) struct Task {
    desk: Arc<Desk>,
    key: Key,
    envelope: Arc<Envelope>,
    /// Its share of the memory that messages may take.
    _room: Option<Arc<OwnedSemaphorePermit>>,
}

/// An answer on its way out.
pub(super) struct Owed {
    desk: Arc<Desk>,
    key: Key,
    answer: Answer,
    /// Whether the journal has it: then nothing is lost if the process ends.
    kept: bool,
    /// Set aside if the broker refuses the answer; without the message where it need not be looked at again.
    letter: DeadLetter,
}

/// What the handler is told and tells, between two deliveries if need be.
struct Sink {
    desk: Arc<Desk>,
    key: Key,
    envelope: Arc<Envelope>,
    note: Option<String>,
}

/// Until an answer is sent again that the journal could not keep.
const KEEP_AGAIN: Duration = Duration::from_secs(1);

// === impl Task ===

impl Task {
    pub(super) fn new(
        desk: Arc<Desk>,
        key: Key,
        envelope: Envelope,
        room: Option<Arc<OwnedSemaphorePermit>>,
    ) -> Self {
        Self { desk, key, envelope: Arc::new(envelope), _room: room }
    }

    /// Carries it out, unless that has been done, and settles it.
    pub(super) async fn run(self, ticket: Option<Ticket>) {
        let Some(place) = self.place(ticket).await else {
            // Not begun: the broker delivers it again.
            let handle = self.desk.ledger.handle(&self.key);
            self.desk.ledger.release(&self.key, handle.as_ref());
            return;
        };
        loop {
            let handle = self.desk.ledger.handle(&self.key);
            let answered = tokio::select! {
                biased;
                () = self.desk.cut_short() => None,
                answered = self.answered() => answered,
            };
            if let Some(owed) = answered {
                // The body is somebody's data, and may be large.
                drop(self);
                drop(place);
                return owed.settle().await;
            }
            let released = self.desk.ledger.release(&self.key, handle.as_ref());
            if released || self.desk.is_stopping() {
                return;
            }
            debug!("delivered again while it was given back");
        }
    }

    /// Its place in its lane, once it is its turn; `None` where the daemon stops before that.
    async fn place(&self, ticket: Option<Ticket>) -> Option<Option<Place>> {
        let Some(mut ticket) = ticket else { return Some(None) };
        let turn = async {
            ticket.at_the_gate().await;
            let lane = self.desk.workshop.lane(&self.envelope).await;
            let mut place = lane.map(|lane| self.desk.lanes.enter(&self.key.destination, lane));
            drop(ticket);
            if let Some(place) = &mut place {
                self.waits(true);
                place.turn().await;
                self.waits(false);
            }
            place
        };
        tokio::select! {
            biased;
            () = self.desk.stopping().cancelled() => None,
            place = turn => Some(place),
        }
    }

    /// The answer, or `None` where the message is not this process's, or goes back.
    pub(super) async fn answered(&self) -> Option<Owed> {
        let earlier = match self.journaling().start().await {
            Start::Work(earlier) => earlier,
            Start::Answered(answer) => {
                info!("delivered again after it was carried out; the same answer is sent again");
                return Some(self.owed(answer, true, String::new()));
            }
            Start::Leave => return None,
        };
        let sink = Arc::new(Sink {
            desk: self.desk.clone(),
            key: self.key.clone(),
            envelope: self.envelope.clone(),
            note: earlier.note.clone(),
        });
        match self.desk.workshop.carry_out(&self.envelope, &earlier, sink).await {
            Outcome::Returned => {
                self.journaling().give_back().await;
                None
            }
            Outcome::Answered(answer) => self.finished(answer).await,
            Outcome::SetAside(answer, reason) => {
                self.journaling().bury(self.letter(reason, self.envelope.body.to_vec())).await;
                self.finished(answer).await
            }
        }
    }

    async fn finished(&self, answer: Answer) -> Option<Owed> {
        let kept = self.journaling().finish(&answer).await?;
        Some(self.owed(answer, kept, "the broker refused the answer".to_owned()))
    }

    pub(super) fn owed(&self, answer: Answer, kept: bool, reason: String) -> Owed {
        // It has been carried out: what is to be tried again is the answer, without the message's body.
        let letter = self.letter(reason, Vec::new());
        Owed { desk: self.desk.clone(), key: self.key.clone(), answer, kept, letter }
    }

    fn waits(&self, waiting: bool) {
        self.desk.waiting.count(&self.key.destination, waiting, &self.desk.link);
    }

    fn letter(&self, reason: String, body: Vec<u8>) -> DeadLetter {
        DeadLetter {
            number: 0,
            key: self.key.clone(),
            since: SystemTime::now(),
            reason,
            headers: self.envelope.headers.clone(),
            body,
            answer: None,
        }
    }

    fn journaling(&self) -> Journaling<'_> {
        Journaling { journal: &self.desk.journal, key: &self.key, stopping: self.desk.stopping() }
    }
}

// === impl Owed ===

impl Owed {
    /// By the newest delivery, until the broker has it, or until the journal has it and the broker will ask again.
    async fn settle(mut self) {
        loop {
            let handle = self.desk.ledger.handle(&self.key);
            match self.send(handle.as_ref()).await {
                Ok(settled) => {
                    if let Settled::ReplyRefused(reason) = settled {
                        self.refused(reason).await;
                    }
                    if self.desk.ledger.release(&self.key, handle.as_ref()) {
                        return self.confirmed();
                    }
                    self.desk.ledger.replied(&self.key);
                }
                Err(unsettled) => {
                    debug!(%unsettled);
                    if unsettled.reply_taken {
                        self.desk.ledger.replied(&self.key);
                    }
                    if !self.kept {
                        self.keep().await;
                    }
                    if self.kept && self.desk.ledger.release(&self.key, handle.as_ref()) {
                        self.desk.unsettled.fetch_add(1, Ordering::Relaxed);
                        return;
                    }
                }
            }
        }
    }

    pub(super) async fn send(&self, handle: Option<&AckHandle>) -> Result<Settled, Unsettled> {
        let stale = Unsettled { reply_taken: false };
        let reply = (!self.desk.ledger.has_replied(&self.key)).then(|| outgoing(&self.answer));
        let settling = match (handle, reply) {
            (Some(handle), reply) => self.desk.link.settle(handle, reply).await,
            (None, Some(reply)) => self.desk.link.reply(reply).await,
            (None, None) => return Ok(Settled::Taken),
        };
        settling.map_err(|_| stale)?.confirmed().await
    }

    /// The broker has it: it need not be remembered for ever.
    pub(super) fn confirmed(&self) {
        self.desk.journal.confirmed(&self.key);
    }

    /// The journal could not keep it when it was made; it waits a little for the journal or a new delivery.
    async fn keep(&mut self) {
        tokio::time::sleep(KEEP_AGAIN).await;
        self.kept = self.desk.journal.finish(&self.key, self.answer.clone()).await.is_ok();
    }

    pub(super) async fn refused(&mut self, reason: String) {
        error!(
            queue = self.answer.reply_to,
            reason,
            "the broker refuses a reply, so that the platform shows none; let the account write to this queue, then \
             send it again with `processor dead retry`"
        );
        self.letter.reason = format!("the broker refused the answer: {reason}");
        self.letter.answer = Some(self.answer.clone());
        let journaling =
            Journaling { journal: &self.desk.journal, key: &self.key, stopping: self.desk.stopping() };
        journaling.bury(self.letter.clone()).await;
    }
}

// === impl Sink ===

impl Sink {
    fn journaling(&self) -> Journaling<'_> {
        Journaling { journal: &self.desk.journal, key: &self.key, stopping: self.desk.stopping() }
    }
}

impl StatusSink for Sink {
    fn status(&self, text: String) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let handle = self.desk.ledger.handle(&self.key);
            let message = outgoing(&news(&self.envelope, &text));
            if let Err(stale) = self.desk.link.send(handle.as_ref(), message).await {
                debug!(%stale, "an interim status was dropped");
            }
        })
    }

    fn begins(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move { self.journaling().begin().await })
    }

    fn sets_down(&self, note: String) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move { self.journaling().set_down(note).await })
    }

    fn keeps(&self, note: String) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move { self.journaling().keep(note).await })
    }

    fn note(&self) -> Option<String> {
        self.note.clone()
    }

    fn waits(&self, waiting: bool) {
        self.desk.waiting.count(&self.key.destination, waiting, &self.desk.link);
    }
}
