//! Which of our messages the broker ends sessions over, from one session to the next.
//!
//! Brokers refuse a message by ending the connection, and seldom say which one it was. What was on its way then and had
//! not been confirmed is suspected; a suspect is sent alone ([`aside`](super::aside)), and what the broker refuses then is
//! not sent again. So one bad message costs the others one connection.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::error::LinkError;
use super::frame::Frame;
use super::refusal::Refusal;
use super::session::{BrokerError, SessionError};

mod route;

use route::{Route, scope};

/// The link's memory. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub(super) struct Blame(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What this session has sent and the broker has not confirmed, oldest first.
    flight: VecDeque<Flying>,
    /// How many messages have been sent.
    sent: u64,
    /// How many sessions in a row have ended over each, or near it.
    strikes: HashMap<Suspect, u32>,
    refused: HashMap<Suspect, Found>,
    /// What else is sent in answer to the same message is sent alone.
    touchy: HashMap<u64, Instant>,
    /// Where nothing is sent.
    bars: HashMap<Route, Found>,
    /// From where on a body is too large.
    ceiling: Option<(usize, Found)>,
    /// Where messages have been taken.
    proven: HashSet<String>,
    /// The largest of them.
    largest: usize,
    /// The destination by which a queue can be written to that is not as we would declare it.
    detours: HashMap<String, String>,
}

/// One message of ours, as far as it is told from others.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    suspect: Suspect,
    destination: String,
    bytes: usize,
}

/// An answer is known by the message that it answers and its length; interim statuses of one message count as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Suspect {
    invocation: u64,
    length: Option<usize>,
}

#[derive(Debug)]
struct Flying {
    number: u64,
    mark: Mark,
    alone: bool,
}

/// What was found, and until when that is relied on.
#[derive(Debug, Clone)]
struct Found {
    refusal: Refusal,
    until: Instant,
}

/// How a message is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// With others.
    Clear,
    /// With others, unless there is a connection on which it can be tried first: nothing like it has been taken before.
    Unproven,
    /// With no other.
    Alone,
    /// Not at all.
    Refused(Refusal),
}

/// What a broker's ERROR makes of a message that was alone.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It is refused.
    Refused(Refusal),
    /// It is to be sent to this destination.
    Detour(String),
    /// It had nothing to do with it.
    Innocent,
}

/// How long what was found is relied on: limits and rights change rarely. After that, it is tried alone.
const RELIED_ON: Duration = Duration::from_secs(300);
/// Sessions in a row that may end near a message before it is sent alone.
const MAX_STRIKES: u32 = 2;
/// Any broker takes a message of this size.
const SMALL: usize = 16 * 1_024;
/// Entries of each kind that are remembered.
const MAX_REMEMBERED: usize = 4_096;
/// Unconfirmed messages that are remembered; interim statuses are not confirmed one by one.
const MAX_FLIGHT: usize = 4_096;

// === impl Mark ===

impl Mark {
    /// Of an answer.
    pub(super) fn answer(frame: &Frame) -> Self {
        Self::new(frame, Some(frame.body.len()))
    }

    /// Of an interim status.
    pub(super) fn status(frame: &Frame) -> Self {
        Self::new(frame, None)
    }

    /// The same, by another way.
    pub(super) fn by(self, destination: &str) -> Self {
        Self { destination: destination.to_owned(), ..self }
    }

    fn new(frame: &Frame, length: Option<usize>) -> Self {
        let destination = frame.header("destination").unwrap_or_default().to_owned();
        let mut invocation = DefaultHasher::new();
        (&destination, frame.header("correlation-id")).hash(&mut invocation);
        let suspect = Suspect { invocation: invocation.finish(), length };
        Self { suspect, destination, bytes: frame.body.len() }
    }
}

// === impl Found ===

impl Found {
    fn now(refusal: Refusal) -> Self {
        Self { refusal, until: Instant::now() + RELIED_ON }
    }

    fn is_relied_on(&self) -> bool {
        self.until > Instant::now()
    }

