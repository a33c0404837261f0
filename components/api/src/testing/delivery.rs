use crate::{Failure, Kind, Reply};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A message that a component is at work on while the test goes on: see [`Bench::start`](super::Bench::start).
#[derive(Debug)]
pub struct Delivery {
    work: JoinHandle<Result<Reply, Failure>>,
    kind: Kind,
    terminated: CancellationToken,
}

impl Delivery {
    pub(super) fn new(
        work: JoinHandle<Result<Reply, Failure>>,
        kind: Kind,
        terminated: CancellationToken,
    ) -> Self {
        Self { work, kind, terminated }
    }

    /// Whether the message is answered.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.work.is_finished()
    }

    /// The workflow or playbook that called the function is terminated on the platform:
    /// [`cancelled`](crate::Context::cancelled) fires, and a handler that does not end by itself is dropped five seconds
    /// later. Whatever it comes to, the [`outcome`](Self::outcome) is a failure of the kind
    /// [`Cancelled`](crate::FailureKind::Cancelled). What has been answered stays so.
    ///
    /// # Panics
    /// It is no call of a function or a low-code connector: nothing else is ever called off.
    #[track_caller]
    pub fn cancel(&self) {
        assert!(
            matches!(self.kind, Kind::Function | Kind::Connector),
            "the daemon calls off functions and low-code connectors only: this message is of the kind {:?}",
            self.kind
        );
        self.terminated.cancel();
    }

    /// The daemon dies, as by `kill -9`: the work ends where it is, unanswered.
    /// [`Bench::restarted`](super::Bench::restarted) is the next one.
    pub fn die(self) {
        self.work.abort();
    }

    /// How it ends, once it does.
    ///
    /// # Errors
    /// Whatever the handler fails with.
    ///
    /// # Panics
    /// The handler did, or the stand-in platform because of what it asked for.
    pub async fn outcome(self) -> Result<Reply, Failure> {
        match self.work.await {
            Ok(outcome) => outcome,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_ended) => panic!("the test's runtime ended before the message was answered"),
            },
        }
    }
}
