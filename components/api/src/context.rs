//! What a handler may reach besides its input.

mod calling_off;
mod instance;
mod seat;
mod waits;
mod workers;

pub use calling_off::unless_terminated;
pub use instance::Instance;
#[cfg(feature = "testing")]
pub(crate) use instance::same;
pub(crate) use instance::{Scope, StateMaker};
pub(crate) use waits::called_off;
pub use workers::{Worker, Workers};

use crate::{
    Failure, Message, Rest, Section,
    note::{Attempts, NoteError, Notebook},
    redact::Redactor,
    rest::{Backend, Site},
    secrets::Secrets,
    section::SectionError,
};
use futures_util::future::BoxFuture;
use seat::Seat;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// The one place through which a handler reaches services. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
    /// How long the handler's own work may take, from when it begins.
    longest: Option<Duration>,
    /// How many retries are round the handler that is given this.
    retries: usize,
    at_most_once: bool,
    /// Where this run of the handler works.
    seat: Arc<Seat>,
}

struct Inner {
    message: Message,
    services: Services,
    instance: Arc<Instance>,
    status: Arc<dyn StatusSink>,
    notebook: Notebook,
    /// Fires when the platform calls the message's work off.
    cancelled: CancellationToken,
    /// The time of the handler's own work so far, in the workers that it has left.
    worked: Mutex<Duration>,
}

/// What all handlers of a daemon share.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Services {
    /// The way to the platform's REST API.
    pub rest: Arc<dyn Backend>,
    /// One for each handler that may work at the same time.
    pub workers: Workers,
    /// Fires when the daemon begins to stop.
    pub shutdown: CancellationToken,
    /// The section `[integrations]` of app.config.
    pub integrations: Arc<Section>,
    /// Follows references to secrets in a function's inputs; without it they are passed on as they came.
    pub secrets: Option<Arc<dyn Secrets>>,
    /// Knows all that must not be shown.
    pub redactor: Redactor,
}

/// What the daemon does for one message while it is being handled.
pub trait StatusSink: Send + Sync {
    /// Shows `text` to the user while the work goes on.
    fn status(&self, text: String) -> BoxFuture<'_, ()>;

    /// The work begins: from here on, a process that dies leaves it interrupted. Called each time a worker is given out.
    ///
    /// # Errors
    /// The work must not begin: it is another processor's by now, or the daemon stops.
    fn begins(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// The work pauses; `note` is handed to whoever goes on with it, if need be in another process.
    ///
    /// # Errors
    /// As for [`begins`](Self::begins).
    fn sets_down(&self, note: String) -> BoxFuture<'_, Result<(), Failure>> {
        drop(note);
        Box::pin(std::future::ready(Ok(())))
    }

    /// The work goes on, and `note` is what whoever begins it again needs to know. Kept before this returns.
    ///
    /// By itself this is [`sets_down`](Self::sets_down), then [`begins`](Self::begins): a process that dies just between
    /// the two leaves the work paused rather than interrupted. A journal that can do both at once should.
    ///
    /// # Errors
    /// As for [`begins`](Self::begins).
    fn keeps(&self, note: String) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            self.sets_down(note).await?;
            self.begins().await
        })
    }

    /// What was noted last, by an earlier process or this one. Asked once, when the message's [`Context`] is made.
    fn note(&self) -> Option<String> {
        None
    }

    /// The message begins (`true`) or ceases to wait for something that may take long: a delay, not a worker.
    fn waits(&self, waiting: bool) {
        let _ = waiting;
    }
}

/// A message that waits; it ceases to when this is dropped, however that comes about.
pub(crate) struct Waiting<'a>(&'a dyn StatusSink);

// === impl Services ===

impl Services {
    /// At most `num_workers` handlers at work at a time.
    #[must_use]
    pub fn new(rest: Arc<dyn Backend>, num_workers: usize, shutdown: CancellationToken) -> Self {
        let workers = Workers::new(num_workers);
        let (integrations, redactor) = (Arc::default(), Redactor::default());
        Self { rest, workers, shutdown, integrations, secrets: None, redactor }
    }

    /// With what follows references to secrets in a function's inputs.
    #[must_use]
    pub fn with_secrets(mut self, secrets: Arc<dyn Secrets>) -> Self {
        self.secrets = Some(secrets);
        self
    }

    /// With what knows all that must not be shown.
    #[must_use]
    pub fn with_redactor(mut self, redactor: Redactor) -> Self {
        self.redactor = redactor;
        self
    }

    /// With the section `[integrations]` of app.config.
    #[must_use]
    pub fn with_integrations(mut self, integrations: Section) -> Self {
        self.integrations = Arc::new(integrations);
        self
    }
}

// === impl Context ===

impl Context {
    /// The context of `message`, for a component whose own section is `section`, and which has no state.
    #[must_use]
    pub fn new(
        message: Message,
        services: Services,
        section: Arc<Section>,
        status: Arc<dyn StatusSink>,
    ) -> Self {
        Self::of(message, services, Instance::within(Arc::default(), Arc::default(), section), status)
    }