    fn verdict(&self) -> Verdict {
        if self.is_relied_on() { Verdict::Refused(self.refusal.clone()) } else { Verdict::Alone }
    }
}

// === impl Blame ===

impl Blame {
    /// A session begins: nothing is on its way.
    pub(super) fn begin(&self) {
        self.state().flight.clear();
    }

    /// How a message is to be sent; with `proof` where it must have been shown that the like is taken.
    pub(super) fn verdict(&self, mark: &Mark, proof: bool) -> Verdict {
        let state = self.state();
        match state.verdict(mark) {
            Verdict::Clear if proof && !state.is_proven(mark) => Verdict::Unproven,
            verdict => verdict,
        }
    }

    /// Where a message for this destination goes by now.
    pub(super) fn detour(&self, destination: &str) -> Option<String> {
        self.state().detours.get(destination).cloned()
    }

    /// Notes that messages are written; gives the number of the last one.
    pub(super) fn sent(&self, marks: impl IntoIterator<Item = Mark>, alone: bool) -> u64 {
        let mut state = self.state();
        for mark in marks {
            state.sent += 1;
            let number = state.sent;
            if state.flight.len() >= MAX_FLIGHT {
                state.flight.pop_front();
            }
            state.flight.push_back(Flying { number, mark, alone });
        }
        state.sent
    }

    /// The broker has confirmed the messages up to this number.
    pub(super) fn landed(&self, last: u64) {
        let mut state = self.state();
        while state.flight.front().is_some_and(|flying| flying.number <= last) {
            if let Some(Flying { mark, .. }) = state.flight.pop_front() {
                state.clear(&mark);
            }
        }
    }

    /// The broker has confirmed this message alone.
    pub(super) fn cleared(&self, mark: &Mark) {
        let mut state = self.state();
        state.flight.retain(|flying| flying.mark.suspect != mark.suspect);
        state.clear(mark);
    }

    /// The session has ended so: what was on its way may be why.
    pub(super) fn session_ended(&self, error: &LinkError) {
        let mut state = self.state();
        let flight: Vec<Flying> = state.flight.drain(..).collect();
        match error {
            LinkError::Session(SessionError::Broker(error)) => state.blame(&flight, error),
            LinkError::ClosedByBroker | LinkError::Io(_) => {
                let words = super::error::in_words(error);
                for Flying { mark, alone, .. } in &flight {
                    if *alone {
                        state.refuse(mark, Refusal::Message(words.clone()));
                    } else {
                        state.strike(mark, 1);
                    }
                }
            }
            _ => {}
        }
    }

    /// What an ERROR makes of a message that was alone when it came.
    pub(super) fn judge(&self, mark: &Mark, error: &BrokerError) -> Judgement {
        self.state().judge(mark, error)
    }

