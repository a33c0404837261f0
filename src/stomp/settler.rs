//! What is to be settled, in groups: reply and acknowledgement are taken by the broker together, or not at all.
//!
//! No I/O and no clock: the writer hands in what is to be settled and what the broker said of it, and writes the frames
//! that come back. One group is at the broker at a time; the next takes all that has gathered meanwhile, so that the
//! groups grow with the load and a broker's slow disk costs little.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::blame::{Blame, Mark};
use super::frame::{Command, Frame};
use super::profile::Settlement;
use super::refusal::Refusal;
use super::session::BrokerError;

/// One delivery's reply and acknowledgement, or one of them alone.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) reply: Option<Frame>,
    pub(super) ack: Option<Frame>,
    /// Why there is no reply, where the broker refuses all that goes there.
    pub(super) refused: Option<String>,
    /// Whether the broker may end the session over the reply: then no other is at the broker with it.
    pub(super) alone: bool,
    /// Told once the broker has taken both; dropped if that cannot be known any more.
    pub(super) done: oneshot::Sender<Settled>,
    /// Set once the broker has taken the reply, where that can be known before the rest.
    pub(super) reply_taken: Arc<AtomicBool>,
    /// Given back once it is written.
    pub(super) space: Option<OwnedSemaphorePermit>,
}

/// What became of what was settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// The broker has taken the reply, if there was one, and the acknowledgement.
    Taken,
    /// The broker refused the reply, in these words: the platform will not see it. The message is acknowledged.
    ReplyRefused(String),
    /// The reply is not sent, and the message is not acknowledged yet.
    Withheld(Refusal),
}

/// What the broker says of what was settled.
#[derive(Debug)]
pub(super) enum Word {
    Receipt(String),
    /// Of a reply, by the receipt that it asked for.
    Refused(String, BrokerError),
}

/// Groups parcels.
#[derive(Debug)]
pub(super) struct Settler {
    way: Settlement,
    gathered: VecDeque<Parcel>,
    group: Vec<Member>,
    stage: Stage,
    groups: u64,
    /// The queues to which this session's replies need not ask whether they may.
    open: HashSet<String>,
    /// Knows what is at the broker, should the session end over it.
    blame: Blame,
    /// The number of the last message of the group, there.
    last: u64,
}

/// A parcel at the broker.
#[derive(Debug)]
struct Member {
    parcel: Parcel,
    queue: String,
    mark: Option<Mark>,
    refused: Option<String>,
}

/// What is awaited from the broker.
#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing: → the first stage of a group.
    Idle,
    /// The receipts of this many replies, [`Settlement::Receipts`]: → `Last`.
    Replies(usize),
    /// The group's last receipt: → `Idle`.
    Last,
}

/// How many parcels a group holds.
const MOST: usize = 1_000;
/// About how many bytes of replies a group holds; one larger reply goes alone.
const MOST_BYTES: usize = 1 << 20;
/// How many reply queues are remembered as open; a platform has one for each destination.
const MOST_OPEN: usize = 1_024;
/// The most words that can be on their way: a receipt for each reply of a group and its last one.
pub(super) const MOST_WORDS: usize = MOST + 1;

// === impl Settler ===

impl Settler {
    pub(super) fn new(way: Settlement, blame: Blame) -> Self {
        let (gathered, group) = (VecDeque::new(), Vec::new());
        Self { way, gathered, group, stage: Stage::Idle, groups: 0, open: HashSet::new(), blame, last: 0 }
    }

    /// Takes a parcel; [`start`](Self::start) writes it.
    pub(super) fn add(&mut self, parcel: Parcel) {
        self.gathered.push_back(parcel);
    }

    /// Whether nothing is gathered and nothing awaited.
    pub(super) fn is_idle(&self) -> bool {
        self.gathered.is_empty() && self.stage == Stage::Idle
    }

    /// Whether the broker owes an answer.
    pub(super) fn is_owed(&self) -> bool {
        self.stage != Stage::Idle
    }

    /// The next group's frames; none while one is at the broker, or where nothing is gathered.
    pub(super) fn start(&mut self) -> Vec<Frame> {
        if self.is_owed() || self.gathered.is_empty() {
            return Vec::new();
        }
        self.groups += 1;
        self.take_group();
        let alone = self.group.iter().any(|member| member.parcel.alone);
        self.last = self.blame.sent(self.group.iter().filter_map(|member| member.mark.clone()), alone);
        match self.way {
            Settlement::Transaction => self.transaction(),
            Settlement::Receipts => self.replies(),
        }
    }

    /// Hears the broker out; gives the frames that follow.
    pub(super) fn hear(&mut self, word: Word) -> Vec<Frame> {
        match word {
            Word::Receipt(receipt) if self.stage == Stage::Last && receipt == self.last_receipt() => {
                self.finish();
            }
            Word::Receipt(receipt) => {
                // Within a transaction a receipt says no more than that the queue may be written to.
                if self.way == Settlement::Receipts
                    && let Some(member) = self.member(&receipt)
                {
                    member.parcel.reply_taken.store(true, Ordering::Release);
                    if let Some(mark) = member.mark.clone() {
                        self.blame.cleared(&mark);
                    }
                    return self.one_reply_less();
                }
            }
            Word::Refused(receipt, error) => {
                self.refused(&receipt, &error);
                return self.one_reply_less();
            }
        }
        Vec::new()
    }

