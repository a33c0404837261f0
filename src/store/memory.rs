//! A store that ends with the process: for rehearsals and tests.

use super::{
    Answer, DeadLetter, Key, LISTED, LISTED_BODY, Listed, Standing, Store, StoreError, platforms::split,
};
use futures_util::{FutureExt, future::BoxFuture, future::ready};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Keeps everything in memory.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Key, Entry>,
    dead: BTreeMap<i64, DeadLetter>,
    asked: HashSet<i64>,
    taken: HashSet<i64>,
    numbers: i64,
}

#[derive(Debug, Default)]
struct Entry {
    note: Option<String>,
    answer: Option<Answer>,
    confirmed: bool,
}

impl MemoryStore {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn now<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, Result<T, StoreError>> {
    ready(Ok(value)).boxed()
}

impl Store for MemoryStore {
    fn claim<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Standing, StoreError>> {
        let standing = match self.state().entries.get(key) {
            None => Standing::New,
            Some(Entry { confirmed: true, .. }) => Standing::Confirmed,
            Some(Entry { answer: Some(answer), .. }) => Standing::Answered(answer.clone()),
            Some(Entry { note, .. }) => Standing::Waiting { note: note.clone() },
        };
        now(standing)
    }

    fn begin<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        self.state().entries.entry(key.clone()).or_default().confirmed = false;
        now(())
    }

    fn set_down<'a>(&'a self, key: &'a Key, note: String) -> BoxFuture<'a, Result<(), StoreError>> {
        self.state().entries.entry(key.clone()).or_default().note = Some(note);
        now(())
    }

    fn keep<'a>(&'a self, key: &'a Key, note: String) -> BoxFuture<'a, Result<(), StoreError>> {
        self.set_down(key, note)
    }

    fn finish<'a>(&'a self, key: &'a Key, answer: Answer) -> BoxFuture<'a, Result<(), StoreError>> {
        let answered = Entry { answer: Some(answer), ..Entry::default() };
        self.state().entries.insert(key.clone(), answered);
        now(())
    }

    fn give_back<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        let mut state = self.state();
        if state.entries.get(key).is_some_and(|entry| entry.note.is_none()) {
            state.entries.remove(key);
        }
        now(())
    }

    fn confirmed(&self, key: &Key) {
        if let Some(entry) = self.state().entries.get_mut(key).filter(|entry| entry.answer.is_some()) {
            // It need not be told again: its text is what takes up room.
            *entry = Entry { answer: Some(Answer::default()), confirmed: true, ..Entry::default() };
        }
    }

    fn cut_off<'a>(&'a self, _key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        now(())
    }

    fn bury(&self, mut letter: DeadLetter) -> BoxFuture<'_, Result<i64, StoreError>> {
        let mut state = self.state();
        state.numbers += 1;
        letter.number = state.numbers;
        let number = letter.number;
        state.dead.insert(number, letter);
        now(number)
    }

    fn dead(&self, after: i64) -> BoxFuture<'_, Result<Vec<Listed>, StoreError>> {
        let state = self.state();
        let listed = state.dead.range(after.saturating_add(1)..).map(|(_, letter)| letter);
        let listed = listed.filter(|letter| !state.taken.contains(&letter.number)).map(|letter| {
            let bytes = letter.body.len() as u64;
            let mut letter = letter.clone();
            if bytes > LISTED_BODY.unsigned_abs() {
                letter.body = Vec::new();
            }
            if let Some(answer) = &mut letter.answer {
                answer.body = String::new();
            }
            Listed { letter, bytes }
        });
        now(listed.take(LISTED.unsigned_abs() as usize).collect())
    }

    fn dead_letter(&self, number: i64) -> BoxFuture<'_, Result<Option<DeadLetter>, StoreError>> {
        let state = self.state();
        now(state.dead.get(&number).filter(|_| !state.taken.contains(&number)).cloned())
    }

    fn drop_dead(&self, number: i64) -> BoxFuture<'_, Result<bool, StoreError>> {
        let mut state = self.state();
        state.asked.remove(&number);
        state.taken.remove(&number);
        now(state.dead.remove(&number).is_some())
    }

    fn ask_retry(&self, number: i64) -> BoxFuture<'_, Result<bool, StoreError>> {
        let mut state = self.state();
        let listed = state.dead.contains_key(&number) && !state.taken.contains(&number);
        if listed {
            state.asked.insert(number);
        }
        now(listed)
    }

    fn take_retry<'a>(
        &'a self,
        platform: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Option<DeadLetter>, StoreError>> {
        let mut state = self.state();
        let is_asked = |letter: &&DeadLetter| {
            state.asked.contains(&letter.number) && split(&letter.key.destination).0 == platform
        };
        let letter = state.dead.values().find(is_asked).cloned();
        if let Some(letter) = &letter {
            state.asked.remove(&letter.number);
            state.taken.insert(letter.number);
        }
        now(letter)
    }

    fn return_retry(&self, number: i64) -> BoxFuture<'_, Result<(), StoreError>> {
        let mut state = self.state();
        if state.taken.remove(&number) {
            state.asked.insert(number);
        }
        now(())
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }
}
