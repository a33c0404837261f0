//! Handlers that wrap handlers: they wait, gather, limit or time out.
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
//! being delayed, which is seldom what is meant. [`Timeout`] counts the work alone, wherever it stands.
//!
//! # While a message waits
//! - It does not occupy a worker (`num_workers`).
//! - It stays unacknowledged with the broker, and counts towards what the broker is willing to send
//!   (`stomp_prefetch_limit`): if the processor dies, the message comes again.
//! - When the daemon begins to stop, it goes back to the broker at once ([`Failure::returned`]).

mod at_most_once;
mod baton;
mod burst;
mod debounce;
mod defer;
mod limit;
mod retry;
mod retrying;
mod timeout;

pub use at_most_once::AtMostOnce;
pub use debounce::Debounce;
pub use defer::Defer;
pub use limit::Limit;
pub use retry::Retry;
pub use retrying::Retrying;
pub use timeout::Timeout;

pub(crate) use timeout::within;

use crate::{Context, Failure};
use std::future::Future;

/// Waits for `event`, but not longer than the daemon means to run.
async fn unless_stopping<T>(cx: &Context, event: impl Future<Output = T> + Send) -> Result<T, Failure> {
    tokio::select! {
        biased;
        () = cx.shutdown().cancelled() => Err(Failure::returned()),
        outcome = event => Ok(outcome),
    }
}

/// The same for an event that may be long in coming: the daemon lets other messages in meanwhile.
async fn patiently<T>(cx: &Context, event: impl Future<Output = T> + Send) -> Result<T, Failure> {
    let _waiting = cx.waiting();
    unless_stopping(cx, event).await
}
