//! What a handler may reach besides its input.

use crate::{Failure, Message, Rest, Section, rest::Backend, section::SectionError};
use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use std::{fmt, sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// The one place through which a handler reaches services. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
    /// How long the handler's own work may take, from when it begins.
    longest: Option<Duration>,
}

struct Inner {
    message: Message,
    services: Services,
    section: Arc<Section>,
    status: Arc<dyn StatusSink>,
}

/// What all handlers of a daemon share.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Services {
    /// The way to the platform's REST API.
    pub rest: Arc<dyn Backend>,
    /// One permit for each handler that may work at the same time.
    pub workers: Arc<Semaphore>,
    /// Fires when the daemon begins to stop.
    pub shutdown: CancellationToken,
    /// The section `[integrations]` of app.config.
    pub integrations: Arc<Section>,
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

    /// What was noted last, by an earlier process or this one.
    fn note(&self) -> Option<String> {
        None
    }

    /// The message begins (`true`) or ceases to wait for something that may take long: a delay, not a worker.
    fn waits(&self, waiting: bool) {
        let _ = waiting;
    }
}

/// Proof that a worker is free for this message; give it back by dropping it.
#[derive(Debug)]
#[must_use = "the worker is free for others again as soon as this is dropped"]
pub struct Worker(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

// === impl Services ===

impl Services {
    /// At most `num_workers` handlers at work at a time.
    #[must_use]
    pub fn new(rest: Arc<dyn Backend>, num_workers: usize, shutdown: CancellationToken) -> Self {
        Self { rest, workers: Arc::new(Semaphore::new(num_workers)), shutdown, integrations: Arc::default() }
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
    /// The context of `message`, for a component whose own section is `section`.
    #[must_use]
    pub fn new(
        message: Message,
        services: Services,
        section: Arc<Section>,
        status: Arc<dyn StatusSink>,
    ) -> Self {
        Self { inner: Arc::new(Inner { message, services, section, status }), longest: None }
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

    /// Shows `text` to the user while the work goes on (`complete: false`). A status is news, not a promise: while the
    /// link to the broker is down it is dropped.
    pub async fn status(&self, text: impl Into<String> + Send) {
        self.inner.status.status(text.into()).await;
    }

    /// The component's own section of app.config, as a type of its own.
    ///
    /// # Errors
    /// A key is missing, or its value is not of the field's type.
    pub fn config<T: DeserializeOwned>(&self) -> Result<T, SectionError> {
        self.inner.section.read()
    }

    /// The component's own section of app.config, as it stands there.
    #[must_use]
    pub fn section(&self) -> &Section {
        &self.inner.section
    }

    /// What all components share for calls of their own, as it stands in `[integrations]`: `http_proxy`,
    /// `https_proxy`, `timeout` (seconds), `verify`.
    #[must_use]
    pub fn integrations(&self) -> &Section {
        &self.inner.services.integrations
    }

    /// Fires when the daemon begins to stop. Work that has begun may go on until the drain's deadline; a handler that
    /// only waits should end.
    #[must_use]
    pub fn shutdown(&self) -> &CancellationToken {
        &self.inner.services.shutdown
    }

    /// The same context, for a handler whose work may take `longest` at most.
    pub(crate) fn work_within(self, longest: Duration) -> Self {
        let longest = self.longest.map_or(longest, |other| other.min(longest));
        Self { longest: Some(longest), ..self }
    }

    pub(crate) fn longest(&self) -> Option<Duration> {
        self.longest
    }

    /// Waits until a worker is free.
    ///
    /// # Errors
    /// The daemon began to stop before one was: the message goes back to the broker.
    pub async fn worker(&self) -> Result<Worker, Failure> {
        let worker = tokio::select! {
            biased;
            () = self.shutdown().cancelled() => return Err(Failure::returned()),
            permit = self.inner.services.workers.clone().acquire_owned() => {
                permit.map(Worker).map_err(|_closed| Failure::returned())?
            }
        };
        self.inner.status.begins().await?;
        Ok(worker)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("message", &self.inner.message).finish_non_exhaustive()
    }
}
