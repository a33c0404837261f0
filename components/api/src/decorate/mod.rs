//! Handlers that wrap handlers: they wait, gather, limit, time out or try again.
//!
//! Made by the methods of [`Handler`](crate::Handler), and put round one another in any order. As with `Iterator`, the
//! last one named is the outermost, so it meets the message first:
//!
//! ```
//! # use action_component::{Context, Failure, Handler, Message, Reply, handler_fn};
//! # use std::time::Duration;
//! # async fn update(_message: Message, _cx: Context) -> Result<Reply, Failure> { Ok(Reply::text("")) }
//! # let (quiet, longest) = (Duration::from_secs(10), Duration::from_secs(60));
//! // A message waits for quiet, then for one of four places, then for a worker; then it has a minute.
//! let handler = handler_fn(update).timeout(longest).limit(4).debounce(quiet);
//! # drop(handler);
//! ```
//!
//! Put [`Limit`] inside of what waits: in `.defer(delay).limit(4)` a message takes up one of four places while it is
//! being delayed, or in `.retry(often).limit(4)` while it waits to be tried again, which is seldom what is meant.
//! [`Timeout`] counts the work alone, wherever it stands: with a retry, that of each attempt.
//!
//! What wrappers gather and count by belongs to one instance of a component on one platform: two sections of a component,
//! or two platforms, never share a burst or a limit, and messages of different incidents never share a burst. Times and
//! numbers may be left to the operator: [`tuned`].
//!
//! # While a message waits
//! - It does not occupy a worker (`num_workers`).
//! - It stays unacknowledged with the broker: if the processor dies, the message comes again.
//! - Waits that may take long (a delay, quiet, the time until another attempt) do not count towards what the broker is
//!   willing to send (`stomp_prefetch_limit`): others come meanwhile. Waiting for a place or a worker does: whoever is
//!   too slow is not sent more.
//! - When the daemon begins to stop, it goes back to the broker at once ([`Failure::returned`]).
//!
//! A handler can wait in the same way in the midst of its work: [`Context::wait`](Context#waiting).
//!
//! # When work fails, and when the processor dies
//! ```
//! # use action_component::{Context, Failure, FailureKind, Handler, Message, Reply, decorate::Retry, handler_fn};
//! # use std::time::Duration;
//! # async fn block(_message: Message, _cx: Context) -> Result<Reply, Failure> { Ok(Reply::text("")) }
//! // Each attempt has a minute; five attempts, the waits between them outlive a restart.
//! let delays = [10, 20, 30, 40].map(Duration::from_secs);
//! let handler = handler_fn(block).timeout(Duration::from_secs(60)).retry(Retry::after(delays));
//! # drop(handler);
//! ```
//! - A handler that fails or times out is tried again as its [`Retry`] says. For what no further attempt can mend it
//!   gives [`FailureKind::Rejected`](crate::FailureKind::Rejected). A panic is a defect, and is answered at once.
//! - While the message waits for its next attempt, what was tried is kept in the journal: a processor that starts anew
//!   waits for the rest of the delay and goes on from there. Other waits begin anew.
//! - A handler that was interrupted by the death of its process is begun again, without counting that as an attempt,
//!   unless it is marked [`at_most_once`](crate::Handler::at_most_once): then the user is told that nobody can say
//!   whether the work was carried out. Mark what does harm when done twice; better, let the handler
//!   [`keep`](crate::Context::keep) what it has done.
//! - In `.retry(often).debounce(quiet)` a burst waits for the one that is tried again, so its order is kept; in
//!   `.debounce(quiet).retry(often)` each attempt joins a burst anew.
//! - Retries may stand round one another: each time the outer one tries again, the inner one begins anew.

mod at_most_once;
mod baton;
mod burst;
mod debounce;
mod defer;
mod each;
mod limit;
mod retry;
mod retrying;
mod timeout;
mod tuned;

pub use at_most_once::AtMostOnce;
pub use debounce::Debounce;
pub use defer::Defer;
pub use limit::Limit;
pub use retry::Retry;
pub use retrying::Retrying;
pub use timeout::Timeout;
pub use tuned::{Tuned, TunedKey, tuned};

pub(crate) use timeout::timed_out;

use crate::{Context, Failure, context::called_off};
use each::Each;
use std::future::Future;

/// Waits for `event`, but not longer than the daemon means to run, or anybody wants the work.
async fn unless_stopping<T>(cx: &Context, event: impl Future<Output = T> + Send) -> Result<T, Failure> {
    tokio::select! {
        biased;
        () = cx.shutdown().cancelled() => Err(Failure::returned()),
        () = cx.cancelled().cancelled() => Err(called_off()),
        outcome = event => Ok(outcome),
    }
}

/// The same for an event that may be long in coming: the daemon lets other messages in meanwhile.
async fn patiently<T>(cx: &Context, event: impl Future<Output = T> + Send) -> Result<T, Failure> {
    let _waiting = cx.waiting();
    unless_stopping(cx, event).await
}
