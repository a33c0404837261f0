//! Which messages are at work and which are answered, so that a redelivery does nothing twice.
//!
//! A broker delivers a message again when the link broke before its acknowledgement arrived. Kept in memory: it
//! outlives the link, not the process.

use super::answer::Answer;
use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Mutex, PoisonError},
};
use tokio::time::{Duration, Instant};

/// How long an answered message is remembered. A broker redelivers within seconds of a reconnect.
const REMEMBERED_FOR: Duration = Duration::from_secs(3600);

/// How many answered messages are remembered at most.
const MOST_REMEMBERED: usize = 20_000;

/// The messages that this process has met. `H` is what acknowledges one to the broker.
#[derive(Debug)]
pub struct Ledger<H> {
    state: Mutex<State<H>>,
}

/// Names a message: one broker may put copies of a message on several queues.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// The queue that it came from.
    pub destination: String,
    /// Its `message-id`.
    pub id: String,
}

/// What a delivery means.
#[derive(Debug, PartialEq, Eq)]
pub enum Claim<H> {
    /// Not met before: it is the caller's to carry out.
    New,
    /// At work here: its acknowledgement will go by the new handle.
    AtWork,
    /// Carried out: send this answer (again), then acknowledge it by `handle`.
    Answered {
        /// What it was answered with.
        answer: Answer,
        /// The delivery's own handle.
        handle: H,
    },
}

#[derive(Debug)]
struct State<H> {
    entries: HashMap<Key, Entry<H>>,
    /// Answered messages, oldest first.
    answered: VecDeque<(Instant, Key)>,
    /// Answered messages whose answer no living session has taken yet.
    unsettled: HashSet<Key>,
}

#[derive(Debug)]
enum Entry<H> {
    AtWork(H),
    Answered(Answer),
}

impl<H> Ledger<H> {
    /// Takes the message over, or says what has become of it.
    pub fn claim(&self, key: Key, handle: H) -> Claim<H> {
        let mut state = self.state();
        match state.entries.get_mut(&key) {
            None => {
                state.entries.insert(key, Entry::AtWork(handle));
                Claim::New
            }
            Some(Entry::AtWork(owed)) => {
                *owed = handle;
                Claim::AtWork
            }
            Some(Entry::Answered(answer)) => Claim::Answered { answer: answer.clone(), handle },
        }
    }

    /// Whether the message has been met before.
    pub fn knows(&self, key: &Key) -> bool {
        self.state().entries.contains_key(key)
    }

    /// Remembers the answer; gives the handle that acknowledges the newest delivery.
    pub fn answered(&self, key: &Key, answer: Answer) -> Option<H> {
        let mut state = self.state();
        state.forget_old();
        state.unsettled.insert(key.clone());
        state.answered.push_back((Instant::now(), key.clone()));
        match state.entries.insert(key.clone(), Entry::Answered(answer))? {
            Entry::AtWork(handle) => Some(handle),
            Entry::Answered(_) => None,
        }
    }

    /// The handle of the newest delivery of a message at work.
    pub fn handle(&self, key: &Key) -> Option<H>
    where
        H: Clone,
    {
        match self.state().entries.get(key)? {
            Entry::AtWork(handle) => Some(handle.clone()),
            Entry::Answered(_) => None,
        }
    }

    /// A session has taken the answer and the acknowledgement.
    pub fn settled(&self, key: &Key) {
        self.state().unsettled.remove(key);
    }

    /// How many answers wait for the broker to deliver their message again.
    pub fn unsettled(&self) -> usize {
        self.state().unsettled.len()
    }

    /// Forgets a message that goes back to the broker, not carried out.
    pub fn give_back(&self, key: &Key) {
        self.state().entries.remove(key);
    }

    /// How many messages are at work.
    pub fn at_work(&self) -> usize {
        let state = self.state();
        state.entries.len() - state.answered.len()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State<H>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<H> Default for Ledger<H> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                entries: HashMap::new(),
                answered: VecDeque::new(),
                unsettled: HashSet::new(),
            }),
        }
    }
}

impl<H> State<H> {
    fn forget_old(&mut self) {
        while let Some((since, _)) = self.answered.front() {
            if self.answered.len() < MOST_REMEMBERED && since.elapsed() < REMEMBERED_FOR {
                return;
            }
            if let Some((_, key)) = self.answered.pop_front() {
                self.entries.remove(&key);
                self.unsettled.remove(&key);
            }
        }
    }
}
