//! Answers that the journal has and that the broker was not known to take, where it may never deliver their messages again:
//! a queue with a delivery limit drops one that came too often, however it was answered.

use super::{
    dispatcher::{Desk, Dispatcher, programmatic},
    envelope::Envelope,
    ledger::Claim,
    task::Owed,
};
use crate::store::{Answer, Key, Standing};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;
use tracing::{Instrument, debug, info};

/// The answers, those that are due first in front.
#[derive(Debug, Default)]
pub(super) struct Debts(Mutex<VecDeque<Debt>>);

#[derive(Debug)]
struct Debt {
    key: Key,
    headers: Headers,
    due: Instant,
}

type Headers = Arc<Vec<(String, String)>>;

/// The message that comes again says best that its answer was not taken, to this processor or another: it is waited for,
/// but not for ever.
const REDELIVERY: Duration = Duration::from_secs(2);

/// How often what is due is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// More are not remembered: the others wait for their messages.
const MAX_DEBTS: usize = 100_000;

// === impl Debts ===

impl Debts {
    pub(super) fn add(&self, key: Key, headers: Headers) {
        let mut debts = self.lock();
        if debts.len() < MAX_DEBTS {
            debts.push_back(Debt { key, headers, due: Instant::now() + REDELIVERY });
        }
    }

    fn take_due(&self) -> Option<Debt> {
        let mut debts = self.lock();
        debts.front().is_some_and(|debt| debt.due <= Instant::now()).then(|| debts.pop_front()).flatten()
    }

    /// The session has just begun: what comes again comes now.
    fn postpone(&self) {
        let due = Instant::now() + REDELIVERY;
        self.lock().iter_mut().for_each(|debt| debt.due = due);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Debt>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dispatcher {
    /// Sends what is owed whenever a session is up, until the daemon begins to stop.
    pub async fn pay(self) {
        let mut was_up = false;
        loop {
            tokio::select! {
                biased;
                () = self.0.stopping().cancelled() => return,
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
            let is_up = self.0.link.is_up();
            if is_up && !was_up {
                self.0.owed.postpone();
            }
            was_up = is_up;
            while let Some(debt) = is_up.then(|| self.0.owed.take_due()).flatten() {
                self.settle(debt);
            }
        }
    }

    /// Unless its message is at work again.
    fn settle(&self, debt: Debt) {
        let Debt { key, headers, .. } = debt;
        let span =
            Envelope::new(programmatic(&key.destination), headers.to_vec(), Vec::new().into()).span(&key.id);
        if self.0.ledger.settles(&key) == Claim::AtWork {
            return;
        }
        let desk: Arc<Desk> = self.0.clone();
        let work = async move {
            if let Some(answer) = desk.debt(&key).await {
                Owed::of_journal(desk, key, answer, headers).settle().await;
            } else {
                // A delivery that has come meanwhile is left to the broker.
                let handle = desk.ledger.handle(&key);
                desk.ledger.release(&key, handle.as_ref());
            }
        };
        self.spawn(work.instrument(span));
    }
}

impl Desk {
    /// The answer that is still to be sent; an empty one where the broker has it by now.
    async fn debt(&self, key: &Key) -> Option<Answer> {
        loop {
            match self.journal.claim(key).await {
                Ok(Standing::Answered(answer)) => {
                    info!("sending a stored reply; its message has not been redelivered");
                    return Some(answer);
                }
                Ok(Standing::Confirmed) => return Some(Answer::default()),
                Ok(_) => return None,
                Err(error) => debug!(%error, "stored reply cannot be read yet"),
            }
            tokio::select! {
                biased;
                () = self.stopping().cancelled() => return None,
                () = tokio::time::sleep(REDELIVERY) => {}
            }
        }
    }
}