    /// The context of `message`, for this instance of a component.
    #[must_use]
    pub fn of(
        message: Message,
        services: Services,
        instance: Arc<Instance>,
        status: Arc<dyn StatusSink>,
    ) -> Self {
        let notebook = Notebook::open(status.note());
        let cancelled = CancellationToken::new();
        let worked = Mutex::default();
        let inner = Arc::new(Inner { message, services, instance, status, notebook, cancelled, worked });
        let seat = Arc::new(Seat::standing());
        Self { inner, longest: None, retries: 0, at_most_once: false, seat }
    }

    /// The message being handled.
    #[must_use]
    pub fn message(&self) -> &Message {
        &self.inner.message
    }

    /// The platform's REST API. Each call carries the message's context token, so that the platform does not fire the
    /// rule again that caused the message (guide, chapter 5, "Resilient REST API with action processors").
    #[must_use]
    pub fn rest(&self) -> Rest {
        let token = self.inner.message.header("Co3ContextToken").map(Into::into);
        Rest::new(self.inner.services.rest.clone(), token)
    }

    /// Where the platform is, which organization the message is of, and as whom the processor is logged in: for links
    /// ([`Site::incident_url`]) and for what asks "was it me?" ([`Identity::is`](crate::rest::Identity::is)). None where
    /// there is no platform: in recordings.
    #[must_use]
    pub fn site(&self) -> Option<&Site> {
        self.inner.services.rest.site()
    }

    /// Shows `text` to the user while the work goes on (`complete: false`). A status is news, not a promise: while the
    /// link to the broker is down it is dropped.
    pub async fn status(&self, text: impl Into<String> + Send) {
        let text = text.into();
        let text = self.inner.message.mask(&text);
        self.inner.status.status(self.inner.services.redactor.mask_excerpt(&text).into_owned()).await;
    }

    /// Has `value` masked from now on in whatever leaves the processor or is kept by it: answers, statuses, the log,
    /// dead letters, recordings. For what a component learns while it works, such as an access token; what app.config
    /// holds as a secret is known already.
    ///
    /// It is masked for this message and for later ones, until 4,096 others have been registered since. So it can be
    /// called each time that a token is fetched, and need not be called again for one that is kept. Values shorter than
    /// four characters are not masked.
    ///
    /// ```
    /// # use action_component::{Component, Context, Failure, Message, Reply, handler_fn, testing::{self, Bench, Outcome, Platform}};
    /// # use serde_json::json;
    /// async fn fetch(_: Message, cx: Context) -> Result<Reply, Failure> {
    ///     let token = "token-of-the-day".to_owned();
    ///     cx.register_secret(&token);
    ///     Err(Failure::new(format!("the service says: bad token {token}")))
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let component = Component::new("fetcher").on("Fetch", handler_fn(fetch));
    /// let outcome = Bench::new(Platform::new()).deliver(&component, testing::message("Fetch", json!({}))).await;
    /// outcome.assert_fails("the service says: bad token ***");
    /// # });
    /// ```
    pub fn register_secret(&self, value: &str) {
        self.inner.services.redactor.remember(&value.into());
    }

    /// Keeps `progress` (as JSON, 64 KiB at most) where it survives the process: should this die, or should a
    /// [`retry`](crate::Handler::retry) try again, [`kept`](Self::kept) gives it to whoever handles the message next.
    /// There is one such value for a message; the last one counts. Each call is a write to the journal, so call it
    /// after a step that is worth not repeating. With several steps at a time, keep from one place only.
    ///
    /// ```
    /// # use action_component::{Context, Failure, Message, Reply};
    /// async fn block_all(message: Message, cx: Context) -> Result<Reply, Failure> {
    ///     let mut done: usize = cx.kept()?.unwrap_or(0);
    ///     for address in message.properties().labels("addresses").into_iter().skip(done) {
    ///         block(address).await?;
    ///         done += 1;
    ///         cx.keep(&done).await?;
    ///     }
    ///     Ok(Reply::text(format!("{done} addresses blocked")))
    /// }
    /// # async fn block(_address: &str) -> Result<(), Failure> { Ok(()) }
    /// ```
    ///
    /// # Errors
    /// It cannot be written as JSON or is too large; or this message is another processor's by now, and the work should
    /// end with the failure that this gives.
    pub async fn keep<T: Serialize + Sync>(&self, progress: &T) -> Result<(), Failure> {
        let note = self.inner.notebook.keep(progress)?;
        self.inner.status.keeps(note).await
    }

    /// What was kept last for this message, by this attempt or an earlier one; `None` where nothing was.
    ///
    /// # Errors
    /// It was kept as something else than a `T`.
    pub fn kept<T: DeserializeOwned>(&self) -> Result<Option<T>, NoteError> {
        self.inner.notebook.kept()
    }

