//! A named set of handlers, and the queue that they serve.

use crate::{
    Handler, Message, OrderKey, Requirement, Section,
    handler::{AnyHandler, Erased},
    name::handler_name,
    section::SectionError,
};
use serde::de::DeserializeOwned;
use std::{fmt, sync::Arc};

/// What an author hands to the daemon: a name, a message destination, and a handler for each action.
#[derive(Clone)]
#[must_use = "a component does nothing until it is handed to the daemon"]
pub struct Component {
    name: String,
    destination: String,
    version: String,
    about: String,
    sample: String,
    handlers: Vec<(String, Arc<dyn AnyHandler>)>,
    functions: Vec<(String, Arc<dyn AnyHandler>)>,
    inbound: Vec<Inbound>,
    connectors: Vec<(String, Arc<dyn AnyHandler>)>,
    any_connector: Option<Arc<dyn AnyHandler>>,
    requirements: Vec<Requirement>,
    default_handler: Option<Arc<dyn AnyHandler>>,
    order: Option<OrderKey>,
    check: fn(&Section) -> Result<(), SectionError>,
    reloaded: Option<Arc<Reloaded>>,
}

/// Takes the component's new section.
type Reloaded = dyn Fn(&Section) + Send + Sync;

/// What answers one kind of news of an inbound destination.
#[derive(Debug, Clone)]
pub struct Inbound {
    /// The inbound destination's programmatic name.
    pub destination: String,
    /// `create`, `update`, `close`, …; `None` for whatever has no handler of its own.
    pub event: Option<String>,
    /// What to run.
    pub handler: Arc<dyn AnyHandler>,
}

