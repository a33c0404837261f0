//! A named set of handlers, and the queue that they serve.

use crate::{
    Failure, Handler, Message, OrderKey, Requirement, Section,
    context::StateMaker,
    decorate::TunedKey,
    handler::{AnyHandler, Erased},
    message::INCIDENT_ID,
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
    states: Vec<StateMaker>,
    check: fn(&Section) -> Result<(), SectionError>,
    secret_keys: Vec<String>,
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
            states: Vec::new(),
            check: |_| Ok(()),
            secret_keys: Vec::new(),
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

    /// Makes of the component's section what all its messages share, a client for example; handlers ask for it by
    /// [`Context::state`](crate::Context::state).
    ///
    /// Each instance of the component has its own: two sections, or two platforms, never share one. It is made when a
    /// handler first asks for it, and anew once the section or `[integrations]` has changed. A handler's own fields, in
    /// `self` or in what a closure captures, are shared by all instances: keep nothing there that came of a section.
    ///
    /// There is one value of each type; a second `state` of a type takes the first one's place. What takes time to make
    /// belongs in a `tokio::sync::OnceCell` inside of it.
    ///
    /// ```
    /// # use action_component::{Component, Context, Failure, Message, Reply, Section, handler_fn};
    /// struct Client {
    ///     url: String,
    /// }
    ///
    /// fn client(section: &Section) -> Result<Client, Failure> {
    ///     let url = section.get("url").ok_or_else(|| Failure::new("url is not set"))?;
    ///     Ok(Client { url: url.to_owned() })
    /// }
    ///
    /// async fn look_up(_message: Message, cx: Context) -> Result<Reply, Failure> {
    ///     let client = cx.state::<Client>()?;
    ///     Ok(Reply::text(format!("asked {}", client.url)))
    /// }
    ///
    /// let component = Component::new("lookup").state(client).on("Look Up", handler_fn(look_up));
    /// # drop(component);
    /// ```
    pub fn state<T, E>(self, make: impl Fn(&Section) -> Result<T, E> + Send + Sync + 'static) -> Self
    where
        T: Send + Sync + 'static,
        E: Into<Failure>,
    {
        self.state_with(move |section, _integrations| make(section))
    }

    /// The same, of the component's section and `[integrations]`, which all components share: proxies, a time limit.
    pub fn state_with<T, E>(
        mut self,
        make: impl Fn(&Section, &Section) -> Result<T, E> + Send + Sync + 'static,
    ) -> Self
    where
        T: Send + Sync + 'static,
        E: Into<Failure>,
    {
        let maker = StateMaker::new(make);
        self.states.retain(|other| !other.replaces(&maker));
        self.states.push(maker);
        self
    }

    /// Is called with the component's new section once a changed configuration is in force. Messages that come after
    /// that see the new section anyway ([`Context::config`](crate::Context::config)), and what was made of it
    /// ([`state`](Self::state)); this is for whatever else should know. It must not block.
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

    /// The value of `key` in the component's section is a secret: shown as `***`, masked in all that leaves the processor,
    /// taken from the command line as a reference only. Keys that are called `password`, `token`, `api_key` and the like
    /// need not be declared, nor passwords and tokens in URLs.
    pub fn secret_key(mut self, key: impl Into<String>) -> Self {
        self.secret_keys.push(key.into());
        self
    }

    /// The keys that are [declared](Self::secret_key) to be secrets.
    pub fn secret_keys(&self) -> impl Iterator<Item = &str> {
        self.secret_keys.iter().map(String::as_str)
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

    /// The functions and low-code connectors whose calls a wrapper should gather by their incident, though they have none:
    /// the daemon does not start with them.
    #[must_use]
    pub fn keyless(&self) -> Vec<String> {
        let gathers = |(_, handler): &(&str, &Arc<dyn AnyHandler>)| handler.traits().by_incident;
        let functions = self.functions().filter(gathers).filter(|(_, handler)| lacks_incident(handler));
        let functions = functions.map(|(name, _)| format!("the function {name:?}"));
        let connectors = self.connectors().filter(gathers);
        let connectors = connectors.map(|(queue, _)| format!("the low-code connector {queue:?}"));
        let any = self.any_connector().filter(|handler| handler.traits().by_incident);
        let any = any.map(|_| "the other low-code connectors".to_owned());
        functions.chain(connectors).chain(any).collect()
    }

    /// The functions that an order by incident does nothing for, given the component's section: their inputs name none.
    #[must_use]
    pub fn unordered(&self, section: &Section) -> Vec<&str> {
        let order = self.order(section).ok().flatten();
        let by_incident = order.is_some_and(|order| order.is_by_incident());
        let functions = self.functions().filter(|(_, handler)| by_incident && lacks_incident(handler));
        functions.map(|(name, _)| name).collect()
    }

    pub(crate) fn states(&self) -> &[StateMaker] {
        &self.states
    }

    /// The keys of its section that wrappers of its handlers read, by name.
    pub(crate) fn tuned(&self) -> Vec<String> {
        self.tuned_keys().into_iter().map(|key| key.name).collect()
    }

    fn tuned_keys(&self) -> Vec<TunedKey> {
        let section = Section::default();
        let mut keys: Vec<TunedKey> = Vec::new();
        for (_, handler) in self.routes(&section) {
            for key in handler.traits().tuned {
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
        keys
    }

    /// Checks the component's section.
    ///
    /// # Errors
    /// The section does not have the shape that [`configured`](Self::configured) states, or one of the daemon's keys in
    /// it has a value that it cannot have.
    pub fn check(&self, section: &Section) -> Result<(), SectionError> {
        let keys = self.tuned_keys();
        let known = section.clone().knowing(keys.iter().map(|key| key.name.clone()));
        let checks =
            [(self.check)(&known), self.order(section).map(drop), section.flag("trap_exception").map(drop)];
        let checks = checks.into_iter().chain(keys.iter().map(|key| key.check(section)));
        let mistakes = checks.filter_map(Result::err);
        mistakes.reduce(|all, further| all.and(&further)).map_or(Ok(()), Err)
    }
}

/// A function whose inputs are known, and name no incident.
fn lacks_incident(handler: &Arc<dyn AnyHandler>) -> bool {
    handler.reads(INCIDENT_ID) == Some(false)
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
