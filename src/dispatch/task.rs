//! One message's life, from its delivery to the broker's word that it is settled.

use super::{
    answer::{instead, news, outgoing},
    dispatcher::Desk,
    envelope::Envelope,
    journaling::{Journaling, Start, Step},
    lanes::{Place, Ticket},
    work::{Earlier, Outcome},
};
use crate::{
    component::{Failure, StatusSink},
    stomp::{AckHandle, Refusal, Settled, Settlement, Unsent, Unsettled},
    store::{Answer, DeadLetter, Key, Standing, StoreError},
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
use tracing::{debug, error, info, warn};

/// A message, and what it needs.
pub(super) struct Task {
    desk: Arc<Desk>,
    key: Key,
    envelope: Arc<Envelope>,
    /// Its share of the memory that messages may take.
    _room: Option<Arc<OwnedSemaphorePermit>>,
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
    /// Whether this is an error in place of an answer that is not sent.
    withheld: bool,
    /// The message's, for whoever looks into an answer that the broker refuses.
    headers: Arc<Vec<(String, String)>>,
    /// The answer's share of the memory that answers on their way may take; small ones have none.
    share: Option<OwnedSemaphorePermit>,
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

/// What large answers on their way may take, in KiB, and from where on one is large.
pub(super) const SENDING_KIB: usize = 32 * 1_024;
const LARGE_KIB: u32 = 64;

/// Until an answer is sent again that the journal could not keep.
const KEEP_AGAIN: Duration = Duration::from_secs(1);

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
            let mut place = lane.map(|lane| self.desk.lanes.enter(lane));
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
        let Self { desk, key, envelope, .. } = self;
        Owed { desk, key, answer, kept, withheld: false, headers: envelope.headers.clone(), share: None }
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
    pub(super) async fn settle(mut self) {
        self.take_share().await;
        loop {
            let handle = self.desk.ledger.handle(&self.key);
            match self.send(handle.as_ref()).await {
                Ok(Settled::Withheld(refusal)) => self.withhold(refusal).await,
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
                        self.confirmed();
                    }
                    if !self.kept {
                        self.keep().await;
                    }
                    if self.kept && self.desk.ledger.release(&self.key, handle.as_ref()) {
                        self.desk.unsettled.fetch_add(1, Ordering::Relaxed);
                        if !unsettled.reply_taken && self.is_owed_by(handle.as_ref()) {
                            self.desk.owed.add(self.key, self.headers);
                        }
                        return;
                    }
                }
            }
        }
    }

    /// Large answers that a slow broker does not confirm would fill the memory: one that has no share of it yet waits in
    /// the journal alone.
    async fn take_share(&mut self) {
        let units = (self.answer.body.len() / KIB).min(SENDING_KIB);
        let Some(units) = u32::try_from(units).ok().filter(|units| *units >= LARGE_KIB && self.kept) else {
            return;
        };
        let sending = self.desk.sending.clone();
        if let Ok(share) = sending.clone().try_acquire_many_owned(units) {
            self.share = Some(share);
            return;
        }
        self.answer.body = String::new();
        self.share = sending.acquire_many_owned(units).await.ok();
        while !self.read_back().await {
            tokio::time::sleep(KEEP_AGAIN).await;
        }
    }

    /// Whether the journal has given the answer back.
    async fn read_back(&mut self) -> bool {
        match self.desk.journal.claim(&self.key).await {
            Ok(Standing::Answered(answer)) => self.answer = answer,
            // It has been sent by another processor.
            Ok(Standing::Confirmed) => self.answer = Answer::default(),
            Ok(_) | Err(_) => return false,
        }
        true
    }

    /// An answer that the journal has, of a message that may not come again.
    pub(super) fn of_journal(
        desk: Arc<Desk>,
        key: Key,
        answer: Answer,
        headers: Arc<Vec<(String, String)>>,
    ) -> Self {
        Self { desk, key, answer, kept: true, withheld: false, headers, share: None }
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

    /// What the broker has refused before may be taken by now.
    pub(super) async fn send_again(&self) -> Result<Settled, Unsettled> {
        if self.answer.reply_to.is_empty() {
            return Ok(Settled::Taken);
        }
        let settling = self.desk.link.reply_again(outgoing(&self.answer)).await;
        settling.map_err(|_| Unsettled { reply_taken: false })?.confirmed().await
    }

    /// Whether the answer is to be sent though the message may not come again: where reply and acknowledgement are two
    /// things to the broker, the one does not wait for the other. A message without a delivery was such a one.
    fn is_owed_by(&self, handle: Option<&AckHandle>) -> bool {
        let by_receipts = |handle: &AckHandle| handle.settlement() == Settlement::Receipts;
        !self.answer.reply_to.is_empty() && handle.is_none_or(by_receipts)
    }

    /// The answer is set aside, and what goes out in its place is a short error, or nothing but the acknowledgement where
    /// that would be refused too.
    async fn withhold(&mut self, refusal: Refusal) {
        let short = refusal.is_of_the_body().then(|| {
            let redactor = &self.desk.workshop.services().redactor;
            instead(&self.answer, &self.key, &refusal, redactor)
        });
        match (std::mem::replace(&mut self.withheld, true), short) {
            (false, Some(short)) => {
                self.bury(&refusal.to_string()).await;
                let kept = self.desk.journal.finish(&self.key, short.clone()).await;
                self.kept = kept.is_ok();
                self.answer = short;
            }
            (false, None) => {
                self.refused(refusal.to_string()).await;
                self.only_acknowledged();
            }
            (true, _) => {
                debug!(%refusal, "the error in place of the reply is refused too; only acknowledged");
                self.only_acknowledged();
            }
        }
    }

    /// There is nothing left to be sent.
    fn only_acknowledged(&mut self) {
        self.answer = Answer::default();
        self.confirmed();
    }

    pub(super) async fn bury(&self, reason: &str) {
        error!(
            bytes = self.answer.body.len(),
            reason,
            "reply withheld and dead-lettered; raise the limit, then send it with `processor dead retry`"
        );
        self.set_aside(format!("the answer was withheld: {reason}")).await;
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
        self.set_aside(format!("the broker refused the answer: {reason}")).await;
    }

    /// It has been carried out: what is to be tried again is the answer, without the message's body.
    async fn set_aside(&self, reason: String) {
        let redactor = &self.desk.workshop.services().redactor;
        let reason = redactor.mask_excerpt(&reason).into_owned();
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
            match self.desk.link.send(handle.as_ref(), message).await {
                Ok(()) => {}
                Err(Unsent::Stale(stale)) => debug!(%stale, "an interim status was dropped"),
                Err(Unsent::Refused(refusal)) => {
                    warn!(bytes = text.len(), reason = %refusal, "interim status dropped; the reply still goes out");
                }
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