    /// The component's own section of app.config, as a type of its own.
    ///
    /// # Errors
    /// A key is missing, or its value is not of the field's type.
    pub fn config<T: DeserializeOwned>(&self) -> Result<T, SectionError> {
        self.section().read()
    }

    /// The component's own section of app.config, as it stands there.
    #[must_use]
    pub fn section(&self) -> &Section {
        self.inner.instance.section()
    }

    /// What all components share for calls of their own, as it stands in `[integrations]`: `http_proxy`,
    /// `https_proxy`, `timeout` (seconds), `verify`.
    #[must_use]
    pub fn integrations(&self) -> &Section {
        &self.inner.services.integrations
    }

    /// Fires when the work is called off: the workflow or playbook that called this function was terminated on the
    /// platform. Tidy up and return; a handler that goes on is dropped a few seconds later. Whatever it returns, the
    /// message is answered as cancelled ([`FailureKind::Cancelled`](crate::FailureKind::Cancelled)), so that nobody
    /// takes it for a success. [Waits](#waiting) end by themselves.
    ///
    /// ```
    /// # use action_component::{Context, Failure};
    /// # async fn block(_host: &str) -> Result<(), Failure> { Ok(()) }
    /// # async fn block_all(hosts: Vec<String>, cx: Context) -> Result<usize, Failure> {
    /// let mut blocked = 0;
    /// for host in hosts {
    ///     if cx.cancelled().is_cancelled() {
    ///         return Err(Failure::new(format!("{blocked} hosts were blocked by then")));
    ///     }
    ///     block(&host).await?;
    ///     blocked += 1;
    /// }
    /// # Ok(blocked) }
    /// ```
    #[must_use]
    pub fn cancelled(&self) -> &CancellationToken {
        &self.inner.cancelled
    }

    /// Fires when the daemon begins to stop. Work that has begun may go on until the drain's deadline; a handler that
    /// only waits should end, as [waits](#waiting) do by themselves.
    #[must_use]
    pub fn shutdown(&self) -> &CancellationToken {
        &self.inner.services.shutdown
    }

    /// How long the handler has worked for this message, as far as its runs have ended: neither what it waited for a
    /// worker, for quiet or for another attempt, nor its own [waits](#waiting).
    #[must_use]
    pub fn worked(&self) -> Duration {
        *self.inner.worked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_worked(&self, time: Duration) {
        *self.inner.worked.lock().unwrap_or_else(PoisonError::into_inner) += time;
    }

    /// Where wrappers may let this message meet others.
    pub(crate) fn scope(&self) -> &Arc<Scope> {
        self.inner.instance.scope()
    }

    /// The same context, for a handler whose work may take `longest` at most.
    pub(crate) fn work_within(self, longest: Duration) -> Self {
        let longest = self.longest.map_or(longest, |other| other.min(longest));
        Self { longest: Some(longest), ..self }
    }

    /// The same context, for a handler that must not be carried out again when its outcome is unknown.
    pub(crate) fn at_most_once(self) -> Self {
        Self { at_most_once: true, ..self }
    }

    pub(crate) fn is_at_most_once(&self) -> bool {
        self.at_most_once
    }

    /// The same context, for what the retry that has this one tries.
    pub(crate) fn inside_retry(&self) -> Self {
        Self { retries: self.retries + 1, ..self.clone() }
    }

    /// How far the retry that has this context has come.
    pub(crate) fn attempts(&self) -> Attempts {
        self.inner.notebook.attempts(self.retries)
    }

    /// Pauses the work until the retry that has this context tries again.
    pub(crate) async fn sets_down(&self, attempts: Attempts) -> Result<(), Failure> {
        let note = self.inner.notebook.note_attempts(self.retries, attempts);
        self.inner.status.sets_down(note).await
    }

    /// The work begins in a worker that was given out before.
    pub(crate) async fn begins(&self) -> Result<(), Failure> {
        self.inner.status.begins().await
    }

    /// Tells the daemon that the message waits, until what this gives is dropped.
    pub(crate) fn waiting(&self) -> Waiting<'_> {
        let status = self.inner.status.as_ref();
        status.waits(true);
        Waiting(status)
    }

    /// Waits until a worker is free, for work that begins then.
    ///
    /// # Errors
    /// The daemon began to stop before one was: the message goes back to the broker. Or the work was called off.
    pub async fn worker(&self) -> Result<Worker, Failure> {
        let worker = tokio::select! {
            biased;
            () = self.cancelled().cancelled() => return Err(called_off()),
            worker = self.free_worker() => worker?,
        };
        self.begins().await?;
        Ok(worker)
    }

    async fn free_worker(&self) -> Result<Worker, Failure> {
        tokio::select! {
            biased;
            () = self.shutdown().cancelled() => Err(Failure::returned()),
            worker = self.inner.services.workers.one() => worker.map_err(|_closed| Failure::returned()),
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("message", &self.inner.message).finish_non_exhaustive()
    }
}

// === impl Waiting ===

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waits(false);
    }
}
