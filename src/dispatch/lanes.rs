//! Messages that are carried out one after another, in the order in which they were delivered (`order_by`).
//!
//! Which lane a message belongs to is known only once its body has been read, which is done by its own task. So the
//! messages of an ordered destination pass a gate in the order of their delivery, and each enters its lane there.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::oneshot;

/// The lanes of all ordered destinations.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// By queue: who comes next waits for this one to have passed.
    gates: Mutex<HashMap<String, oneshot::Receiver<()>>>,
    /// By component and key: the last of each lane. One incident's messages may come by several queues.
    lanes: Mutex<HashMap<(String, String), Last>>,
    numbers: AtomicU64,
}

#[derive(Debug)]
struct Last {
    number: u64,
    done: oneshot::Receiver<()>,
}

/// A message's place in the order of delivery.
#[derive(Debug)]
pub(super) struct Ticket {
    before: Option<oneshot::Receiver<()>>,
    /// Dropped once the message has passed the gate.
    _passes: oneshot::Sender<()>,
}

/// A message's place in its lane; the next one's turn comes when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    lanes: Arc<Lanes>,
    name: (String, String),
    number: u64,
    before: Option<oneshot::Receiver<()>>,
    _done: oneshot::Sender<()>,
}

impl Lanes {
    /// To be asked for in the order of delivery.
    pub(super) fn ticket(&self, queue: &str) -> Ticket {
        let (passes, passed) = oneshot::channel();
        let before = lock(&self.gates).insert(queue.to_owned(), passed);
        Ticket { before, _passes: passes }
    }

    /// The next place in the lane `name`; to be asked for while the ticket is at the gate.
    pub(super) fn enter(self: &Arc<Self>, name: (String, String)) -> Place {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let (done, told) = oneshot::channel();
        let before = lock(&self.lanes).insert(name.clone(), Last { number, done: told });
        Place { lanes: Arc::clone(self), name, number, before: before.map(|last| last.done), _done: done }
    }
}

impl Ticket {
    /// Waits until all that were delivered earlier have entered their lanes.
    pub(super) async fn at_the_gate(&mut self) {
        passed(&mut self.before).await;
    }
}

impl Place {
    /// Waits until the one before is done, however it ended.
    pub(super) async fn turn(&mut self) {
        passed(&mut self.before).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut lanes = lock(&self.lanes.lanes);
        if lanes.get(&self.name).is_some_and(|last| last.number == self.number) {
            lanes.remove(&self.name);
        }
    }
}

/// Stays where it is if the future is dropped.
async fn passed(before: &mut Option<oneshot::Receiver<()>>) {
    if let Some(earlier) = before {
        let _ = earlier.await;
        *before = None;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
