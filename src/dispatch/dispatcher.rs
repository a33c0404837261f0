//! One task per message, from its delivery by the broker to its acknowledgement.

use super::{
    answer::Answer,
    envelope::{Destination, Envelope},
    ledger::{Claim, Key, Ledger},
    work::{Outcome, Workshop},
};
use crate::{
    component::StatusSink,
    stomp::{AckHandle, Delivery, Link, Outgoing, Settled},
};
use futures_util::future::BoxFuture;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{runtime::Handle, sync::Notify};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, Span, debug, error, info, warn};

/// Takes deliveries and answers each. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Dispatcher(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    workshop: Arc<Workshop>,
    link: Link,
    ledger: Ledger<AckHandle>,
    tasks: TaskTracker,
    /// Where the tasks run.
    workers: Handle,
    /// Woken each time an answer is taken by a session.
    settled: Notify,
    /// Numbers the messages that the broker gave no `message-id`.
    unnamed: AtomicU64,
    /// Fires when the drain's deadline has passed.
    abort: CancellationToken,
}

/// How long tasks have to notice that they are cut short.
const CUT_SHORT: Duration = Duration::from_secs(1);

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Messages that were cut short; the broker will deliver them again.
    pub interrupted: usize,
    /// Messages that were carried out, but whose answer no session has taken; the broker will deliver them again.
    pub unsettled: usize,
}

/// Sends a handler's interim status by the link that delivered its message.
struct Interim {
    dispatcher: Dispatcher,
    envelope: Arc<Envelope>,
    key: Key,
}

// === impl Dispatcher ===

impl Dispatcher {
    /// Carries out in `workshop`, on the runtime `workers`, what comes by `link`.
    #[must_use]
    pub fn new(workshop: Arc<Workshop>, link: Link, workers: Handle) -> Self {
        Self(Arc::new(Inner {
            workshop,
            link,
            ledger: Ledger::default(),
            tasks: TaskTracker::new(),
            workers,
            settled: Notify::new(),
            unnamed: AtomicU64::new(0),
            abort: CancellationToken::new(),
        }))
    }

    /// Takes one delivery; returns at once. A new message that comes while the daemon stops is left to the broker.
    pub fn deliver(&self, delivery: Delivery) {
        let Delivery { destination, headers, body, ack } = delivery;
        let envelope = Envelope::new(programmatic(&destination), headers.into_iter().collect(), body);
        let key = self.key(destination, &envelope);
        if self.0.workshop.services().shutdown.is_cancelled() && !self.0.ledger.knows(&key) {
            return;
        }
        let span = envelope.span(&key.id);
        match self.0.ledger.claim(key.clone(), ack) {
            Claim::New => self.begin(envelope, key, span),
            Claim::AtWork => span.in_scope(|| debug!("delivered again while at work")),
            Claim::Answered { answer, handle } => self.answer_again(key, answer, handle, span),
        }
    }

    /// How many messages are at work or waiting.
    #[must_use]
    pub fn at_work(&self) -> usize {
        self.0.ledger.at_work()
    }

    /// Waits until every message is answered or given back, for at most `longest`; what is still running then is cut
    /// short. The services' shutdown token must have fired, and deliveries must still be handed in: an answer whose
    /// session has died waits for its message to come again.
    pub async fn drain(&self, longest: Duration) -> Drained {
        self.0.tasks.close();
        let done = async {
            self.0.tasks.wait().await;
            self.all_settled().await;
        };
        tokio::select! {
            biased;
            () = done => return Drained { interrupted: 0, unsettled: 0 },
            () = self.0.abort.cancelled() => {}
            () = tokio::time::sleep(longest) => {}
        }
        let drained = Drained { interrupted: self.at_work(), unsettled: self.0.ledger.unsettled() };
        self.0.abort.cancel();
        if tokio::time::timeout(CUT_SHORT, self.0.tasks.wait()).await.is_err() {
            error!(
                tasks = self.0.tasks.len(),
                "a handler blocks its thread and cannot be cut short; the processor ends without it"
            );
        }
        drained
    }

