//! Messages that were set aside, and that somebody wants to be carried out again (`processor dead retry`).

use super::{
    dispatcher::{Desk, Dispatcher, programmatic},
    envelope::Envelope,
    ledger::Claim,
    task::{Ended, Owed, Task},
};
use crate::{
    stomp::Settled,
    store::{DeadLetter, Key},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::OwnedSemaphorePermit;
use tracing::{Instrument, info, warn};

/// How often the list is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Until a reply is tried again that no session takes.
const AGAIN: Duration = Duration::from_secs(1);

impl Dispatcher {
    /// Carries out what is asked for, until the daemon begins to stop.
    pub async fn revive(self) {
        loop {
            tokio::select! {
                biased;
                () = self.0.stopping().cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            // A journal that is out of order is told of where a message waits for it.
            while let Ok(Some(letter)) = self.0.journal.take_retry(None).await {
                let number = letter.number;
                // As a message that is delivered: one that has no room yet waits, and the others behind it.
                let room = tokio::select! {
                    biased;
                    () = self.0.stopping().cancelled() => return self.0.returns(number).await,
                    room = self.0.link.room(&letter.headers, &letter.body) => room,
                };
                self.again(letter, room);
            }
        }
    }

    fn again(&self, letter: DeadLetter, room: Option<Arc<OwnedSemaphorePermit>>) {
        let DeadLetter { number, key, headers, body, answer, .. } = letter;
        let envelope = Envelope::new(programmatic(&key.destination), headers, body.into());
        // The broker is done with the first; what happens now is remembered by itself.
        let key = Key { id: format!("{}#{number}", key.id), ..key };
        let span = envelope.span(&key.id);
        if self.0.ledger.claim(&key, None) == Claim::AtWork {
            return;
        }
        let desk: Arc<Desk> = self.0.clone();
        let task = Task::new(desk.clone(), key.clone(), envelope, room);
        let work = async move {
            info!(number, "taken from the dead letters");
            let ended = match answer {
                Some(answer) => Ended::Answered { answer, kept: true },
                None => task.carry_out().await,
            };
            let done = match ended {
                Ended::Answered { answer, kept } => settle(&desk, task.owes(answer, kept)).await,
                Ended::TakenOver | Ended::Left => false,
            };
            desk.ledger.release(&key, None);
            if !done {
                desk.returns(number).await;
            } else if let Err(error) = desk.journal.drop_dead(number).await {
                warn!(number, %error, "done, but it stays among the dead letters");
            }
        };
        self.spawn(work.instrument(span));
    }
}

impl Desk {
    /// What becomes of it is for the next one who takes it.
    async fn returns(&self, number: i64) {
        if let Err(error) = self.journal.return_retry(number).await {
            warn!(number, %error, "a dead letter waits for the next start to be carried out again");
        }
    }
}

/// Whether the broker took the reply, or refused it: then it is among the dead letters anew.
async fn settle(desk: &Desk, owed: Owed) -> bool {
    loop {
        match owed.send_again().await {
            Ok(Settled::Taken) => {
                owed.confirmed();
                return true;
            }
            Ok(Settled::ReplyRefused(reason)) => {
                owed.refused(reason).await;
                return true;
            }
            Ok(Settled::Withheld(refusal)) => {
                owed.bury(&refusal.to_string()).await;
                return true;
            }
            Err(_unsettled) => tokio::select! {
                biased;
                () = desk.stopping().cancelled() => return false,
                () = tokio::time::sleep(AGAIN) => {}
            },
        }
    }
}
