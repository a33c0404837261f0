use super::{Retry, patiently};
use crate::{
    Context, Failure, FailureKind, FromMessage, Handler, Reply, Traits, message::Rejection, note::Attempts,
};
use std::{future::Future, time::Duration};
use tokio::time::sleep;

/// The platform shows an error for what nobody has answered for a day.
const LONGEST_TOLD: Duration = Duration::from_secs(24 * 3600);

/// Tries a handler again when it fails. See [`Handler::retry`].
///
/// Between two attempts the worker is free for others, the user sees "attempt 2 of 5 failed: …; next in 20 s", and
/// what has been tried is noted: a daemon that starts anew waits for what is left of the delay and goes on from there.
/// Each attempt reads its input from the message anew. A failure that says how long to wait at least
/// ([`Failure::with_retry_after`]) is waited for so long, for a day at most. The last failure's reply says how many attempts were made.
///
/// Not tried again, whatever [`Retry::only_if`] says: work that was returned because the daemon is stopping, and work
/// of an [`at_most_once`](Handler::at_most_once) handler that was cancelled by a timeout.
#[derive(Debug)]
pub struct Retrying<H> {
    inner: H,
    retry: Retry,
}

impl<H> Retrying<H> {
    pub(crate) fn new(inner: H, retry: Retry) -> Self {
        Self { inner, retry }
    }
}

impl<H: Handler> Handler for Retrying<H> {
    type Input = H::Input;

    /// Like [`serve`](Handler::serve), within the caller's worker: it stays taken between two attempts.
    async fn handle(&self, input: H::Input, cx: Context) -> Result<Reply, Failure> {
        let attempt = |input, cx: Context| async move {
            cx.begins().await?;
            self.inner.handle(input, cx).await
        };
        self.attempts(input, cx, attempt).await
    }

    async fn serve(&self, input: H::Input, cx: Context) -> Result<Reply, Failure> {
        self.attempts(input, cx, |input, cx| self.inner.serve(input, cx)).await
    }

    fn traits(&self) -> Traits {
        self.inner.traits()
    }
}

impl<H: Handler> Retrying<H> {
    async fn attempts<F, A>(&self, input: H::Input, cx: Context, attempt: F) -> Result<Reply, Failure>
    where
        F: Fn(H::Input, Context) -> A + Send + Sync,
        A: Future<Output = Result<Reply, Failure>> + Send,
    {
        let mut made = self.resume(&cx).await?;
        let mut input = input;
        loop {
            let failure = match attempt(input, cx.inside_retry()).await {
                Ok(reply) => return Ok(reply),
                Err(failure) => failure,
            };
            made = made.saturating_add(1);
            self.pause(&cx, made, failure).await?;
            input = H::Input::from_message(cx.message())
                .map_err(|Rejection(text)| Failure::with_kind(FailureKind::Rejected, text))?;
        }
    }

    /// How many attempts an earlier process has made; waits until the next is due.
    async fn resume(&self, cx: &Context) -> Result<u32, Failure> {
        let earlier = cx.attempts();
        // Fewer may be asked for than when it was noted; the one that was promised is made.
        let made = earlier.made.min(self.retry.attempts() - 1);
        if let Some(longest) = self.retry.longest_delay(made) {
            // A clock that was set back would otherwise make this wait for ever.
            patiently(cx, sleep(earlier.left().min(earlier.longest(longest)))).await?;
        }
        Ok(made)
    }

    /// Waits until the next attempt is due; or there is none, and `failure` is the answer.
    async fn pause(&self, cx: &Context, made: u32, failure: Failure) -> Result<(), Failure> {
        let delay = self.retry.delay(made).filter(|_| self.may_try_again(cx, &failure));
        let Some(own) = delay else { return Err(given_up(made, failure)) };
        // What was asked for counts if it is longer; nobody waits for an answer for longer than a day.
        let told = failure.retry_after().map(|told| told.min(LONGEST_TOLD)).filter(|told| *told > own);
        let (delay, attempts) = match told {
            Some(told) => (told, Attempts::told(made, told)),
            None => (own, Attempts::failed(made, own)),
        };
        cx.sets_down(attempts).await?;
        let attempts = self.retry.attempts();
        cx.status(format!("attempt {made} of {attempts} failed: {failure}; next in {}", words(delay))).await;
        patiently(cx, sleep(delay)).await
    }

    fn may_try_again(&self, cx: &Context, failure: &Failure) -> bool {
        let at_most_once = cx.is_at_most_once() || self.traits().at_most_once;
        match failure.kind() {
            FailureKind::Returned | FailureKind::SetAside | FailureKind::Cancelled => false,
            // Cut off in the middle: nobody can say what it has done.
            FailureKind::TimedOut if at_most_once => false,
            FailureKind::Failed
            | FailureKind::Rejected
            | FailureKind::TimedOut
            | FailureKind::Unsuccessful => self.retry.is_worth_it(failure),
        }
    }
}

fn given_up(made: u32, failure: Failure) -> Failure {
    if made == 1 || matches!(failure.kind(), FailureKind::Returned | FailureKind::Unsuccessful) {
        return failure;
    }
    failure.in_words(|text| format!("Given up after {made} attempts. The last one: {text}"))
}

/// For a person who waits: "20 s".
fn words(delay: Duration) -> String {
    match delay.as_secs_f64().round() {
        _ if delay < Duration::from_secs(1) => format!("{} ms", delay.as_millis()),
        seconds if seconds < 120.0 => format!("{seconds} s"),
        seconds if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        seconds => format!("{:.0} h", seconds / 3600.0),
    }
}
