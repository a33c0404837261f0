use crate::{Failure, Reply};
use tokio::task::JoinHandle;

/// A message that a component is at work on while the test goes on: see [`Bench::start`](super::Bench::start).
#[derive(Debug)]
pub struct Delivery(JoinHandle<Result<Reply, Failure>>);

impl Delivery {
    pub(super) fn new(work: JoinHandle<Result<Reply, Failure>>) -> Self {
        Self(work)
    }

    /// Whether the message is answered.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.0.is_finished()
    }

    /// The daemon dies, as by `kill -9`: the work ends where it is, unanswered.
    pub fn die(self) {
        self.0.abort();
    }

    /// How it ends, once it does.
    ///
    /// # Errors
    /// Whatever the handler fails with.
    ///
    /// # Panics
    /// The handler did, or the stand-in platform because of what it asked for.
    pub async fn outcome(self) -> Result<Reply, Failure> {
        match self.0.await {
            Ok(outcome) => outcome,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_ended) => panic!("the test's runtime ended before the message was answered"),
            },
        }
    }
}
