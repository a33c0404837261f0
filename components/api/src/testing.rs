//! Running a component without a broker or a platform.
//!
//! ```
//! # use action_component::{Component, Context, Failure, Message, Reply, handler_fn, testing};
//! # use serde_json::json;
//! # async fn say_hello(_message: Message, _cx: Context) -> Result<Reply, Failure> { Ok(Reply::text("hello")) }
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let component = Component::new("hello").on("Say Hello", handler_fn(say_hello));
//! let bench = testing::Bench::new(testing::Platform::answering(|_call| (200, json!({}))));
//! let reply = bench.deliver(&component, testing::message("Say Hello", json!({ "properties": null }))).await;
//! assert_eq!(reply.unwrap().message(), "hello");
//! # });
//! ```
//!
//! Time passes at once on tokio's paused clock (`#[tokio::test(start_paused = true)]`, its feature `test-util`). To see
//! what a retry does after a restart, hand what one bench has noted to another:
//! ```
//! # use action_component::{Component, Context, Failure, Handler, Message, decorate::Retry, handler_fn, testing};
//! # use serde_json::json;
//! # use std::time::Duration;
//! # async fn fail(_message: Message, _cx: Context) -> Result<action_component::Reply, Failure> { Err(Failure::new("down")) }
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let retry = Retry::after([Duration::from_millis(1), Duration::from_millis(1)]);
//! let component = Component::new("fail").on("Act", handler_fn(fail).retry(retry));
//! let bench = || testing::Bench::new(testing::Platform::answering(|_call| (200, json!({}))));
//! let message = || testing::message("Act", json!({}));
//!
//! let before = bench();
//! assert!(before.deliver(&component, message()).await.is_err());
//! let after = bench().resuming(&before.notes()[0]);
//! assert!(after.deliver(&component, message()).await.is_err());
//! assert_eq!((before.begun(), after.begun()), (3, 2));
//! # });
//! ```

mod desk;
mod platform;

pub use platform::{Call, Platform};

use crate::{
    Component, Context, Failure, Message, Reply, Section, Services, name::handler_name, rest::Backend,
};
use desk::{Desk, Told};
use serde_json::Value;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Stands in for the daemon: hands messages to a component's handlers. Clones share everything.
#[derive(Debug, Clone)]
pub struct Bench {
    services: Services,
    section: Arc<Section>,
    told: Arc<Told>,
    note: Option<String>,
}

/// A message of the action with this display name, with the headers that the platform sends: the context token is
/// `token`, the correlation id `invid:390`, the time 2017-03-07T15:07:14Z.
#[must_use]
pub fn message(display_name: &str, body: Value) -> Message {
    let headers = [
        ("message-id", "ID:test:1"),
        ("correlation-id", "invid:390"),
        ("reply-to", "/queue/acks.201.test"),
        ("timestamp", "1488917234000"),
        ("Co3ContextToken", "token"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let raw = body.to_string().into();
    Message::new(handler_name(display_name), "test", headers.into(), body, raw)
}

// === impl Bench ===

impl Bench {
    /// A daemon with 25 workers, its REST calls answered by `platform`, an empty section for the component.
    #[must_use]
    pub fn new(platform: Arc<dyn Backend>) -> Self {
        let services = Services::new(platform, 25, CancellationToken::new());
        Self { services, section: Arc::default(), told: Arc::default(), note: None }
    }

    /// The same with `num_workers` workers.
    #[must_use]
    pub fn workers(mut self, num_workers: usize) -> Self {
        self.services = Services::new(self.services.rest, num_workers, self.services.shutdown);
        self
    }

    /// The same with this section of app.config.
    #[must_use]
    pub fn section(mut self, section: Section) -> Self {
        self.section = Arc::new(section);
        self
    }

    /// The same after another processor has died: `note` is the last that it noted ([`notes`](Self::notes)) of each
    /// message delivered from now on. What this bench has been told stays.
    #[must_use]
    pub fn resuming(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// What a handler is given along with `message`.
    #[must_use]
    pub fn context(&self, message: Message) -> Context {
        let desk = Arc::new(Desk::new(self.told.clone(), self.note.clone()));
        Context::new(message, self.services.clone(), self.section.clone(), desk)
    }

    /// Has `component` handle `message`.
    ///
    /// # Errors
    /// Whatever the handler fails with, or that there is none for this action.
    pub async fn deliver(&self, component: &Component, message: Message) -> Result<Reply, Failure> {
        let named =
            component.handlers().find(|(name, _)| *name == message.action()).map(|(_, handler)| handler);
        let Some(handler) = named.or(component.default_handler()) else {
            return Err(Failure::new(format!("no handler for the action `{}`", message.action())));
        };
        handler.run(self.context(message)).await
    }

    /// Begins to stop, as the daemon does on SIGTERM.
    pub fn stop(&self) {
        self.services.shutdown.cancel();
    }

    /// How many workers are free at this moment.
    #[must_use]
    pub fn free_workers(&self) -> usize {
        self.services.workers.available_permits()
    }

    /// What handlers have shown by [`Context::status`], in that order.
    #[must_use]
    pub fn statuses(&self) -> Vec<String> {
        self.told.lines().statuses.clone()
    }

    /// What is to survive the process, oldest first: each is all that is known of one message. What is in it is not for
    /// components to read, but for [`resuming`](Self::resuming).
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.told.lines().notes.clone()
    }

    /// How many times work has begun, which is each time a worker was given out.
    #[must_use]
    pub fn begun(&self) -> usize {
        self.told.lines().begun
    }

    /// How many messages wait at this moment for something that may take long: a delay, not a worker.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.told.lines().waiting
    }
}
