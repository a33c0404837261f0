//! Which messages are at work here, so that one that is delivered again meanwhile is not begun twice.
//!
//! A broker delivers a message again when the link broke before its acknowledgement arrived. What must outlive this
//! process is the journal's ([`store`](crate::store)).

use crate::store::Key;
use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The messages at work. `H` is what acknowledges one to the broker.
#[derive(Debug)]
pub struct Ledger<H>(Mutex<State<H>>);

/// What a delivery means.
#[derive(Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is the caller's to carry out.
    New,
    /// At work here: its acknowledgement will go by the new handle.
    AtWork,
}

#[derive(Debug)]
struct State<H> {
    at_work: HashMap<Key, Option<H>>,
    /// Messages of which the broker has the reply but perhaps not the acknowledgement, oldest first.
    replied: VecDeque<Key>,
    replied_set: HashSet<Key>,
}

/// How many of those are remembered: more than brokers send ahead.
const MOST_REPLIED: usize = 10_000;

impl<H: Clone + PartialEq> Ledger<H> {
    /// Takes the message over, or hands its new handle to whoever has it. A message that no broker delivered has none.
    pub fn claim(&self, key: &Key, handle: Option<H>) -> Claim {
        match self.state().at_work.insert(key.clone(), handle) {
            None => Claim::New,
            Some(_) => Claim::AtWork,
        }
    }

    /// Whether the message is at work.
    pub fn knows(&self, key: &Key) -> bool {
        self.state().at_work.contains_key(key)
    }

    /// The handle of the newest delivery of a message at work.
    pub fn handle(&self, key: &Key) -> Option<H> {
        self.state().at_work.get(key).cloned().flatten()
    }

    /// The work has ended, as far as the delivery with the handle `last` is concerned. False where it has been delivered
    /// again since: then it is still at work.
    pub fn release(&self, key: &Key, last: Option<&H>) -> bool {
        let mut state = self.state();
        let newest = state.at_work.get(key).is_none_or(|handle| handle.as_ref() == last);
        if newest {
            state.at_work.remove(key);
        }
        newest
    }

    /// The broker has the reply; whether it has the acknowledgement is not known.
    pub fn replied(&self, key: &Key) {
        let mut state = self.state();
        if state.replied_set.insert(key.clone()) {
            state.replied.push_back(key.clone());
        }
        if state.replied.len() > MOST_REPLIED
            && let Some(oldest) = state.replied.pop_front()
        {
            state.replied_set.remove(&oldest);
        }
    }

    /// Whether the broker has the reply already.
    pub fn has_replied(&self, key: &Key) -> bool {
        self.state().replied_set.contains(key)
    }

    /// How many messages are at work.
    pub fn at_work(&self) -> usize {
        self.state().at_work.len()
    }

    /// The messages at work.
    pub fn keys(&self) -> Vec<Key> {
        self.state().at_work.keys().cloned().collect()
    }

    /// Whether a message of this queue is at work.
    pub fn is_at_work_on(&self, destination: &str) -> bool {
        self.state().at_work.keys().any(|key| key.destination == destination)
    }

    fn state(&self) -> MutexGuard<'_, State<H>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<H> Default for Ledger<H> {
    fn default() -> Self {
        let (replied, replied_set) = (VecDeque::new(), HashSet::new());
        Self(Mutex::new(State { at_work: HashMap::new(), replied, replied_set }))
    }
}
