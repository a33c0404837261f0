//! Takes deliveries, and runs one task per message until it is settled.

use super::{
    debts::Debts,
    envelope::{Destination, Envelope},
    journaling::{Health, Journaling},
    lanes::Lanes,
    ledger::{Claim, Ledger, Unacknowledged},
    task::{SENDING_KIB, Task},
    waiting::Waiting,
    work::Workshop,
};
use crate::{
    stomp::{AckHandle, Delivery, Link},
    store::{Journal, Key},
};
use futures_util::future::join_all;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{runtime::Handle, sync::Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, debug, error, warn};

/// Takes deliveries and answers each. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Dispatcher(pub(super) Arc<Desk>);

/// What all messages share.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) workshop: Arc<Workshop>,
    pub(super) link: Link,
    pub(super) ledger: Ledger<AckHandle>,
    pub(super) journal: Journal,
    health: Health,
    pub(super) lanes: Arc<Lanes>,
    pub(super) waiting: Waiting,
    /// Answers that the journal keeps because the link fell before they were settled.
    pub(super) unsettled: AtomicUsize,
    /// Those of them that are sent without waiting for their messages.
    pub(super) owed: Debts,
    /// What large answers on their way may take of memory, in KiB.
    pub(super) sending: Arc<Semaphore>,
    tasks: TaskTracker,
    /// Where the tasks run.
    workers: Handle,
    unnamed: Unnamed,
    /// Fires when the drain's deadline has passed.
    abort: CancellationToken,
}

/// Names for the messages that the broker gives no identity. The message store outlives the process, and several processors
/// may share one: the random part keeps such a message from being taken for an earlier one, or for another processor's.
#[derive(Debug)]
struct Unnamed {
    run: u128,
    count: AtomicU64,
}

/// How long tasks have to notice that they are cut short.
const CUT_SHORT: Duration = Duration::from_secs(1);

/// How long the journal has to take note of what was cut short. It may be out of order, and the end must not wait for it.
const CUT_OFF: Duration = Duration::from_secs(5);

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Messages that were cut short; the broker will deliver them again.
    pub interrupted: usize,
    /// Answers that the journal keeps until the broker delivers their messages again.
    pub unsettled: usize,
}

impl Dispatcher {
    /// Carries out in `workshop`, on the runtime `workers`, what comes by `link`, as `journal` allows.
    #[must_use]
    pub fn new(workshop: Arc<Workshop>, link: Link, journal: Journal, workers: Handle) -> Self {
        Self(Arc::new(Desk {
            workshop,
            link,
            ledger: Ledger::default(),
            journal,
            health: Health::default(),
            lanes: Arc::default(),
            waiting: Waiting::default(),
            unsettled: AtomicUsize::new(0),
            owed: Debts::default(),
            sending: Arc::new(Semaphore::new(SENDING_KIB)),
            tasks: TaskTracker::new(),
            workers,
            unnamed: Unnamed::default(),
            abort: CancellationToken::new(),
        }))
    }

    /// Takes one delivery; returns at once. A new message that comes while the daemon stops is left to the broker.
    pub fn deliver(&self, delivery: Delivery) {
        let Delivery { destination, id, headers, body, fault, ack, room } = delivery;
        let envelope = Envelope::new(programmatic(&destination), headers.into_iter().collect(), body);
        let envelope = envelope.with_fault(fault);
        let key = self.key(destination, id);
        if self.0.is_stopping() && !self.0.ledger.knows(&key) {
            return;
        }
        let span = envelope.span(&key.id);
        match self.0.ledger.claim(&key, Some(ack)) {
            Claim::New => {
                self.0.ledger.describe(&key, envelope.action.clone());
                let ordered = self.0.workshop.registry().is_ordered(&envelope.destination);
                let ticket = ordered.then(|| self.0.lanes.ticket(&key.destination));
                self.spawn(Task::new(self.0.clone(), key, envelope, room).run(ticket).instrument(span));
            }
            Claim::AtWork => span.in_scope(|| debug!("delivered again while at work")),
        }
    }

    /// The message at work for whose acknowledgement the broker has waited longest.
    #[must_use]
    pub fn oldest(&self) -> Option<Unacknowledged> {
        self.0.ledger.oldest()
    }