impl Component {
    /// A component called `name`. Its section of app.config is `[name]`, and unless told otherwise it serves the
    /// message destination of the same name.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            destination: name.clone(),
            name,
            version: String::new(),
            about: String::new(),
            sample: String::new(),
            handlers: Vec::new(),
            functions: Vec::new(),
            inbound: Vec::new(),
            connectors: Vec::new(),
            any_connector: None,
            requirements: Vec::new(),
            default_handler: None,
            order: None,
            check: |_| Ok(()),
            reloaded: None,
        }
    }

    /// The same component under another name, which is its section's too: the daemon does so where a component has several
    /// sections, `[jira:europe]` and `[jira:us]`. Its destination stays.
    pub fn called(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Serves the message destination with this programmatic name. The operator can choose another with the key
    /// `destination` in the component's section.
    pub fn destination(mut self, programmatic_name: impl Into<String>) -> Self {
        self.destination = programmatic_name.into();
        self
    }

    /// Shown by `processor list`: usually `env!("CARGO_PKG_VERSION")`.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Shown by `processor list`: one sentence.
    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.about = about.into();
        self
    }

    /// Answers the action called `action` with `handler`. The display name ("Add Task") and the handler's name
    /// (`add_task`) mean the same.
    pub fn on(mut self, action: &str, handler: impl Handler) -> Self {
        self.handlers.push((handler_name(action), Arc::new(Erased(handler))));
        self
    }

    /// Answers every action of the destination that no other handler answers.
    pub fn otherwise(mut self, handler: impl Handler) -> Self {
        self.default_handler = Some(Arc::new(Erased(handler)));
        self
    }

    /// Answers calls of the function with this API name. Its queue is the one that its definition on the platform names,
    /// whatever the component's destination.
    pub fn function(mut self, name: &str, handler: impl Handler) -> Self {
        self.functions.push((name.trim().to_owned(), Arc::new(Erased(handler))));
        self
    }

    /// Takes the news called `event` (`create`, `update`, `close`, …) of the inbound destination with this programmatic
    /// name. Nothing is answered: nobody awaits a reply. News whose handler fails is kept for the operator
    /// (`processor dead`), news without a handler is let go.
    ///
    /// The operator can choose another destination with the key `inbound_destination_api_name` in the component's section.
    pub fn inbound(mut self, destination: &str, event: &str, handler: impl Handler) -> Self {
        let event = Some(event.trim().to_lowercase());
        self.inbound.push(Inbound {
            destination: destination.to_owned(),
            event,
            handler: Arc::new(Erased(handler)),
        });
        self
    }

    /// Takes all other news of the inbound destination with this programmatic name.
    pub fn inbound_otherwise(mut self, destination: &str, handler: impl Handler) -> Self {
        let handler = Arc::new(Erased(handler));
        self.inbound.push(Inbound { destination: destination.to_owned(), event: None, handler });
        self
    }

    /// Answers the requests of the low-code connector with this queue, named as the platform lists it but for
    /// `connectors.<organization>.`.
    pub fn connector(mut self, queue: &str, handler: impl Handler) -> Self {
        self.connectors.push((queue.to_owned(), Arc::new(Erased(handler))));
        self
    }

    /// Answers the requests of every low-code connector that has no handler of its own: of those that the platform lists,
    /// and of those that are added while the processor runs.
    pub fn connector_otherwise(mut self, handler: impl Handler) -> Self {
        self.any_connector = Some(Arc::new(Erased(handler)));
        self
    }

    /// Needs this incident field on the platform: the component is not served until there is one, and the log says what
    /// to create.
    pub fn requires_field(mut self, name: impl Into<String>) -> Self {
        self.requirements.push(Requirement::Field { name: name.into() });
        self
    }

    /// Needs this activity field on the platform, of this input type (`text`, `select`, …).
    pub fn requires_action_field(mut self, name: impl Into<String>, input_type: impl Into<String>) -> Self {
        let (name, input_type) = (name.into(), input_type.into());
        self.requirements.push(Requirement::ActionField { name, input_type });
        self
    }

    /// Needs this function on the platform, which need not be one that the component answers itself.
    pub fn requires_function(mut self, name: impl Into<String>) -> Self {
        self.requirements.push(Requirement::Function { name: name.into() });
        self
    }

    /// Is called with the component's new section once a changed configuration is in force. Messages that come after
    /// that see the new section anyway ([`Context::config`](crate::Context::config)); this is for what was made of the
    /// old one, a client for example. It must not block.
    pub fn reloaded(mut self, reloaded: impl Fn(&Section) + Send + Sync + 'static) -> Self {
        self.reloaded = Some(Arc::new(reloaded));
        self
    }

    /// Carries out the messages of one incident one after another, in the order in which the broker delivered them;
    /// those of different incidents at the same time. A message that waits, to be tried again for example, holds up
    /// those behind it.
    ///
    /// The operator has the last word with the key `order_by` in the component's section: `incident` or `none`.
    pub fn in_order(self) -> Self {
        Self { order: Some(OrderKey::incident()), ..self }
    }

    /// The same with lines of another kind: messages for which `key` gives the same text are carried out one after
    /// another, those for which it gives `None` whenever there is a worker.
    ///
    /// ```
    /// # use action_component::{Component, Message};
    /// let by_owner = |message: &Message| message.incident().get("owner_id").as_i64().map(|id| id.to_string());
    /// let component = Component::new("mailer").order_by(by_owner);
    /// # drop(component);
    /// ```
    pub fn order_by(self, key: impl Fn(&Message) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { order: Some(OrderKey::new(key)), ..self }
    }

    /// Reads the component's section as a `T`, so that a mistake in it is reported when the daemon starts; `sample` is
    /// what `processor config` writes: the section's keys with a comment each, without the `[name]` line.
    ///
    /// A `T` that denies unknown fields need not know those that the daemon reads: `destination`,
    /// `inbound_destination_api_name`, `input_secrets`, `order_by`, `platform`, `trap_exception`.
    pub fn configured<T: DeserializeOwned>(mut self, sample: impl Into<String>) -> Self {
        self.sample = sample.into();
        self.check = |section| section.read::<T>().map(drop);
        self
    }

    /// The component's name, which is its section's too.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The programmatic name of the message destination it serves, given its section.
    #[must_use]
    pub fn serves<'a>(&'a self, section: &'a Section) -> &'a str {
        section.get("destination").filter(|name| !name.is_empty()).unwrap_or(&self.destination)
    }

    /// The programmatic name of the inbound destination that stands for the one `named` in code, given the component's
    /// section.
    #[must_use]
    pub fn serves_inbound<'a>(&self, section: &'a Section, named: &'a str) -> &'a str {
        section.get("inbound_destination_api_name").filter(|name| !name.is_empty()).unwrap_or(named)
    }

    /// Which messages are to be carried out one after another, given the component's section; `None` for no order.
    ///
    /// # Errors
    /// `order_by` is neither `incident` nor `none`.
    pub fn order(&self, section: &Section) -> Result<Option<OrderKey>, SectionError> {
        match section.get("order_by").map(str::trim) {
            None | Some("") => Ok(self.order.clone()),
            Some("incident") => Ok(Some(OrderKey::incident())),
            Some("none") => Ok(None),
            Some(_) => Err(section.mistake("order_by: expected `incident` or `none`")),
        }
    }

    /// The component's version; empty where it has none.
    #[must_use]
    pub fn version_text(&self) -> &str {
        &self.version
    }

    /// What the component is for; empty where it does not say.
    #[must_use]
    pub fn about_text(&self) -> &str {
        &self.about
    }

    /// What `processor config` writes under `[name]`.
    #[must_use]
    pub fn sample(&self) -> &str {
        &self.sample
    }

    /// Each action with its handler, in the order in which they were named; a name may stand twice.
    pub fn handlers(&self) -> impl Iterator<Item = (&str, &Arc<dyn AnyHandler>)> {
        self.handlers.iter().map(|(name, handler)| (name.as_str(), handler))
    }

    /// Each function with its handler, in the order in which they were named; a name may stand twice.
    pub fn functions(&self) -> impl Iterator<Item = (&str, &Arc<dyn AnyHandler>)> {
        self.functions.iter().map(|(name, handler)| (name.as_str(), handler))
    }

    /// What answers the news of inbound destinations.
    #[must_use]
    pub fn inbounds(&self) -> &[Inbound] {
        &self.inbound
    }

    /// Each low-code connector's queue with its handler.
    pub fn connectors(&self) -> impl Iterator<Item = (&str, &Arc<dyn AnyHandler>)> {
        self.connectors.iter().map(|(name, handler)| (name.as_str(), handler))
    }

    /// What answers every other low-code connector.
    #[must_use]
    pub fn any_connector(&self) -> Option<&Arc<dyn AnyHandler>> {
        self.any_connector.as_ref()
    }

    /// What it needs to find on the platform.
    #[must_use]
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Tells the component that `section` is its section from now on.
    pub fn reload(&self, section: &Section) {
        self.reloaded.iter().for_each(|reloaded| reloaded(section));
    }

    /// The handler of every other action.
    #[must_use]
    pub fn default_handler(&self) -> Option<&Arc<dyn AnyHandler>> {
        self.default_handler.as_ref()
    }

    /// Checks the component's section.
    ///
    /// # Errors
    /// The section does not have the shape that [`configured`](Self::configured) states, or one of the daemon's keys in
    /// it has a value that it cannot have.
    pub fn check(&self, section: &Section) -> Result<(), SectionError> {
        let checks =
            [(self.check)(section), self.order(section).map(drop), section.flag("trap_exception").map(drop)];
        let mistakes = checks.into_iter().filter_map(Result::err);
        mistakes.reduce(|all, further| all.and(&further)).map_or(Ok(()), Err)
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component")
            .field("name", &self.name)
            .field("destination", &self.destination)
            .field("handlers", &self.handlers)
            .field("functions", &self.functions)
            .field("inbound", &self.inbound)
            .field("connectors", &self.connectors)
            .field("default_handler", &self.default_handler)
            .finish_non_exhaustive()
    }
}