    /// Cuts short what is running, now.
    pub fn abort(&self) {
        self.0.abort.cancel();
    }

    async fn all_settled(&self) {
        loop {
            let settled = self.0.settled.notified();
            if self.0.ledger.unsettled() == 0 {
                return;
            }
            settled.await;
        }
    }

    fn key(&self, destination: String, envelope: &Envelope) -> Key {
        let id = match envelope.id() {
            "" => format!("unnamed-{}", self.0.unnamed.fetch_add(1, Ordering::Relaxed)),
            id => id.to_owned(),
        };
        Key { destination, id }
    }

    fn begin(&self, envelope: Envelope, key: Key, span: Span) {
        let dispatcher = self.clone();
        let work = async move {
            tokio::select! {
                biased;
                () = dispatcher.0.abort.cancelled() => {
                    warn!("cut short because the processor stops; the broker will deliver it again");
                }
                () = dispatcher.carry_out(envelope, key) => {}
            }
        };
        self.0.tasks.spawn_on(work.instrument(span), &self.0.workers);
    }

    async fn carry_out(&self, envelope: Envelope, key: Key) {
        let envelope = Arc::new(envelope);
        let status =
            Arc::new(Interim { dispatcher: self.clone(), envelope: Arc::clone(&envelope), key: key.clone() });
        match self.0.workshop.carry_out(&envelope, status).await {
            Outcome::Returned => self.0.ledger.give_back(&key),
            Outcome::Answered(answer) => {
                if let Some(handle) = self.0.ledger.answered(&key, answer.clone()) {
                    self.settle(&key, answer, &handle).await;
                }
            }
        }
    }

    fn answer_again(&self, key: Key, answer: Answer, handle: AckHandle, span: Span) {
        let dispatcher = self.clone();
        let settle = async move {
            info!("delivered again after it was carried out; the same answer is sent again");
            dispatcher.settle(&key, answer, &handle).await;
        };
        self.0.tasks.spawn_on(settle.instrument(span), &self.0.workers);
    }

    /// Reply first, then the acknowledgement, on the session that delivered the message.
    async fn settle(&self, key: &Key, answer: Answer, handle: &AckHandle) {
        let queue = answer.reply_to.clone();
        let settling = match self.0.link.settle(handle, Some(outgoing(answer))).await {
            Ok(settling) => settling,
            Err(stale) => {
                return debug!(%stale, "the answer waits for the broker to deliver the message again");
            }
        };
        match settling.confirmed().await {
            Ok(settled) => {
                if let Settled::ReplyRefused(reason) = settled {
                    error!(
                        queue,
                        reason,
                        "the broker refuses a reply, so that the platform shows none; let the account write to this queue"
                    );
                }
                self.0.ledger.settled(key);
                self.0.settled.notify_waiters();
            }
            Err(unsettled) => debug!(%unsettled),
        }
    }
}

// === impl Interim ===

impl StatusSink for Interim {
    fn status(&self, text: String) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let Some(handle) = self.dispatcher.0.ledger.handle(&self.key) else { return };
            let message = outgoing(Answer::interim(&self.envelope, &text));
            if let Err(stale) = self.dispatcher.0.link.send(Some(&handle), message).await {
                debug!(%stale, "an interim status was dropped");
            }
        })
    }
}

fn outgoing(answer: Answer) -> Outgoing {
    let headers = answer.correlation_id.map(|id| ("correlation-id".to_owned(), id));
    Outgoing {
        destination: answer.reply_to,
        headers: headers.into_iter().collect(),
        body: answer.body.into(),
    }
}

/// What was subscribed to is always well-formed; a queue with another name keeps its name as it is.
fn programmatic(queue: &str) -> Destination {
    queue.parse().unwrap_or_else(|_| Destination {
        kind: String::new(),
        org: String::new(),
        name: queue.to_owned(),
    })
}
