//! One message's life, from its delivery to the broker's word that it is settled.

use super::{
    answer::{news, outgoing},
    dispatcher::Desk,
    envelope::Envelope,
    journaling::{Journaling, Start, Step},
    lanes::{Place, Ticket},
    work::{Earlier, Outcome},
};
use crate::{
    component::{Failure, StatusSink},
    stomp::{AckHandle, Settled, Unsettled},
    store::{Answer, DeadLetter, Key, StoreError},
};
use futures_util::future::BoxFuture;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};
use tokio::{sync::OwnedSemaphorePermit, time::Instant};
use tracing::{debug, error, info};

/// A message, and what it needs.
pub(super) struct Task {
    desk: Arc<Desk>,
    key: Key,
    envelope: Arc<Envelope>,
    /// Its share of the memory that messages may take.
    room: Option<Arc<OwnedSemaphorePermit>>,
}

/// How the carrying out ended.
pub(super) enum Ended {
    /// It is to be settled with this, which the journal has kept, or could not keep.
    Answered { answer: Answer, kept: bool },
    /// Another processor has the message by now, and the answering with it.
    TakenOver,
    /// It goes back to the broker, or has gone back.
    Left,
}

/// An answer on its way out.
pub(super) struct Owed {
    desk: Arc<Desk>,
    key: Key,
    answer: Answer,
    /// Whether the journal has it: then nothing is lost if the process ends.
    kept: bool,
    /// The message's, for whoever looks into an answer that the broker refuses.
    headers: Arc<Vec<(String, String)>>,
    /// The message's share of the memory, and as much of the answer's as there was.
    _room: Vec<Arc<OwnedSemaphorePermit>>,
}

/// What the handler is told and tells, between two deliveries if need be.
struct Sink {
    desk: Arc<Desk>,
    key: Key,
    envelope: Arc<Envelope>,
    note: Option<String>,
    claimed: Instant,
    /// The handler was kept from going on because another processor has the message.
    taken_over: AtomicBool,
}

/// A claim that is older is made anew before the work begins: who knows what others have done meanwhile.
const FRESH: Duration = Duration::from_secs(60);

/// The unit in which memory is counted.
const KIB: usize = 1_024;

/// Until an answer is sent again that the journal could not keep.
const KEEP_AGAIN: Duration = Duration::from_secs(1);

/// What the answer takes of memory until the broker has it, from where its message's share is from; less where there is
/// no more. To wait for it would stop what gives it back.
fn room_for(answer: &Answer, of: &OwnedSemaphorePermit) -> Option<Arc<OwnedSemaphorePermit>> {
    let room = of.semaphore();
    let wanted = (answer.body.len() / KIB).min(room.available_permits());
    let wanted = u32::try_from(wanted).ok().filter(|wanted| *wanted > 0)?;
    room.clone().try_acquire_many_owned(wanted).ok().map(Arc::new)
}

/// A message that is set aside now, without its body or an answer.
fn letter(key: &Key, headers: &[(String, String)], reason: String) -> DeadLetter {
    let (key, headers) = (key.clone(), headers.to_vec());
    DeadLetter { number: 0, key, since: SystemTime::now(), reason, headers, body: Vec::new(), answer: None }
}

// === impl Task ===

