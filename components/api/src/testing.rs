//! Running a component without a broker or a platform.
//!
//! ```
//! # use action_component::{Component, Context, Failure, Message, Reply, handler_fn};
//! use action_component::testing::{self, Bench, Outcome, Platform};
//! use serde_json::json;
//!
//! # async fn close(message: Message, cx: Context) -> Result<Reply, Failure> {
//! #     let id = message.incident_id().unwrap_or_default();
//! #     let done: serde_json::Value = cx.rest().post(&format!("/incidents/{id}/comments"), &json!({})).await?;
//! #     Ok(Reply::text(format!("noted as {}", done["id"])))
//! # }
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let component = Component::new("notes").on("Make Note", handler_fn(close));
//! let platform = Platform::new();
//! platform.on("POST /incidents/{id}/comments", json!({ "id": 3 }));
//!
//! let message = testing::message("Make Note", json!({ "incident": testing::incident(7) }));
//! let outcome = Bench::new(platform.clone()).deliver(&component, message).await;
//!
//! outcome.assert_says("noted as 3");
//! platform.assert_calls(["POST /incidents/7/comments"]);
//! # });
//! ```
//!
//! # Layout
//! - [`message`], [`function`], [`inbound`], [`connector`]: what the platform sends, made up
//! - [`Bench`]: the daemon's part; [`Delivery`]: a message at work while the test goes on
//! - [`Platform`], [`Answer`], [`Asked`]: the platform's REST API, endpoint by endpoint or from recordings, and what was
//!   asked of it; [`PlatformObject`]: an incident or the like that is read and changed
//! - [`advance`]: time, on tokio's paused clock
//! - [`Outcome`]: what became of a message
//!
//! `docs/testing.md` shows each, and what stands for what in the vendor's pytest plug-in.
//!
//! To see what a retry does after a restart, hand what one bench has noted to another:
//! ```
//! # use action_component::{Component, Context, Failure, Handler, Message, decorate::Retry, handler_fn, testing};
//! # use serde_json::json;
//! # use std::time::Duration;
//! # async fn fail(_message: Message, _cx: Context) -> Result<action_component::Reply, Failure> { Err(Failure::new("down")) }
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let retry = Retry::after([Duration::from_millis(1), Duration::from_millis(1)]);
//! let component = Component::new("fail").on("Act", handler_fn(fail).retry(retry));
//! let bench = || testing::Bench::new(testing::Platform::new());
//! let message = || testing::message("Act", json!({}));
//!
//! let before = bench();
//! assert!(before.deliver(&component, message()).await.is_err());
//! let after = bench().resuming(&before.notes()[0]);
//! assert!(after.deliver(&component, message()).await.is_err());
//! assert_eq!((before.begun(), after.begun()), (3, 2));
//! # });
//! ```

mod answer;
mod call;
mod clock;
mod delivery;
mod desk;
mod endpoint;
mod messages;
mod object;
mod outcome;
mod platform;

pub use answer::{Answer, Answers, IntoAnswers};
pub use call::{Asked, Call, Upload};
pub use clock::advance;
pub use delivery::Delivery;
pub use messages::{connector, function, inbound, incident, message, with_header};
pub use object::PlatformObject;
pub use outcome::Outcome;
pub use platform::Platform;

use crate::{
    Component, Context, Failure, Kind, Message, Reply, Section, Services, context::Workers,
    handler::AnyHandler, rest::Backend,
};
use desk::{Desk, Told};
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
        self.services.workers = Workers::new(num_workers);
        self
    }

    /// The same with this section of app.config.
    #[must_use]
    pub fn section(mut self, section: Section) -> Self {
        self.section = Arc::new(section);
        self
    }

    /// The same with this section `[integrations]` of app.config.
    #[must_use]
    pub fn integrations(mut self, section: Section) -> Self {
        self.services = self.services.with_integrations(section);
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

    /// Has `component` handle `message`, of whatever kind.
    ///
    /// # Errors
    /// Whatever the handler fails with, or that there is none for this message.
    pub async fn deliver(&self, component: &Component, message: Message) -> Result<Reply, Failure> {
        match handler(component, &message) {
            Ok(handler) => handler.run(self.context(message)).await,
            Err(failure) => Err(failure),
        }
    }

    /// The same while the test goes on, to let time pass, to deliver others, or to [`stop`](Self::stop). It runs up to
    /// where it waits for the first time.
    pub async fn start(&self, component: &Component, message: Message) -> Delivery {
        let (bench, component) = (self.clone(), component.clone());
        let work = tokio::spawn(async move { bench.deliver(&component, message).await });
        clock::settle().await;
        Delivery::new(work)
    }

    /// Begins to stop, as the daemon does on SIGTERM.
    pub fn stop(&self) {
        self.services.shutdown.cancel();
    }

    /// How many workers are free at this moment.
    #[must_use]
    pub fn free_workers(&self) -> usize {
        self.services.workers.free()
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

/// The handler that the daemon would give `message` to.
fn handler<'a>(component: &'a Component, message: &Message) -> Result<&'a Arc<dyn AnyHandler>, Failure> {
    let name = message.action();
    let found = match message.kind() {
        Kind::Function => component.functions().find(|(function, _)| *function == name).map(second),
        Kind::Connector => component.connectors().find(|(queue, _)| *queue == name).map(second),
        Kind::Inbound => inbound_handler(component, message),
        Kind::Action => {
            let named = component.handlers().find(|(action, _)| *action == name).map(second);
            named.or(component.default_handler())
        }
    };
    found.ok_or_else(|| Failure::new(nobody(component, message)))
}

fn inbound_handler<'a>(component: &'a Component, message: &Message) -> Option<&'a Arc<dyn AnyHandler>> {
    let of_queue =
        || component.inbounds().iter().filter(|inbound| inbound.destination == message.destination());
    let named = of_queue().find(|inbound| inbound.event.as_deref() == Some(message.action()));
    named.or_else(|| of_queue().find(|inbound| inbound.event.is_none())).map(|inbound| &inbound.handler)
}

fn second<'a>((_, handler): (&str, &'a Arc<dyn AnyHandler>)) -> &'a Arc<dyn AnyHandler> {
    handler
}

/// For a message that no handler takes: those that there are.
fn nobody(component: &Component, message: &Message) -> String {
    let (what, known): (_, Vec<String>) = match message.kind() {
        Kind::Function => ("function", component.functions().map(|(name, _)| name.to_owned()).collect()),
        Kind::Connector => ("connector", component.connectors().map(|(queue, _)| queue.to_owned()).collect()),
        Kind::Inbound => ("inbound event", component.inbounds().iter().map(inbound_name).collect()),
        Kind::Action => ("action", component.handlers().map(|(name, _)| name.to_owned()).collect()),
    };
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let (component, name) = (component.name(), message.action());
    format!("component `{component}` has no handler for the {what} `{name}`; it has {known}")
}

fn inbound_name(inbound: &crate::component::Inbound) -> String {
    format!("{} of {}", inbound.event.as_deref().unwrap_or("all else"), inbound.destination)
}
