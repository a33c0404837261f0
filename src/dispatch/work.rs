//! Carries a message out: read it, find its handler, run it, word the answer.

use super::{
    actions::{ActionName, ActionNames},
    answer::{self, Ending},
    cancel::{Cancel, Instance},
    decode::decode,
    envelope::Envelope,
    registry::{Registry, Route},
    secrets::Filler,
    threads::{Code, Threads, Watched},
};
use crate::component::{
    Context, Failure, Kind, Message, Reply, Services, StatusSink, reply::FailureKind, rest::RestError,
};
use crate::logging::Redactor;
use crate::store::Answer;
use futures_util::FutureExt;
use serde_json::Value;
use std::{
    borrow::Cow,
    panic::AssertUnwindSafe,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tracing::{Span, debug, info, warn};

/// Until the platform is asked for an action's name again. The REST client has tried several times by then.
const NAME_AGAIN: Duration = Duration::from_secs(10);

/// Everything that carrying out a message takes. The broker's messages, test actions and recordings all go through it.
#[derive(Debug)]
pub struct Workshop {
    registry: RwLock<Arc<Registry>>,
    names: ActionNames,
    services: Services,
    observer: Option<Box<dyn Observer>>,
    filler: Filler,
    trap_exception: AtomicBool,
    cancel: Option<Arc<Cancel>>,
    threads: Option<Threads>,
}

/// A message and the handler that it was given to.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) message: Message,
    pub(super) route: Route,
    /// Whether what it fails with lets the workflow go on (`trap_exception`).
    pub(super) traps: bool,
    /// What its handler was given, once it was run.
    pub(super) context: Option<Context>,
}

/// Is shown each message before it is carried out.
pub trait Observer: Send + Sync + std::fmt::Debug {
    /// `display_name` is the action's ("Add Task"); the body is the envelope's.
    fn message(&self, display_name: &str, envelope: &Envelope);
}

/// What is known of a message from earlier deliveries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Earlier {
    /// What its handler noted, for whoever goes on with it.
    pub note: Option<String>,
    /// Its work was begun by a process that is gone: how many have died so.
    pub crashes: Option<u32>,
}

/// What became of a message.
#[derive(Debug)]
pub enum Outcome {
    /// It is to be answered with this, and acknowledged.
    Answered(Answer),
    /// The same, and somebody should look into it: this is why.
    SetAside(Answer, String),
    /// The daemon is stopping and its work has not begun: it goes back to the broker.
    Returned,
}

impl Workshop {
    /// Carries messages out by the handlers of `registry`.
    #[must_use]
    pub fn new(registry: Registry, names: ActionNames, services: Services) -> Self {
        Self {
            registry: RwLock::new(Arc::new(registry)),
            names,
            services,
            observer: None,
            filler: Filler::default(),
            trap_exception: AtomicBool::new(false),
            cancel: None,
            threads: None,
        }
    }

    /// Whether a function's failure is answered as results without success from now on, so that its workflow goes on. A
    /// component's section may say otherwise (`trap_exception`).
    pub fn set_trap_exception(&self, trap: bool) {
        self.trap_exception.store(trap, Ordering::Relaxed);
    }

    /// Shows each message to `observer`.
    #[must_use]
    pub fn observed_by(mut self, observer: Option<Box<dyn Observer>>) -> Self {
        self.observer = observer;
        self
    }

    /// Calls off what the platform has terminated, as `cancel` finds out.
    #[must_use]
    pub fn called_off_by(mut self, cancel: Option<Arc<Cancel>>) -> Self {
        self.cancel = cancel;
        self
    }

    /// Runs authors' code in `threads`, none of which it may keep from the others.
    #[must_use]
    pub fn on_threads(mut self, threads: Threads) -> Self {
        self.threads = Some(threads);
        self
    }

    /// The handlers that messages are given to from now on.
    #[must_use]
    pub fn registry(&self) -> Arc<Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives messages to the handlers of `registry` from now on; those at work go on with the ones they have.
    pub fn replace_registry(&self, mut registry: Registry) {
        let mut current = self.registry.write().unwrap_or_else(PoisonError::into_inner);
        registry.follow(&current);
        *current = Arc::new(registry);
    }

    /// The names of the platform's actions.
    #[must_use]
    pub fn names(&self) -> &ActionNames {
        &self.names
    }