    /// The broker ends each connection over this message, without a reason.
    pub(super) fn refuse(&self, mark: &Mark, words: String) -> Refusal {
        let refusal = Refusal::Message(words);
        self.state().refuse(mark, refusal.clone());
        refusal
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl State ===

impl State {
    fn verdict(&self, mark: &Mark) -> Verdict {
        let bar = Route::all_of(&mark.destination).into_iter().find_map(|route| self.bars.get(&route));
        if let Some(found) = bar.or_else(|| self.refused.get(&mark.suspect)) {
            return found.verdict();
        }
        if let Some((_, found)) = self.ceiling.as_ref().filter(|(bytes, _)| mark.bytes >= *bytes) {
            return match &found.refusal {
                Refusal::TooLarge { limit, words, .. } if found.is_relied_on() => {
                    let (bytes, words) = (mark.bytes, words.clone());
                    Verdict::Refused(Refusal::TooLarge { bytes, limit: *limit, words })
                }
                _ => Verdict::Alone,
            };
        }
        let strikes = self.strikes.get(&mark.suspect).copied().unwrap_or_default();
        let touchy = self.touchy.get(&mark.suspect.invocation).is_some_and(|until| *until > Instant::now());
        if touchy || strikes >= MAX_STRIKES { Verdict::Alone } else { Verdict::Clear }
    }

    fn is_proven(&self, mark: &Mark) -> bool {
        mark.bytes <= self.largest.max(SMALL) && self.proven.contains(&mark.destination)
    }

    /// It was taken.
    fn clear(&mut self, mark: &Mark) {
        self.largest = self.largest.max(mark.bytes);
        if !self.proven.contains(&mark.destination) {
            if self.proven.len() >= MAX_REMEMBERED {
                self.proven.clear();
            }
            self.proven.insert(mark.destination.clone());
        }
        if !self.strikes.is_empty() {
            self.strikes.remove(&mark.suspect);
        }
        if !self.refused.is_empty() {
            self.refused.remove(&mark.suspect);
        }
        if !self.bars.is_empty() {
            Route::all_of(&mark.destination).iter().for_each(|route| drop(self.bars.remove(route)));
        }
        if self.ceiling.as_ref().is_some_and(|(bytes, _)| mark.bytes >= *bytes) {
            self.ceiling = None;
        }
    }

    fn strike(&mut self, mark: &Mark, weight: u32) {
        if self.strikes.len() < MAX_REMEMBERED {
            let strikes = self.strikes.entry(mark.suspect).or_default();
            *strikes = strikes.saturating_add(weight);
        }
    }

    /// One of these is to blame for an ERROR that ended the session, or none is.
    fn blame(&mut self, flight: &[Flying], error: &BrokerError) {
        if error.is_about_size() {
            // If the broker takes one of them not for its size, it takes the largest not.
            if let Some(largest) = flight.iter().max_by_key(|flying| flying.mark.bytes) {
                self.judge(&largest.mark, error);
            }
            return;
        }
        if let Some(alone) = flight.iter().find(|flying| flying.alone) {
            self.judge(&alone.mark, error);
            return;
        }
        let named: Vec<_> = flight.iter().filter(|flying| scope(error, &flying.mark.destination)).collect();
        if !named.is_empty() {
            named.iter().for_each(|flying| drop(self.judge(&flying.mark, error)));
        } else if error.may_be_of_a_message() {
            flight.iter().for_each(|flying| self.strike(&flying.mark, MAX_STRIKES));
        }
    }

    fn judge(&mut self, mark: &Mark, error: &BrokerError) -> Judgement {
        if error.is_about_size() {
            let (bytes, limit) = (mark.bytes, error.limit());
            let refusal = Refusal::TooLarge { bytes, limit, words: error.message.clone() };
            let ceiling = limit.map_or(bytes, |limit| bytes.min(limit.saturating_add(1)));
            let ceiling = self.ceiling.as_ref().map_or(ceiling, |(before, _)| ceiling.min(*before));
            self.ceiling = Some((ceiling, Found::now(refusal.clone())));
            return Judgement::Refused(refusal);
        }
        if let Some(detour) = route::detour(error, &mark.destination) {
            remember(&mut self.detours, mark.destination.clone(), detour.clone());
            return Judgement::Detour(detour);
        }
        if error.is_of_a_queue() {
            let refusal = Refusal::Destination(error.message.clone());
            let route = Route::named(error, &mark.destination);
            remember(&mut self.bars, route, Found::now(refusal.clone()));
            return Judgement::Refused(refusal);
        }
        if !error.may_be_of_a_message() {
            return Judgement::Innocent;
        }
        let refusal = Refusal::Message(error.message.clone());
        self.refuse(mark, refusal.clone());
        Judgement::Refused(refusal)
    }

    fn refuse(&mut self, mark: &Mark, refusal: Refusal) {
        self.strikes.remove(&mark.suspect);
        remember(&mut self.touchy, mark.suspect.invocation, Instant::now() + RELIED_ON);
        remember(&mut self.refused, mark.suspect, Found::now(refusal));
    }
}

/// Without growing for ever: where there are too many, what was found before is found again.
fn remember<K: Eq + Hash, V>(map: &mut HashMap<K, V>, key: K, value: V) {
    if map.len() >= MAX_REMEMBERED {
        map.clear();
    }
    map.insert(key, value);
}
