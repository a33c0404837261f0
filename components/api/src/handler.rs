//! The trait behind each action.

use crate::{
    Context, Failure, FromMessage, Reply,
    decorate::{AtMostOnce, Debounce, Defer, Limit, Retry, Retrying, Timeout, Tuned, TunedKey},
    reply::FailureKind,
};
use futures_util::future::BoxFuture;
use serde::Serialize;
use std::{fmt, future::Future, marker::PhantomData, time::Duration};

/// Reacts to one action.
///
/// Wrap it to change when it runs: `SayHello.limit(4).debounce(quiet)`. As with `Iterator`, the last wrapper named is
/// the outermost: here a message first waits for quiet, then for one of four places.
pub trait Handler: Send + Sync + Sized + 'static {
    /// What this handler reads from the message: a type of your own for a function's [inputs](crate::inputs) or an
    /// action's activity fields, or [`Message`](crate::Message) for the whole.
    type Input: FromMessage + 'static;

    /// Does the work. The message is answered and acknowledged after this returns.
    fn handle(&self, input: Self::Input, cx: Context) -> impl Future<Output = Result<Reply, Failure>> + Send;

    /// Runs [`handle`](Self::handle) once a worker is free (`num_workers`), for as long as a
    /// [`timeout`](Self::timeout) round it allows.
    ///
    /// Only wrappers override this, to wait without occupying a worker: they end by calling the `serve` of what they
    /// wrap.
    fn serve(&self, input: Self::Input, cx: Context) -> impl Future<Output = Result<Reply, Failure>> + Send {
        cx.at_work(|cx| self.handle(input, cx))
    }

    /// What the daemon must know before it runs this. A wrapper gives what the wrapped handler gives.
    fn traits(&self) -> Traits {
        Traits::default()
    }

    /// Waits `delay` before handling each message.
    fn defer(self, delay: impl Into<Tuned<Duration>>) -> Defer<Self> {
        Defer::new(self, delay.into())
    }

    /// Gathers the messages that come for one action and incident until `quiet` has passed without another, then
    /// handles all of them, one by one in the order in which they came; with [`discard`](Debounce::discard), only the
    /// last. A function's incident is its input `incident_id`; what has none is gathered by [`key`](Debounce::key) only.
    fn debounce(self, quiet: impl Into<Tuned<Duration>>) -> Debounce<Self> {
        Debounce::new(self, quiet.into())
    }

    /// Handles at most `most` messages at a time, in the order in which they come; the others wait, without occupying
    /// a worker. Each instance of the component has a limit of its own.
    fn limit(self, most: impl Into<Tuned<usize>>) -> Limit<Self> {
        Limit::new(self, most.into())
    }

    /// Cancels work that takes longer than `longest`, and says so in the reply. Waiting does not count.
    fn timeout(self, longest: impl Into<Tuned<Duration>>) -> Timeout<Self> {
        Timeout::new(self, longest.into())
    }

    /// Tries again when the handler fails, after a delay that occupies no worker and outlives the process.
    ///
    /// With a [`timeout`](Self::timeout), inside or outside, each attempt has that long.
    fn retry(self, retry: Retry) -> Retrying<Self> {
        Retrying::new(self, retry)
    }

    /// Never repeats work of which nobody can say how far it came. When the processor dies while a message is being
    /// handled, the message is answered with an error that says so, instead of being handled again, which is what
    /// happens otherwise.
    ///
    /// What has not begun when the processor dies is carried out by the next one. A [`retry`](Self::retry) still tries
    /// again after an attempt that ended in a failure: that is the handler saying how it ended. It does not after one
    /// that was interrupted, or cancelled by a [`timeout`](Self::timeout).
    fn at_most_once(self) -> AtMostOnce<Self> {
        AtMostOnce::new(self)
    }
}

/// What the daemon must know of a handler before it runs it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traits {
    /// Work that was interrupted by the death of its process is not begun again: see [`Handler::at_most_once`].
    pub at_most_once: bool,
    /// Messages are gathered by their incident: see [`Handler::debounce`].
    pub by_incident: bool,
    /// What wrappers read from the component's section.
    pub tuned: Vec<TunedKey>,
}