    /// What the handlers share.
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.services
    }

    fn redactor(&self) -> &Redactor {
        &self.services.redactor
    }

    /// Carries one message out. Whatever is wrong with it becomes an answer; nothing here fails.
    ///
    /// The current span's fields `action` and `incident` are filled in.
    pub async fn carry_out(
        &self,
        envelope: &Envelope,
        earlier: &Earlier,
        status: Arc<dyn StatusSink>,
    ) -> Outcome {
        if let Some(event) = self.untaken(envelope) {
            info!(event, "news that no handler takes; only acknowledged");
            let ending = Ending::Well(Reply::text("Nobody's."));
            return Outcome::Answered(answer::last(envelope, &ending, None, Duration::ZERO, self.redactor()));
        }
        let _token = self.redactor().hold_headers(envelope.headers());
        let mut job = None;
        let result = self.result(envelope, earlier, status, &mut job).await;
        let result = result.map_err(|failure| masked(&failure, job.as_ref(), self.redactor()));
        let is_news = envelope.destination.is_inbound();
        let set_aside = match &result {
            Err(failure) if failure.kind() == FailureKind::Returned => {
                debug!("goes back to the broker, not carried out");
                return Outcome::Returned;
            }
            // There is nobody to be answered: only the operator can see to it.
            Err(failure) if is_news || failure.kind() == FailureKind::SetAside => Some(failure.to_string()),
            _ => None,
        };
        let ending = Ending::new(result, job.as_ref());
        let worked = job.as_ref().map(Job::worked).unwrap_or_default();
        ending.log(worked, is_news);
        let answer = answer::last(envelope, &ending, job.as_ref(), worked, self.redactor());
        match set_aside {
            Some(reason) => Outcome::SetAside(answer, reason),
            None => Outcome::Answered(answer),
        }
    }

    /// What the handler gives; `job` is filled in once it is known.
    async fn result(
        &self,
        envelope: &Envelope,
        earlier: &Earlier,
        status: Arc<dyn StatusSink>,
        job: &mut Option<Job>,
    ) -> Result<Reply, Failure> {
        let body = read(envelope).map_err(|why| Failure::with_kind(FailureKind::SetAside, why))?;
        earlier.crashes.and_then(Failure::after_crashes).map_or(Ok(()), Err)?;
        let name = self.name(envelope, &body).await?;
        Span::current().record("action", name.handler.as_str());
        // Of an earlier attempt it is the same.
        let _ = envelope.action.set(name.display.clone());
        // Where there is no handler, this is all that is known of it.
        if let Some(incident) = body["incident"]["id"].as_i64() {
            Span::current().record("incident", incident);
        }
        if let Some(observer) = &self.observer {
            observer.message(&name.display, envelope);
        }
        let route = route(&self.registry(), envelope, &name, &body)?.clone();
        let job = job.insert(Job {
            traps: self.traps(&route),
            message: message(envelope, name, body),
            route,
            context: None,
        });
        if let Some(incident) = job.message.incident_id().filter(|_| job.message.kind() == Kind::Function) {
            Span::current().record("incident", incident);
        }
        if earlier.crashes.is_some() && job.route.handler.traits().at_most_once {
            return Err(Failure::interrupted());
        }
        if let Some(secrets) = &self.services.secrets {
            let (section, shutdown) = (job.route.instance.section(), &self.services.shutdown);
            job.message = self.filler.fill_in(job.message.clone(), section, secrets, shutdown).await?;
        }
        let instance = Instance::of(job.message.body());
        let (message, instance_of) = (job.message.clone(), job.route.instance.clone());
        let context = Context::of(message, self.services.clone(), instance_of, status);
        let called_off = context.cancelled().clone();
        job.context = Some(context.clone());
        let work = run(&job.route, context, self.threads.as_ref());
        match self.cancel.as_ref().zip(instance) {
            Some((cancel, instance)) => cancel.unless_terminated(instance, &called_off, work).await,
            None => work.await,
        }
    }

    fn traps(&self, route: &Route) -> bool {
        // A section that says something else has been refused when the configuration was checked.
        let own = route.instance.section().flag("trap_exception").unwrap_or_default();
        own.unwrap_or_else(|| self.trap_exception.load(Ordering::Relaxed))
    }

    /// The event of an inbound destination's news that none of its handlers takes: a component need not care for all.
    fn untaken(&self, envelope: &Envelope) -> Option<String> {
        if !envelope.destination.is_inbound() {
            return None;
        }
        let event = event(&read(envelope).ok()?);
        let registry = self.registry();
        let taken = registry.route(Kind::Inbound, &envelope.destination, &event).is_some();
        // News that does not say what it is has not the shape of any.
        (!taken && !event.is_empty()).then_some(event)
    }

    /// The lane that the message stands in (`order_by`), by its component and the key; `None` where it may be carried out at any time.
    pub(super) async fn lane(&self, envelope: &Envelope) -> Option<(String, String)> {
        let body = read(envelope).ok()?;
        let name = self.name(envelope, &body).await.ok()?;
        let registry = self.registry();
        let route = route(&registry, envelope, &name, &body).ok()?;
        let order = route.order.as_ref()?;
        let message = message(envelope, name, body);
        // The key is the author's code.
        let key = || std::panic::catch_unwind(AssertUnwindSafe(|| order.of(&message)));
        let key = match &self.threads {
            Some(threads) => {
                threads.run(&Code::new(&route.component, "order_by".to_owned(), Some(threads)), key)
            }
            None => key(),
        };
        key.ok().flatten().map(|key| (route.component.to_string(), key))
    }

    /// What the message's handler is found by.
    async fn name(&self, envelope: &Envelope, body: &Value) -> Result<ActionName, Failure> {
        let plain = |name: &str| Ok(ActionName { display: name.to_owned(), handler: name.to_owned() });
        match envelope.kind(body) {
            Kind::Function => plain(body["function"]["name"].as_str().unwrap_or_default()),
            Kind::Inbound => plain(&event(body)),
            Kind::Connector => plain(&envelope.destination.name),
            _ => self.action(body).await,
        }
    }

    /// Asks for as long as the platform may yet answer: a message is not failed because the platform restarts.
    async fn action(&self, body: &Value) -> Result<ActionName, Failure> {
        loop {
            match self.names.find(body["action_id"].as_i64()).await {
                Ok(name) => return Ok(name),
                Err(error) if error.is_transient() => self.pause(&error).await?,
                Err(error) => {
                    return Err(Failure::new(format!(
                        "The processor could not find out from the platform which action this is, so nothing has been \
                         done. Run the action again later. The reason: {error}"
                    )));
                }
            }
        }
    }

    async fn pause(&self, error: &RestError) -> Result<(), Failure> {
        warn!(%error, next = ?NAME_AGAIN, "the platform does not say which action this is; the message waits");
        tokio::select! {
            () = self.services.shutdown.cancelled() => Err(Failure::returned()),
            () = tokio::time::sleep(NAME_AGAIN) => Ok(()),
        }
    }
}

