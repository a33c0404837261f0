//! Which messages are at work here, so that one that is delivered again meanwhile is not begun twice.
//!
//! A broker delivers a message again when the link broke before its acknowledgement arrived. What must outlive this
//! process is the journal's ([`store`](crate::store)).

use crate::store::Key;
use std::{
    collections::{HashMap, HashSet, VecDeque, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
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
    at_work: HashMap<Key, Held<H>>,
    /// Messages of which the broker has the reply but perhaps not the acknowledgement, oldest first.
    replied: VecDeque<Key>,
    replied_set: HashSet<Key>,
}

/// A message at work.
#[derive(Debug)]
struct Held<H> {
    handle: Option<H>,
    /// Since when the broker has waited for its acknowledgement.
    since: Instant,
    /// Its action's name, once that is known.
    action: Arc<OnceLock<String>>,
}

/// A message that has waited for its acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unacknowledged {
    /// The message.
    pub key: Key,
    /// For so long.
    pub age: Duration,
    /// Its action's name, where it is known.
    pub action: Option<String>,
}

/// How many of those are remembered: more than brokers send ahead.
const MOST_REPLIED: usize = 10_000;

impl<H: Clone + PartialEq> Ledger<H> {
    /// Takes the message over, or hands its new handle to whoever has it. A message that no broker delivered has none.
    pub fn claim(&self, key: &Key, handle: Option<H>) -> Claim {
        let since = Instant::now();
        match self.state().at_work.entry(key.clone()) {
            Entry::Vacant(vacant) => {
                vacant.insert(Held { handle, since, action: Arc::default() });
                Claim::New
            }
            Entry::Occupied(mut held) => {
                (held.get_mut().handle, held.get_mut().since) = (handle, since);
                Claim::AtWork
            }
        }
    }

    /// Where the name of a message's action will be found.
    pub fn describe(&self, key: &Key, action: Arc<OnceLock<String>>) {
        if let Some(held) = self.state().at_work.get_mut(key) {
            held.action = action;
        }
    }

    /// The message at work for whose acknowledgement the broker has waited longest.
    pub fn oldest(&self) -> Option<Unacknowledged> {
        let state = self.state();
        let delivered = state.at_work.iter().filter(|(_, held)| held.handle.is_some());
        let (key, held) = delivered.min_by_key(|(_, held)| held.since)?;
        let (key, action) = (key.clone(), held.action.get().cloned());
        Some(Unacknowledged { key, age: held.since.elapsed(), action })
    }

    /// Takes over the answering of a message that is not at work; its handle stays what it is otherwise.
    pub fn settles(&self, key: &Key) -> Claim {
        match self.state().at_work.entry(key.clone()) {
            Entry::Vacant(vacant) => {
                vacant.insert(Held { handle: None, since: Instant::now(), action: Arc::default() });
                Claim::New
            }
            Entry::Occupied(_) => Claim::AtWork,
        }
    }

    /// Whether the message is at work.
    pub fn knows(&self, key: &Key) -> bool {
        self.state().at_work.contains_key(key)
    }

    /// The handle of the newest delivery of a message at work.
    pub fn handle(&self, key: &Key) -> Option<H> {
        self.state().at_work.get(key).and_then(|held| held.handle.clone())
    }

    /// The work has ended, as far as the delivery with the handle `last` is concerned. False where it has been delivered
    /// again since: then it is still at work.
    pub fn release(&self, key: &Key, last: Option<&H>) -> bool {
        let mut state = self.state();
        let newest = state.at_work.get(key).is_none_or(|held| held.handle.as_ref() == last);
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
