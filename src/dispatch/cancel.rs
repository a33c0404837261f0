//! Calls off what the platform no longer wants: functions whose workflow or playbook was terminated there.
//!
//! `instance` knows how the platform is asked what has become of a workflow or a playbook; this, when.

mod instance;

pub use instance::{Instance, Terminated};

use crate::component::{CancellationToken, Failure, Reply, Rest, context, rest::RestError};
use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, info, warn};

/// The platform is asked at most once in this time, whatever is at work.
const APART: Duration = Duration::from_millis(250);

/// How long one question may take, retries of the REST client included: others wait behind it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// A platform that does not answer in time is told of once in this time.
const MIN_INTERVAL: Duration = Duration::from_secs(60);

/// Asks the platform whether what is at work is still wanted. One for the daemon.
#[derive(Debug)]
pub struct Cancel {
    rest: Rest,
    /// Zero: never.
    every: watch::Sender<Duration>,
    /// What has something at work.
    watched: Mutex<HashMap<Instance, Weak<Watched>>>,
    /// When the platform may be asked next. Whoever holds this is asking.
    turn: tokio::sync::Mutex<Instant>,
    /// Somebody has been told that the platform does not say.
    complained: AtomicBool,
    /// When it was said last that the platform does not answer in time.
    timed_out: Mutex<Option<Instant>>,
}

/// A workflow or playbook that has called functions which are at work here.
#[derive(Debug)]
struct Watched {
    cancel: Arc<Cancel>,
    instance: Instance,
    fate: Arc<Fate>,
    /// Asks, for as long as a function is at work.
    _asking: AbortOnDropHandle<()>,
}

/// What has become of an instance.
#[derive(Debug, Default)]
struct Fate {
    terminated: OnceLock<Terminated>,
    is_known: CancellationToken,
}

// === impl Cancel ===

impl Cancel {
    /// Asks by `rest` about each instance that has had something at work for as long as `every`, and every so often
    /// from then on; never, where that is zero.
    #[must_use]
    pub fn new(rest: Rest, every: Duration) -> Arc<Self> {
        let every = watch::Sender::new(every);
        let (watched, turn) = (Mutex::default(), tokio::sync::Mutex::new(Instant::now()));
        Arc::new(Self {
            rest,
            every,
            watched,
            turn,
            complained: AtomicBool::new(false),
            timed_out: Mutex::default(),
        })
    }

    /// Asks so often from now on, also about what is at work.
    pub fn ask_every(&self, every: Duration) {
        self.every.send_if_modified(|before| std::mem::replace(before, every) != every);
    }

    /// Does `work` for `instance`, and calls it off when that is terminated: see [`context::unless_terminated`].
    ///
    /// # Errors
    /// That of `work`, or [`FailureKind::Cancelled`](crate::component::FailureKind::Cancelled).
    pub async fn unless_terminated(
        self: &Arc<Self>,
        instance: Instance,
        called_off: &CancellationToken,
        work: impl Future<Output = Result<Reply, Failure>> + Send,
    ) -> Result<Reply, Failure> {
        let watched = self.watch(instance);
        context::unless_terminated(watched.terminated(), called_off, work).await
    }

    /// Joins those that wait for the fate of `instance`.
    fn watch(self: &Arc<Self>, instance: Instance) -> Arc<Watched> {
        let mut all = self.watched();
        if let Some(watched) = all.get(&instance).and_then(Weak::upgrade) {
            return watched;
        }
        let fate = Arc::new(Fate::default());
        let asking = tokio::spawn(self.clone().ask(instance, fate.clone()));
        let asking = AbortOnDropHandle::new(asking);
        let watched = Arc::new(Watched { cancel: self.clone(), instance, fate, _asking: asking });
        all.insert(instance, Arc::downgrade(&watched));
        watched
    }

    /// Asks until `instance` is terminated, which need not ever be.
    async fn ask(self: Arc<Self>, instance: Instance, fate: Arc<Fate>) {
        loop {
            self.until_due().await;
            if let Some(terminated) = self.ask_once(instance).await {
                info!(%instance, %terminated, "terminated on the platform: its functions are called off");
                // Only this task sets it.
                let _ = fate.terminated.set(terminated);
                return fate.is_known.cancel();
            }
        }
    }

    /// Waits for as long as is set; anew where that changes meanwhile.
    async fn until_due(&self) {
        let mut every = self.every.subscribe();
        loop {
            let pause = *every.borrow_and_update();
            tokio::select! {
                () = sleep(pause), if !pause.is_zero() => return,
                // The sender is our own.
                _ = every.changed() => {}
            }
        }
    }

    /// Once all that fell due earlier have been asked about: the lock is fair. Only the question itself is limited in time,
    /// however long the line is.
    async fn ask_once(&self, instance: Instance) -> Option<Terminated> {
        let mut next = self.turn.lock().await;
        sleep_until(*next).await;
        *next = Instant::now() + APART;
        match timeout(REQUEST_TIMEOUT, instance.ask(&self.rest)).await {
            Ok(Ok(terminated)) => terminated,
            Ok(Err(error)) => self.complain(instance, &error),
            Err(_elapsed) => self.no_answer(instance),
        }
    }

    fn no_answer(&self, instance: Instance) -> Option<Terminated> {
        let mut last = self.timed_out.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| last.elapsed() < MIN_INTERVAL) {
            debug!(%instance, "platform did not answer in time whether it was terminated");
        } else {
            *last = Some(Instant::now());
            warn!(
                %instance,
                limit = ?REQUEST_TIMEOUT,
                "platform did not answer in time whether an instance was terminated; its functions go on"
            );
        }
        None
    }

    /// A platform that does not say is no reason to call anything off.
    fn complain(&self, instance: Instance, error: &RestError) -> Option<Terminated> {
        if error.is_transient() || self.complained.swap(true, Relaxed) {
            debug!(%instance, %error, "the platform does not say whether it was terminated");
        } else {
            warn!(
                %instance,
                %error,
                "the platform does not say whether it was terminated, so its functions go on; let the account read \
                 workflows and playbooks, or set cancel_check_interval = 0 (said once)"
            );
        }
        None
    }

    /// Never held over an `.await`.
    fn watched(&self) -> MutexGuard<'_, HashMap<Instance, Weak<Watched>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Watched ===

impl Watched {
    /// Waits until it is, and says so.
    async fn terminated(&self) -> String {
        self.fate.is_known.cancelled().await;
        let how = self.fate.terminated.get().map(ToString::to_string).unwrap_or_default();
        format!("The {} that called this function was {how}", self.instance)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut all = self.cancel.watched();
        // Somebody may have begun to watch it anew meanwhile.
        if all.get(&self.instance).is_some_and(|watched| watched.strong_count() == 0) {
            all.remove(&self.instance);
        }
    }
}