/// Makes a [`Handler`] of an async function or closure.
pub fn handler_fn<F, I, Fut>(function: F) -> HandlerFn<F, I>
where
    F: Fn(I, Context) -> Fut + Send + Sync + 'static,
    I: FromMessage + 'static,
    Fut: Future<Output = Result<Reply, Failure>> + Send,
{
    HandlerFn(function, PhantomData)
}

/// Makes a [`Handler`] of an async function or closure that gives a function's results, as anything that can be written
/// as JSON.
///
/// ```
/// # use action_component::{Component, Context, Failure, function_fn};
/// #[derive(serde::Deserialize)]
/// struct Inputs {
///     host: String,
/// }
///
/// #[derive(serde::Serialize)]
/// struct Verdict {
///     malicious: bool,
/// }
///
/// async fn look_up(inputs: Inputs, _cx: Context) -> Result<Verdict, Failure> {
///     Ok(Verdict { malicious: inputs.host.ends_with(".example") })
/// }
///
/// let component = Component::new("lookup").function("look_up_host", function_fn(look_up));
/// # drop(component);
/// ```
pub fn function_fn<F, I, T, Fut>(function: F) -> FunctionFn<F, I>
where
    F: Fn(I, Context) -> Fut + Send + Sync + 'static,
    I: FromMessage + 'static,
    T: Serialize,
    Fut: Future<Output = Result<T, Failure>> + Send,
{
    FunctionFn(function, PhantomData)
}

/// See [`function_fn`].
pub struct FunctionFn<F, I>(F, PhantomData<fn(I)>);

/// See [`handler_fn`].
pub struct HandlerFn<F, I>(F, PhantomData<fn(I)>);

/// A handler whose input type is no longer visible: what a registry holds.
pub trait AnyHandler: Send + Sync + fmt::Debug {
    /// Reads the input, then serves it. A message of the wrong shape is rejected here, before any wrapper's timer.
    fn run(&self, cx: Context) -> BoxFuture<'_, Result<Reply, Failure>>;

    /// What to know before it is run.
    fn traits(&self) -> Traits;

    /// Whether its input has a field of this name; `None` where that cannot be said.
    fn reads(&self, name: &str) -> Option<bool> {
        let _ = name;
        None
    }
}

pub(crate) struct Erased<H>(pub(crate) H);

// === impl Traits ===

impl Traits {
    pub(crate) fn with(mut self, key: Option<TunedKey>) -> Self {
        self.tuned.extend(key);
        self
    }
}

// === impl HandlerFn ===

impl<F, I, Fut> Handler for HandlerFn<F, I>
where
    F: Fn(I, Context) -> Fut + Send + Sync + 'static,
    I: FromMessage + 'static,
    Fut: Future<Output = Result<Reply, Failure>> + Send,
{
    type Input = I;

    async fn handle(&self, input: I, cx: Context) -> Result<Reply, Failure> {
        (self.0)(input, cx).await
    }
}

impl<F, I> fmt::Debug for HandlerFn<F, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<F>())
    }
}

// === impl FunctionFn ===

impl<F, I, T, Fut> Handler for FunctionFn<F, I>
where
    F: Fn(I, Context) -> Fut + Send + Sync + 'static,
    I: FromMessage + 'static,
    T: Serialize + 'static,
    Fut: Future<Output = Result<T, Failure>> + Send,
{
    type Input = I;

    async fn handle(&self, input: I, cx: Context) -> Result<Reply, Failure> {
        Reply::results((self.0)(input, cx).await?)
    }
}

impl<F, I> fmt::Debug for FunctionFn<F, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<F>())
    }
}

// === impl Erased ===

impl<H: Handler> AnyHandler for Erased<H> {
    fn run(&self, cx: Context) -> BoxFuture<'_, Result<Reply, Failure>> {
        Box::pin(async move {
            let input = H::Input::from_message(cx.message())
                .map_err(|rejection| Failure::with_kind(FailureKind::Rejected, rejection.0))?;
            self.0.serve(input, cx).await
        })
    }

    fn traits(&self) -> Traits {
        self.0.traits()
    }

    fn reads(&self, name: &str) -> Option<bool> {
        H::Input::reads(name)
    }
}

impl<H> fmt::Debug for Erased<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<H>())
    }
}
