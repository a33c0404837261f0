//! A message's dealings with the journal, which may be out of order for a while: nothing begins unless it is kept.

use super::work::Earlier;
use crate::component::redact::is_credential;
use crate::store::{Answer, DeadLetter, Journal, Key, Standing, StoreError};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

/// One message and its journal.
pub(super) struct Journaling<'a> {
    pub(super) journal: &'a Journal,
    pub(super) key: &'a Key,
    /// Fires when the daemon begins to stop.
    pub(super) stopping: &'a CancellationToken,
    pub(super) health: &'a Health,
}

/// Whether the journal can be used: said once when it cannot, however many messages wait for it, and once when it can
/// again.
#[derive(Debug, Default)]
pub(super) struct Health(AtomicBool);

/// What to do with a message.
pub(super) enum Start {
    /// Carry it out.
    Work(Earlier),
    /// It has been carried out.
    Answered(Answer),
    /// It has been carried out, and the broker has the answer.
    Confirmed,
    /// Nothing: the daemon stops.
    Leave,
}

/// Why the work must not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Another processor has the message.
    TakenOver,
    /// The daemon stops.
    Stopping,
}

/// Until a journal that is out of order is asked again.
const AGAIN: Duration = Duration::from_secs(1);

impl Health {
    fn is_bad(&self, error: &StoreError) {
        if self.0.swap(true, Ordering::Relaxed) {
            debug!(%error, "the journal is still out of order");
        } else {
            error!(%error, "the journal is out of order; messages wait until it can be used");
        }
    }

    fn is_good(&self) {
        if self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::Relaxed) {
            info!("the journal can be used again");
        }
    }
}

impl Journaling<'_> {
    /// Makes the message this process's, which may take as long as another processor has it.
    ///
    /// A delivery that is `gone`, because its session is, is left to the broker: it may have been answered by another
    /// processor so long ago that the journal has forgotten it.
    pub(super) async fn start(&self, gone: impl Fn() -> bool) -> Start {
        loop {
            if gone() {
                return Start::Leave;
            }
            let claimed = self.journal.claim(self.key).await;
            let wait = match claimed.inspect(|_| self.health.is_good()) {
                Ok(Standing::New) => return Start::Work(Earlier::default()),
                Ok(Standing::Waiting { note }) => return Start::Work(Earlier { note, crashes: None }),
                Ok(Standing::Interrupted { crashes, note }) => {
                    info!(crashes, "a processor ended while it worked on this message");
                    return Start::Work(Earlier { note, crashes: Some(crashes) });
                }
                Ok(Standing::Answered(answer)) => return Start::Answered(answer),
                Ok(Standing::Confirmed) => return Start::Confirmed,
                Ok(Standing::Elsewhere { retry_in }) => retry_in,
                Err(error) => {
                    self.health.is_bad(&error);
                    AGAIN
                }
            };
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => return Start::Leave,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Makes sure, after a long wait, that the message is still this process's.
    pub(super) async fn claim_again(&self) -> Result<(), Step> {
        loop {
            match self.journal.claim(self.key).await {
                Ok(Standing::New | Standing::Waiting { .. }) => return Ok(()),
                Ok(_) => return Err(Step::TakenOver),
                Err(error) => self.pause(error).await?,
            }
        }
    }

    pub(super) async fn begin(&self) -> Result<(), Step> {
        loop {
            match self.journal.begin(self.key).await {
                Ok(()) => break,
                Err(error) => self.pause(error).await?,
            }
        }
        self.health.is_good();
        Ok(())
    }

    pub(super) async fn set_down(&self, note: String) -> Result<(), Step> {
        loop {
            match self.journal.set_down(self.key, note.clone()).await {
                Ok(()) => break,
                Err(error) => self.pause(error).await?,
            }
        }
        self.health.is_good();
        Ok(())
    }

    pub(super) async fn keep(&self, note: String) -> Result<(), Step> {
        loop {
            match self.journal.keep(self.key, note.clone()).await {
                Ok(()) => break,
                Err(error) => self.pause(error).await?,
            }
        }
        self.health.is_good();
        Ok(())
    }

    async fn pause(&self, error: StoreError) -> Result<(), Step> {
        if let StoreError::TakenOver = error {
            warn!(%error);
            return Err(Step::TakenOver);
        }
        self.health.is_bad(&error);
        tokio::select! {
            biased;
            () = self.stopping.cancelled() => Err(Step::Stopping),
            () = tokio::time::sleep(AGAIN) => Ok(()),
        }
    }

    /// Whether the journal has the answer now; `None` where the message is another processor's by now, and with it the
    /// answering.
    pub(super) async fn finish(&self, answer: &Answer) -> Option<bool> {
        match self.journal.finish(self.key, answer.clone()).await {
            Ok(()) => Some(true),
            Err(StoreError::TakenOver) => {
                error!(
                    "carried out here, but another processor has taken it over meanwhile: it may be carried out twice"
                );
                None
            }
            Err(error) => {
                error!(%error, "the journal cannot keep an answer; it is sent all the same");
                Some(false)
            }
        }
    }

    pub(super) async fn give_back(&self) {
        if let Err(error) = self.journal.give_back(self.key).await {
            warn!(%error, "the journal does not know that this message went back");
        }
    }

    /// Without the headers that hold credentials: what is tried again has no context token.
    pub(super) async fn bury(&self, mut letter: DeadLetter) {
        letter.headers.retain(|(name, _)| !is_credential(name));
        match self.journal.bury(letter).await {
            Ok(number) => warn!(number, "set aside; see `processor dead show {number}`"),
            Err(error) => error!(%error, "a message could not be set aside"),
        }
    }
}
