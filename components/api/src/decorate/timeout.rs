use super::Tuned;
use crate::{Context, Failure, Handler, Reply, Traits, reply::FailureKind};
use std::time::Duration;
use tokio::time;

/// Cancels work that takes too long. See [`Handler::timeout`].
///
/// The time is that of the work itself. Waiting for a worker, for quiet, or for one of a limit's places does not count,
/// whether it happens outside or inside of this wrapper, nor do the handler's own [waits](Context#waiting); of several
/// timeouts round one handler the shortest counts.
#[derive(Debug)]
pub struct Timeout<H> {
    inner: H,
    longest: Tuned<Duration>,
}

impl<H> Timeout<H> {
    pub(crate) fn new(inner: H, longest: Tuned<Duration>) -> Self {
        Self { inner, longest }
    }
}

impl<H: Handler> Handler for Timeout<H> {
    type Input = H::Input;

    async fn handle(&self, input: H::Input, cx: Context) -> Result<Reply, Failure> {
        let longest = self.longest.time(&cx);
        let work = time::timeout(longest, self.inner.handle(input, cx));
        work.await.unwrap_or_else(|_elapsed| Err(timed_out(longest)))
    }

    async fn serve(&self, input: H::Input, cx: Context) -> Result<Reply, Failure> {
        // Only the innermost `serve` knows when the work begins.
        let longest = self.longest.time(&cx);
        self.inner.serve(input, cx.work_within(longest)).await
    }

    fn traits(&self) -> Traits {
        self.inner.traits().with(self.longest.key_above_zero())
    }
}

pub(crate) fn timed_out(longest: Duration) -> Failure {
    let text = format!(
        "The action was cancelled after {longest:?}, the longest it may take; what it had done by then stays done."
    );
    Failure::with_kind(FailureKind::TimedOut, text)
}