    /// The connection to the broker is up, or down.
    pub fn connected(&self, up: bool) {
        self.0.journal.connected(None, up);
    }

    /// How many messages are at work or waiting.
    #[must_use]
    pub fn at_work(&self) -> usize {
        self.0.ledger.at_work()
    }

    /// Whether a message of this queue, named as it was subscribed to, is at work or waiting.
    #[must_use]
    pub fn is_at_work_on(&self, queue: &str) -> bool {
        self.0.ledger.is_at_work_on(queue)
    }

    /// Has the broker send as many messages of `queue` ahead as are wanted by now.
    pub fn widen(&self, queue: &str) {
        self.0.waiting.widen(queue, &self.0.link);
    }

    /// This queue is no longer subscribed to.
    pub fn forget(&self, queue: &str) {
        self.0.waiting.forget(queue);
    }

    /// Waits until every message is settled or given back, for at most `longest`; what is still running then is cut
    /// short. The services' shutdown token must have fired, and deliveries must still be handed in.
    pub async fn drain(&self, longest: Duration) -> Drained {
        self.0.unsettled.store(0, Ordering::Relaxed);
        self.0.tasks.close();
        tokio::select! {
            biased;
            () = self.0.tasks.wait() => return self.drained(),
            () = self.0.abort.cancelled() => {}
            () = tokio::time::sleep(longest) => {}
        }
        let drained = self.drained();
        self.0.abort.cancel();
        if tokio::time::timeout(CUT_SHORT, self.0.tasks.wait()).await.is_err() {
            error!(
                tasks = self.0.tasks.len(),
                "a handler blocks its thread and cannot be cut short; the processor ends without it"
            );
        }
        self.cut_off().await;
        drained
    }

    /// Cuts short what is running, now.
    pub fn abort(&self) {
        self.0.abort.cancel();
    }

    /// A unit that begins anew is to find what was cut short interrupted, not its own.
    async fn cut_off(&self) {
        let keys = self.0.ledger.keys();
        let all = keys.iter().map(|key| async {
            if let Err(error) = self.0.journal.cut_off(key).await {
                warn!(%error, message_id = key.id, "the journal does not know that this message was cut short");
            }
        });
        if tokio::time::timeout(CUT_OFF, join_all(all)).await.is_err() {
            warn!(
                messages = keys.len(),
                "the journal does not answer; it does not know that these were cut short"
            );
        }
    }

    fn drained(&self) -> Drained {
        Drained { interrupted: self.at_work(), unsettled: self.0.unsettled.load(Ordering::Relaxed) }
    }

    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.tasks.spawn_on(work, &self.0.workers);
    }

    fn key(&self, destination: String, id: Option<String>) -> Key {
        Key { destination, id: id.unwrap_or_else(|| self.0.unnamed.next()) }
    }
}

impl Unnamed {
    fn next(&self) -> String {
        format!("unnamed-{:032x}-{}", self.run, self.count.fetch_add(1, Ordering::Relaxed))
    }
}

impl Default for Unnamed {
    fn default() -> Self {
        let mut random = [0; 16];
        let run = match aws_lc_rs::rand::fill(&mut random) {
            Ok(()) => u128::from_ne_bytes(random),
            Err(_) => fastrand::u128(..),
        };
        Self { run, count: AtomicU64::new(0) }
    }
}

impl Desk {
    pub(super) fn journaling<'a>(&'a self, key: &'a Key) -> Journaling<'a> {
        Journaling { journal: &self.journal, key, stopping: self.stopping(), health: &self.health }
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping().is_cancelled()
    }

    /// Fires when the daemon begins to stop.
    pub(super) fn stopping(&self) -> &CancellationToken {
        &self.workshop.services().shutdown
    }

    /// Fires when what runs is to be cut short.
    pub(super) async fn cut_short(&self) {
        self.abort.cancelled().await;
        warn!("cut short because the processor stops; the broker will deliver it again");
    }
}

/// What was subscribed to is always well-formed; a queue with another name keeps its name as it is.
pub(super) fn programmatic(queue: &str) -> Destination {
    queue.parse().unwrap_or_else(|_| Destination {
        kind: String::new(),
        org: String::new(),
        name: queue.to_owned(),
    })
}