impl Task {
    pub(super) fn new(
        desk: Arc<Desk>,
        key: Key,
        envelope: Envelope,
        room: Option<Arc<OwnedSemaphorePermit>>,
    ) -> Self {
        Self { desk, key, envelope: Arc::new(envelope), room }
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
            let ended = tokio::select! {
                biased;
                () = self.desk.cut_short() => Ended::Left,
                ended = self.carry_out() => ended,
            };
            match ended {
                Ended::Answered { answer, kept } => {
                    drop(place);
                    return self.owes(answer, kept).settle().await;
                }
                Ended::TakenOver => debug!("another processor has it; this one asks what becomes of it"),
                Ended::Left => {
                    let released = self.desk.ledger.release(&self.key, handle.as_ref());
                    if released || self.desk.is_stopping() {
                        return;
                    }
                    debug!("delivered again while it was given back");
                }
            }
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

    pub(super) async fn carry_out(&self) -> Ended {
        let gone = || self.desk.ledger.handle(&self.key).is_some_and(|handle| handle.is_stale());
        let earlier = match self.journaling().start(gone).await {
            Start::Work(earlier) => earlier,
            Start::Answered(answer) => {
                info!("delivered again after it was carried out; the same answer is sent again");
                return Ended::Answered { answer, kept: true };
            }
            Start::Confirmed => {
                info!("delivered again after the broker confirmed its reply; only acknowledged");
                return Ended::Answered { answer: Answer::default(), kept: true };
            }
            Start::Leave => return Ended::Left,
        };
        let sink = Arc::new(Sink::new(self, &earlier));
        match self.desk.workshop.carry_out(&self.envelope, &earlier, sink.clone()).await {
            Outcome::Returned if sink.taken_over.load(Ordering::Acquire) => Ended::TakenOver,
            Outcome::Returned => {
                self.journaling().give_back().await;
                Ended::Left
            }
            Outcome::Answered(answer) => self.finished(answer).await,
            Outcome::SetAside(answer, reason) => {
                self.set_aside(reason).await;
                self.finished(answer).await
            }
        }
    }

    async fn finished(&self, answer: Answer) -> Ended {
        match self.journaling().finish(&answer).await {
            Some(kept) => {
                debug!(kept, "the answer is in the journal");
                Ended::Answered { answer, kept }
            }
            None => Ended::TakenOver,
        }
    }

    /// What is left of it once it is carried out: the body is somebody's data, and may be large.
    pub(super) fn owes(self, answer: Answer, kept: bool) -> Owed {
        let Self { desk, key, envelope, room } = self;
        let more = room.as_ref().and_then(|room| room_for(&answer, room));
        let rooms = room.into_iter().chain(more).collect();
        Owed { desk, key, answer, kept, headers: envelope.headers.clone(), _room: rooms }
    }

    fn waits(&self, waiting: bool) {
        self.desk.waiting.count(&self.key.destination, waiting, &self.desk.link);
    }

    async fn set_aside(&self, reason: String) {
        let body = self.envelope.body.to_vec();
        let letter = DeadLetter { body, ..letter(&self.key, &self.envelope.headers, reason) };
        self.journaling().bury(letter).await;
    }

    fn journaling(&self) -> Journaling<'_> {
        self.desk.journaling(&self.key)
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
        // Inbound news is not answered.
        let awaited = !self.answer.reply_to.is_empty() && !self.desk.ledger.has_replied(&self.key);
        let reply = awaited.then(|| outgoing(&self.answer));
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
        let finished = self.desk.journal.finish(&self.key, self.answer.clone()).await;
        // Taken over: the journal of the one who has it knows better.
        self.kept = matches!(finished, Ok(()) | Err(StoreError::TakenOver));
    }

    pub(super) async fn refused(&self, reason: String) {
        error!(
            queue = self.answer.reply_to,
            reason,
            "the broker refuses a reply, so that the platform shows none; let the account write to this queue, then \
             send it again with `processor dead retry`"
        );
        let reason = format!("the broker refused the answer: {reason}");
        // It has been carried out: what is to be tried again is the answer, without the message's body.
        let answer = Some(self.answer.clone());
        let letter = DeadLetter { answer, ..letter(&self.key, &self.headers, reason) };
        self.desk.journaling(&self.key).bury(letter).await;
    }
}

// === impl Sink ===

impl Sink {
    fn new(task: &Task, earlier: &Earlier) -> Self {
        Self {
            desk: task.desk.clone(),
            key: task.key.clone(),
            envelope: task.envelope.clone(),
            note: earlier.note.clone(),
            claimed: Instant::now(),
            taken_over: AtomicBool::new(false),
        }
    }

    async fn begin(&self) -> Result<(), Step> {
        if self.claimed.elapsed() > FRESH {
            self.journaling().claim_again().await?;
        }
        self.journaling().begin().await
    }

    /// What the handler is told.
    fn told(&self, done: Result<(), Step>) -> Result<(), Failure> {
        done.map_err(|step| {
            self.taken_over.store(step == Step::TakenOver, Ordering::Release);
            Failure::returned()
        })
    }

    fn journaling(&self) -> Journaling<'_> {
        self.desk.journaling(&self.key)
    }
}

impl StatusSink for Sink {
    fn status(&self, text: String) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let handle = self.desk.ledger.handle(&self.key);
            let news = news(&self.envelope, &text);
            if news.reply_to.is_empty() {
                return debug!("an interim status that nobody awaits was dropped");
            }
            let message = outgoing(&news);
            if let Err(stale) = self.desk.link.send(handle.as_ref(), message).await {
                debug!(%stale, "an interim status was dropped");
            }
        })
    }

    fn begins(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move { self.told(self.begin().await) })
    }

    fn sets_down(&self, note: String) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move { self.told(self.journaling().set_down(note).await) })
    }

    fn keeps(&self, note: String) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move { self.told(self.journaling().keep(note).await) })
    }

    fn note(&self) -> Option<String> {
        self.note.clone()
    }

    fn waits(&self, waiting: bool) {
        self.desk.waiting.count(&self.key.destination, waiting, &self.desk.link);
    }
}
