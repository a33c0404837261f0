//! Confirmations on their way to the file: nobody waits for them.

use super::Key;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// More than this are not kept: an entry without its confirmation only stays longer.
const LIMIT: usize = 100_000;

/// Those that are still to be written.
#[derive(Debug, Default)]
pub(super) struct Confirmed(Mutex<Vec<Key>>);

// === impl Confirmed ===

impl Confirmed {
    pub(super) fn add(&self, key: &Key) {
        let mut keys = self.lock();
        if keys.len() < LIMIT {
            keys.push(key.clone());
        }
    }

    pub(super) fn take(&self) -> Vec<Key> {
        std::mem::take(&mut *self.lock())
    }

    /// They could not be written.
    pub(super) fn put_back(&self, keys: Vec<Key>) {
        let mut now = self.lock();
        let room = LIMIT.saturating_sub(now.len());
        now.extend(keys.into_iter().take(room));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Key>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
