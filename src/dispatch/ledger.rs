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

/// How long a message is remembered after a session took its answer. A broker redelivers within seconds of a reconnect.
const REMEMBERED_FOR: Duration = Duration::from_secs(3600);

/// How many messages whose answer was taken are remembered at most.
const MOST_REMEMBERED: usize = 20_000;

/// How many bytes their answers may take, at most.
const MOST_BYTES: usize = 64 * 1024 * 1024;

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
    at_work: usize,
    /// Answered messages whose answer no living session has taken yet. Never forgotten, however long the broker is away:
    /// it will deliver them again. No more than it sends ahead.
    unsettled: HashSet<Key>,
    /// Messages whose answer a session has taken, oldest first, with the bytes of that answer.
    settled: VecDeque<(Instant, Key, usize)>,
    settled_bytes: usize,
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
                state.at_work += 1;
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
        state.unsettled.insert(key.clone());
        match state.entries.insert(key.clone(), Entry::Answered(answer))? {
            Entry::AtWork(handle) => {
                state.at_work -= 1;
                Some(handle)
            }
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

    /// A session has taken the answer and the acknowledgement: the message need not be remembered for ever.
    pub fn settled(&self, key: &Key) {
        let mut state = self.state();
        if state.unsettled.remove(key) {
            state.remember(key);
        }
    }

    /// How many answers wait for the broker to deliver their message again.
    pub fn unsettled(&self) -> usize {
        self.state().unsettled.len()
    }

    /// Forgets a message that goes back to the broker, not carried out.
    pub fn give_back(&self, key: &Key) {
        let mut state = self.state();
        if let Some(Entry::AtWork(_)) = state.entries.remove(key) {
            state.at_work -= 1;
        }
    }

    /// How many messages are at work.
    pub fn at_work(&self) -> usize {
        self.state().at_work
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
                at_work: 0,
                unsettled: HashSet::new(),
                settled: VecDeque::new(),
                settled_bytes: 0,
            }),
        }
    }
}

impl<H> State<H> {
    fn remember(&mut self, key: &Key) {
        let bytes = match self.entries.get(key) {
            Some(Entry::Answered(answer)) => answer.body.len(),
            Some(Entry::AtWork(_)) | None => 0,
        };
        self.settled.push_back((Instant::now(), key.clone(), bytes));
        self.settled_bytes += bytes;
        self.forget_old();
    }

    /// The newest is kept whatever its size.
    fn forget_old(&mut self) {
        while self.settled.len() > 1 {
            let recent = self.settled.front().is_some_and(|(since, ..)| since.elapsed() < REMEMBERED_FOR);
            let few = self.settled.len() <= MOST_REMEMBERED && self.settled_bytes <= MOST_BYTES;
            if few && recent {
                return;
            }
            if let Some((_, key, bytes)) = self.settled.pop_front() {
                self.settled_bytes -= bytes;
                self.entries.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::{Destination, Envelope};
    use bytes::Bytes;

    fn key(id: usize) -> Key {
        Key { destination: "actions.201.x".to_owned(), id: format!("ID:{id}") }
    }

    fn answer(text: &str) -> Answer {
        let envelope = Envelope::new(Destination::actions(201, "x"), Vec::new(), Bytes::new());
        Answer::interim(&envelope, text)
    }

    fn carry_out(ledger: &Ledger<usize>, id: usize, text: &str) {
        assert_eq!(ledger.claim(key(id), id), Claim::New);
        assert_eq!(ledger.answered(&key(id), answer(text)), Some(id));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_no_session_took_is_kept_however_long_the_broker_is_away() {
        let ledger = Ledger::default();
        carry_out(&ledger, 0, "done");
        tokio::time::advance(REMEMBERED_FOR * 50).await;
        for id in 1..MOST_REMEMBERED + 10 {
            carry_out(&ledger, id, "done");
            ledger.settled(&key(id));
        }
        assert_eq!(ledger.claim(key(0), 7), Claim::Answered { answer: answer("done"), handle: 7 });
        ledger.settled(&key(0));
        tokio::time::advance(REMEMBERED_FOR / 2).await;
        carry_out(&ledger, 1_000_000, "done");
        assert!(ledger.knows(&key(0)), "its time begins when a session takes the answer");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_taken_is_forgotten_by_age_number_and_size() {
        let ledger = Ledger::default();
        carry_out(&ledger, 0, "old");
        ledger.settled(&key(0));
        tokio::time::advance(REMEMBERED_FOR).await;
        let large = "x".repeat(MOST_BYTES / 3);
        for id in 1..5 {
            carry_out(&ledger, id, &large);
            ledger.settled(&key(id));
        }
        assert_eq!(
            (0..5).map(|id| ledger.knows(&key(id))).collect::<Vec<_>>(),
            [false, false, false, true, true]
        );
        assert_eq!((ledger.at_work(), ledger.unsettled()), (0, 0));
    }

    #[test]
    fn what_is_given_back_is_new_when_it_comes_again() {
        let ledger = Ledger::default();
        assert_eq!(ledger.claim(key(1), 1), Claim::New);
        assert_eq!(ledger.claim(key(1), 2), Claim::AtWork);
        assert_eq!((ledger.at_work(), ledger.handle(&key(1))), (1, Some(2)));
        ledger.give_back(&key(1));
        assert_eq!(ledger.at_work(), 0);
        assert_eq!(ledger.claim(key(1), 3), Claim::New);
    }
}