    /// From what is gathered, in order.
    fn take_group(&mut self) {
        let mut bytes = 0;
        while let Some(parcel) = self.gathered.front() {
            bytes += parcel.reply.as_ref().map_or(0, |reply| reply.body.len());
            let is_full = self.group.len() == MOST || bytes > MOST_BYTES || parcel.alone;
            if is_full && !self.group.is_empty() {
                return;
            }
            let Some(mut parcel) = self.gathered.pop_front() else { return };
            let refused = parcel.refused.take();
            let queue = parcel.reply.as_ref().and_then(|reply| reply.header("destination"));
            let queue = queue.unwrap_or_default().to_owned();
            let (mark, alone) = (parcel.reply.as_ref().map(Mark::answer), parcel.alone);
            self.group.push(Member { parcel, queue, mark, refused });
            if alone {
                return;
            }
        }
    }

    /// The broker takes all of it or, if the connection falls before COMMIT has arrived, nothing.
    fn transaction(&mut self) -> Vec<Frame> {
        self.stage = Stage::Last;
        let name = format!("t{}", self.groups);
        let last =
            Frame::new(Command::Commit).with("transaction", &name).with("receipt", self.last_receipt());
        let mut frames = vec![Frame::new(Command::Begin).with("transaction", &name)];
        for (place, member) in self.group.iter_mut().enumerate() {
            member.parcel.space = None;
            if let Some(mut reply) = member.parcel.reply.take() {
                // Brokers drop a forbidden SEND in silence unless it asks for a receipt; more of them than one for each
                // queue would only cost.
                if self.open.len() >= MOST_OPEN || self.open.insert(member.queue.clone()) {
                    reply.headers.push("receipt", receipt_of_reply(self.groups, place));
                }
                frames.push(reply.with("transaction", &name));
            }
            frames.extend(member.parcel.ack.take().map(|ack| ack.with("transaction", &name)));
        }
        frames.push(last);
        frames
    }

    /// Each reply by itself, for brokers whose transactions may be taken in part: the acknowledgements follow once the
    /// broker has every reply.
    fn replies(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        for (place, member) in self.group.iter_mut().enumerate() {
            member.parcel.space = None;
            let reply = member.parcel.reply.take();
            frames.extend(reply.map(|reply| reply.with("receipt", receipt_of_reply(self.groups, place))));
        }
        self.stage = Stage::Replies(frames.len());
        if frames.is_empty() { self.acks() } else { frames }
    }

    fn one_reply_less(&mut self) -> Vec<Frame> {
        match self.stage {
            Stage::Replies(1) => self.acks(),
            Stage::Replies(left) => {
                self.stage = Stage::Replies(left.saturating_sub(1));
                Vec::new()
            }
            Stage::Idle | Stage::Last => Vec::new(),
        }
    }

    /// The broker works off one connection's frames in order: the last one's receipt is all of theirs.
    fn acks(&mut self) -> Vec<Frame> {
        let mut frames: Vec<_> =
            self.group.iter_mut().filter_map(|member| member.parcel.ack.take()).collect();
        let receipt = self.last_receipt();
        match frames.last_mut() {
            Some(last) => {
                last.headers.push("receipt", receipt);
                self.stage = Stage::Last;
            }
            None => self.finish(),
        }
        frames
    }

    fn refused(&mut self, receipt: &str, error: &BrokerError) {
        let Some(member) = self.member(receipt) else { return };
        let (queue, mark) = (member.queue.clone(), member.mark.clone());
        self.open.remove(&queue);
        // Brokers that are spoken to so end the session after this.
        if let Some(mark) = mark.filter(|_| self.way == Settlement::Receipts) {
            self.blame.judge(&mark, error);
        }
        // Those that did not ask were dropped without a word.
        let all = self.way == Settlement::Transaction;
        let own = self.place(receipt);
        for (place, member) in self.group.iter_mut().enumerate() {
            if (all && member.queue == queue) || Some(place) == own {
                member.refused = Some(error.message.clone());
            }
        }
    }

    fn finish(&mut self) {
        self.stage = Stage::Idle;
        self.blame.landed(self.last);
        for Member { parcel, refused, .. } in self.group.drain(..) {
            // Whoever settled it may have gone.
            let _ = parcel.done.send(refused.map_or(Settled::Taken, Settled::ReplyRefused));
        }
    }

    fn last_receipt(&self) -> String {
        format!("{SETTLED}{}", self.groups)
    }

    /// Which of the group's replies asked for this receipt.
    fn place(&self, receipt: &str) -> Option<usize> {
        let (group, place) = receipt.strip_prefix(REPLY)?.split_once('.')?;
        if group.parse() == Ok(self.groups) { place.parse().ok() } else { None }
    }

    fn member(&mut self, receipt: &str) -> Option<&mut Member> {
        let place = self.place(receipt)?;
        self.group.get_mut(place)
    }
}

/// Begins the receipt id of a reply.
const REPLY: &str = "reply ";
/// Begins the receipt id of a group.
const SETTLED: &str = "settled ";

fn receipt_of_reply(group: u64, place: usize) -> String {
    format!("{REPLY}{group}.{place}")
}

/// Whether a reply asked for this receipt.
pub(super) fn is_of_reply(receipt: &str) -> bool {
    receipt.starts_with(REPLY)
}

/// Whether a reply or a group asked for this receipt.
pub(super) fn is_of_settlement(receipt: &str) -> bool {
    is_of_reply(receipt) || receipt.starts_with(SETTLED)
}