impl Job {
    /// The time of its handler's own work.
    fn worked(&self) -> Duration {
        self.context.as_ref().map(Context::worked).unwrap_or_default()
    }
}

/// The message's body, unless it could not be read.
fn read(envelope: &Envelope) -> Result<Value, String> {
    match &envelope.fault {
        Some(fault) => Err(format!("The message could not be read, so nothing has been done: {fault}")),
        None => decode(&envelope.body).map_err(|error| error.to_string()),
    }
}

/// What an inbound destination's news says that has happened: `create`, `update`, `close`, …
fn event(body: &Value) -> String {
    body["action"].as_str().unwrap_or_default().trim().to_lowercase()
}

fn route<'a>(
    registry: &'a Registry,
    envelope: &Envelope,
    name: &ActionName,
    body: &Value,
) -> Result<&'a Route, Failure> {
    let kind = envelope.kind(body);
    registry.route(kind, &envelope.destination, &name.handler).ok_or_else(|| {
        let destination = &envelope.destination.name;
        let what = match kind {
            Kind::Function => format!("the function {:?}", name.handler),
            Kind::Inbound => format!("{:?} of the inbound destination {destination:?}", name.handler),
            Kind::Connector => format!("the low-code connector {destination:?}"),
            _ => format!(
                "the action {:?} (handler name {:?}) of destination {destination:?}",
                name.display, name.handler
            ),
        };
        let known = registry.names(kind, destination).join(", ");
        let known = if known.is_empty() { "none".to_owned() } else { known };
        rejected(format!("This processor has no handler for {what}. Its handlers there: {known}."))
    })
}

/// What the log calls the handler of a message: `function block`.
fn what(message: &Message) -> String {
    let noun = match message.kind() {
        Kind::Function => "function",
        Kind::Inbound => "inbound",
        Kind::Connector => "connector",
        _ => "action",
    };
    format!("{noun} {}", message.action())
}

/// Runs a handler; a panic is its message's failure, not the daemon's.
async fn run(route: &Route, context: Context, threads: Option<&Threads>) -> Result<Reply, Failure> {
    let code = Code::new(&route.component, what(context.message()), threads);
    let id = context.message().id().to_owned();
    let component = &route.component;
    let work = Watched::new(threads, code, route.handler.run(context));
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_panic| {
        Err(Failure::new(format!(
            "The handler in component {component:?} broke off unexpectedly (a panic, which is a defect in it). What it \
             had done until then stays done. The processor's log has the details, under message {id}."
        )))
    })
}

fn message(envelope: &Envelope, name: ActionName, body: Value) -> Message {
    Message::arrived(
        envelope.arrival,
        name.handler,
        envelope.destination.name.clone(),
        envelope.headers.clone(),
        body,
        envelope.body.clone(),
    )
    .with_shell_inputs(envelope.shell_inputs.clone())
}

/// The failure in the words that may be shown, logged and kept.
fn masked(failure: &Failure, job: Option<&Job>, redactor: &Redactor) -> Failure {
    let text = failure.to_string();
    let text = job.map_or(Cow::Borrowed(text.as_str()), |job| job.message.mask(&text));
    Failure::with_kind(failure.kind(), redactor.mask_excerpt(&text))
}

fn rejected(text: String) -> Failure {
    Failure::with_kind(FailureKind::Rejected, text)
}
