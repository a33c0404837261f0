use super::{
    clock,
    delivery::Delivery,
    desk::{Desk, Told},
    routing,
    vault::Vault,
};
use crate::{
    Component, Context, Failure, FailureKind, Message, Reply, Section, Services,
    context::{Instance, Scope, StateMaker, Workers, same, unless_terminated},
    handler::AnyHandler,
    redact::Redactor,
    reply::Consequence,
    rest::Backend,
    secrets::{
        Secrets,
        filling::{Filling, may_refer},
    },
};
use std::{
    future::{Future, pending},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;

/// Stands in for the daemon: hands messages to a component's handlers. Clones share everything.
///
/// It does with a message what the daemon does: finds the handler, keeps the component's
/// [order](Component::in_order), fills in [secrets](Self::secrets), masks them in what comes of it, and answers a failure
/// as `trap_exception` in the component's section wants it. One thing is different on purpose: a handler that panics
/// fails the test, where the daemon would answer the message with an error.
#[derive(Debug, Clone)]
pub struct Bench {
    services: Services,
    num_workers: usize,
    section: Arc<Section>,
    instances: Arc<Instances>,
    told: Arc<Told>,
    note: Option<String>,
}

impl Bench {
    /// A daemon with 25 workers, its REST calls answered by `platform`, an empty section for the component.
    #[must_use]
    pub fn new(platform: Arc<dyn Backend>) -> Self {
        let num_workers = 25;
        let services = Services::new(platform, num_workers, CancellationToken::new())
            .with_secrets(Arc::new(Vault::default()));
        let (section, instances, told) = (Arc::default(), Arc::default(), Arc::default());
        Self { services, num_workers, section, instances, told, note: None }
    }

    /// The same with `num_workers` workers.
    #[must_use]
    pub fn workers(mut self, num_workers: usize) -> Self {
        self.num_workers = num_workers;
        self.services.workers = Workers::new(num_workers);
        self
    }

    /// The same with this section of app.config. One that the component [refuses](Component::configured) fails the test:
    /// the daemon does not start with it, and to ask for that there is [`Component::check`].
    #[must_use]
    pub fn section(mut self, section: Section) -> Self {
        self.section = Arc::new(section);
        self.instances = Arc::default();
        self
    }

    /// The same with this section `[integrations]` of app.config.
    #[must_use]
    pub fn integrations(mut self, section: Section) -> Self {
        self.services = self.services.with_integrations(section);
        self.instances = Arc::default();
        self
    }

    /// The same with these secrets of the operator's, name and value. `$NAME` and `^NAME` in a function's inputs lead to
    /// them, if the component's section names them in `input_secrets`; what comes of the message shows `***` in their
    /// place, encoded too, provided that they have four characters at least.
    ///
    /// ```
    /// # use action_component::{Component, Context, Failure, Reply, Section, handler_fn, testing::{self, Bench, Outcome, Platform}};
    /// # use serde_json::json;
    /// #[derive(serde::Deserialize)]
    /// struct Login {
    ///     password: String,
    /// }
    ///
    /// async fn log_in(login: Login, cx: Context) -> Result<Reply, Failure> {
    ///     let length = login.password.len();
    ///     Ok(Reply::text(format!("{length} characters: {}", login.password)))
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let component = Component::new("door").function("log_in", handler_fn(log_in));
    /// let bench = Bench::new(Platform::new())
    ///     .secrets([("PIN", "4711-secret")])
    ///     .section(Section::new("door", [("input_secrets", "PIN")]));
    /// let call = testing::function("log_in", json!({ "password": "$PIN" }));
    /// bench.deliver(&component, call).await.assert_says("11 characters: ***");
    /// # });
    /// ```
    #[must_use]
    pub fn secrets<N: Into<String>, V: Into<String>>(
        mut self,
        secrets: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let vault = Vault::of(secrets);
        vault.values().for_each(|value| self.services.redactor.add(&value.into()));
        self.services = self.services.with_secrets(Arc::new(vault));
        self
    }

    /// The same after another processor has died: `note` is the last that it noted ([`notes`](Self::notes)) of each
    /// message delivered from now on. What this bench has been told stays. [`restarted`](Self::restarted) sees to all of
    /// that by itself; this is for a note of the test's own choice.
    #[must_use]
    pub fn resuming(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// The next process, once this one has died ([`Delivery::die`]) or [stopped](Self::stop). To what is delivered to it
    /// the daemon's rules for a message that comes again apply: its handler finds what it [kept](Context::keep), goes on
    /// with the waits and retries that it had begun, and is not run if it is
    /// [`at_most_once`](crate::Handler::at_most_once) and was at work. A message is the same if its id and its body are;
    /// one that was answered is not remembered.
    ///
    /// ```
    /// # use action_component::{Component, Context, Failure, Message, Reply, handler_fn, testing::{self, Bench, Outcome, Platform}};
    /// # use serde_json::json;
    /// async fn two_steps(_: Message, cx: Context) -> Result<Reply, Failure> {
    ///     if cx.kept::<bool>()?.is_none() {
    ///         cx.rest().post::<serde_json::Value>("/first", &json!({})).await?;
    ///         cx.keep(&true).await?;
    ///     }
    ///     cx.rest().post::<serde_json::Value>("/second", &json!({})).await?;
    ///     Ok(Reply::text("done"))
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let component = Component::new("steps").on("Act", handler_fn(two_steps));
    /// let platform = Platform::new();
    /// platform.on("POST /first", json!({})).on("POST /second", json!({}));
    /// let bench = Bench::new(platform.clone());
    ///
    /// let unanswered = platform.hold("POST /second");
    /// bench.start(&component, testing::message("Act", json!({}))).await.die();
    /// drop(unanswered);
    ///
    /// let outcome = bench.restarted().deliver(&component, testing::message("Act", json!({}))).await;
    /// outcome.assert_says("done");
    /// platform.assert_calls(["POST /first", "POST /second", "POST /second"]);
    /// # });
    /// ```
    #[must_use]
    pub fn restarted(&self) -> Self {
        let mut services = self.services.clone();
        services.workers = Workers::new(self.num_workers);
        services.shutdown = CancellationToken::new();
        let told = Arc::new(self.told.after_the_end());
        Self { services, told, note: None, instances: Arc::default(), ..self.clone() }
    }

    /// What a handler is given along with `message`, if its component has no [state](Component::state).
    #[must_use]
    pub fn context(&self, message: Message) -> Context {
        let instance = Instance::within(self.instances.scope.clone(), Arc::default(), self.section.clone());
        self.context_of(message, instance)
    }

    fn context_of(&self, message: Message, instance: Arc<Instance>) -> Context {
        let desk = Arc::new(Desk::new(self.told.clone(), &message, self.note.clone()));
        Context::of(message, self.services.clone(), instance, desk)
    }

    /// Has `component` handle `message`, of whatever kind: what the daemon would answer.
    ///
    /// # Errors
    /// Whatever the handler fails with, or that there is none for this message.
    ///
    /// # Panics
    /// The handler does, or the stand-in platform because of what it asked for.
    pub async fn deliver(&self, component: &Component, message: Message) -> Result<Reply, Failure> {
        self.carry_out(component, message, pending()).await
    }

    /// The same while the test goes on, to let time pass, to deliver others, to [cancel](Delivery::cancel) it or to
    /// [`stop`](Self::stop). It runs up to where it waits for the first time.
    pub async fn start(&self, component: &Component, message: Message) -> Delivery {
        let (bench, component) = (self.clone(), component.clone());
        let (kind, terminated) = (message.kind(), CancellationToken::new());
        let fired = terminated.clone();
        let work = tokio::spawn(async move {
            let called_off = async move {
                fired.cancelled().await;
                "The workflow or playbook that called this function was terminated on the platform".to_owned()
            };
            bench.carry_out(&component, message, called_off).await
        });
        clock::settle().await;
        Delivery::new(work, kind, terminated)
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

    async fn carry_out(
        &self,
        component: &Component,
        mut message: Message,
        terminated: impl Future<Output = String> + Send,
    ) -> Result<Reply, Failure> {
        check_keys(component);
        self.check_section(component);
        let Some(handler) = routing::handler(component, &self.section, &message)? else {
            return Ok(Reply::text("No handler of the component takes this news; it is let go."));
        };
        let _turn = self.turn(component, &message).await?;
        let instance = self.instances.of(component, &self.section);
        let redactor = self.services.redactor.clone();
        let _token = redactor.hold_headers(message.headers());
        let outcome = self.work(handler.as_ref(), &mut message, instance, terminated).await;
        let outcome = masked(&message, &redactor, outcome);
        self.told.ended(&message, &outcome);
        outcome.or_else(|failure| self.answered(&message, failure))
    }

    /// A bench that has been given no section is that of a test which is not about it.
    fn check_section(&self, component: &Component) {
        let is_given = *self.section != Section::default();
        if let Some(mistake) = component.check(&self.section).err().filter(|_| is_given) {
            panic!("the daemon does not start with the section that this bench was given: {mistake}");
        }
    }

    /// Waits for those before it in its line, if it stands in one.
    async fn turn(
        &self,
        component: &Component,
        message: &Message,
    ) -> Result<Option<OwnedMutexGuard<()>>, Failure> {
        let order = component.order(&self.section)?;
        let Some(line) = order.and_then(|order| order.of(message)) else { return Ok(None) };
        let line = self.told.line(format!("{}/{line}", component.name()));
        tokio::select! {
            biased;
            () = self.services.shutdown.cancelled() => Err(Failure::returned()),
            turn = line.lock_owned() => Ok(Some(turn)),
        }
    }

    async fn work(
        &self,
        handler: &dyn AnyHandler,
        message: &mut Message,
        instance: Arc<Instance>,
        terminated: impl Future<Output = String> + Send,
    ) -> Result<Reply, Failure> {
        if let Some(crashes) = self.told.crashes(message) {
            Failure::after_crashes(crashes).map_or(Ok(()), Err)?;
            if handler.traits().at_most_once {
                return Err(Failure::interrupted());
            }
        }
        *message = self.filled_in(message.clone())?;
        let cx = self.context_of(message.clone(), instance);
        let called_off = cx.cancelled().clone();
        unless_terminated(terminated, &called_off, handler.run(cx)).await
    }

    fn filled_in(&self, message: Message) -> Result<Message, Failure> {
        let secrets: Option<Arc<dyn Secrets>> = self.services.secrets.clone().filter(|_| may_refer(&message));
        let Some(secrets) = secrets else { return Ok(message) };
        let filling = Filling::of(message.entered().clone(), &self.section, secrets.as_ref());
        filling.into(message, secrets)
    }

    /// What the platform is told of a failure.
    fn answered(&self, message: &Message, failure: Failure) -> Result<Reply, Failure> {
        if failure.kind() == FailureKind::Returned {
            return Err(failure);
        }
        let traps = self.section.flag("trap_exception")?.unwrap_or_default();
        match failure.consequence(message.kind(), traps) {
            Consequence::InVain | Consequence::Trapped => Ok(Reply::unsuccessful(failure.to_string())),
            Consequence::Error => Err(failure),
        }
    }
}

/// What belongs to each component of a bench: its state, and what its wrappers gather.
#[derive(Debug, Default)]
struct Instances {
    scope: Arc<Scope>,
    made: Mutex<Vec<(Vec<StateMaker>, Arc<Instance>)>>,
}

impl Instances {
    /// The same for each message of a component; a component that was made anew has another.
    fn of(&self, component: &Component, section: &Arc<Section>) -> Arc<Instance> {
        let states = component.states();
        let section = Arc::new(Section::clone(section).knowing(component.tuned()));
        if states.is_empty() {
            return Instance::within(self.scope.clone(), Arc::default(), section);
        }
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, instance)) = made.iter().find(|(makers, _)| same(makers, states)) {
            return instance.clone();
        }
        let instance = Instance::within(self.scope.clone(), states.into(), section);
        made.push((states.to_vec(), instance.clone()));
        instance
    }
}

/// The daemon does not start with a component that gathers calls by an incident which they do not have.
fn check_keys(component: &Component) {
    let keyless = component.keyless();
    assert!(
        keyless.is_empty(),
        "the daemon does not start with component `{}`: {} has no input incident_id to debounce by: say what its calls \
         are gathered by, with `.debounce(…).key(…)`",
        component.name(),
        keyless.join(", ")
    );
}

/// What may be shown of it.
fn masked(message: &Message, redactor: &Redactor, outcome: Result<Reply, Failure>) -> Result<Reply, Failure> {
    let masked = |text: String| redactor.mask_excerpt(&message.mask(&text)).into_owned();
    match outcome {
        Ok(Reply::Done(text)) => Ok(Reply::Done(masked(text))),
        Ok(Reply::Results(mut results)) => {
            message.mask_in(&mut results.content);
            redactor.mask_json(&mut results.content);
            results.reason = results.reason.map(masked);
            Ok(Reply::Results(results))
        }
        Ok(Reply::Superseded) => Ok(Reply::Superseded),
        Err(failure) => Err(Failure::with_kind(failure.kind(), masked(failure.to_string()))),
    }
}
