//! A component made for these tests, run by the daemon inside the test's own process.

use action_processor::{
    component::{Component, Context, Failure, Handler, Message, Reply, handler_fn},
    config::{Config, Problems, Sources},
    daemon::{self, DaemonError, File as Watched, Source},
    signals::Signal,
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{
    runtime::{Handle, Runtime},
    sync::{Semaphore, mpsc},
    task::JoinHandle,
};

use crate::support::processor::AppConfig;

/// What the component's handlers have done, and what lets them go on.
#[derive(Debug, Clone)]
pub(crate) struct Floor {
    /// Handlers of "Slow" that have begun.
    pub(crate) begun: Arc<Semaphore>,
    /// One permit lets one handler of "Slow" finish.
    pub(crate) finish: Arc<Semaphore>,
    /// Handlers of any action that ran to their end.
    pub(crate) done: Arc<AtomicUsize>,
}

/// The daemon, in this process.
pub(crate) struct Daemon {
    signals: mpsc::Sender<Signal>,
    file: Arc<File>,
    task: JoinHandle<Result<(), DaemonError>>,
}

/// What stands in app.config.
#[derive(Debug)]
struct File {
    text: Mutex<String>,
    components: Vec<Component>,
}

impl Source for File {
    fn read(&self) -> Result<Config, Problems> {
        let text = self.text.lock().unwrap().clone();
        Config::load(&Sources::new(BTreeMap::new()).with_file("app.config", text), &self.components)
    }

    fn file(&self) -> Option<Watched> {
        None
    }

    fn in_force(&self, _config: &Config) {}
}

impl Floor {
    pub(crate) fn new() -> Self {
        let semaphore = || Arc::new(Semaphore::new(0));
        Self { begun: semaphore(), finish: semaphore(), done: Arc::default() }
    }

    /// Waits until one more handler of "Slow" has begun.
    pub(crate) async fn one_begun(&self) {
        self.begun.acquire().await.unwrap().forget();
    }

    pub(crate) fn done(&self) -> usize {
        self.done.load(SeqCst)
    }

    /// `slow` waits for its permit, `deferred` for an hour, `défense_co` panics; all others fail.
    pub(crate) fn component(&self, destination: &str) -> Component {
        let (slow, done) = (self.clone(), self.done.clone());
        let slow = move |_: Message, cx: Context| {
            let floor = slow.clone();
            async move {
                floor.begun.add_permits(1);
                cx.status("half way").await;
                floor.finish.acquire().await?.forget();
                floor.done.fetch_add(1, SeqCst);
                Ok(Reply::text("slow, but done"))
            }
        };
        let deferred = move |_: Message, _: Context| {
            done.fetch_add(1, SeqCst);
            async { Ok(Reply::text("deferred, and done")) }
        };
        Component::new("floor")
            .destination(destination)
            .on("Slow", handler_fn(slow))
            .on("Deferred", handler_fn(deferred).defer(Duration::from_secs(3600)))
            .on("Défense & Co", handler_fn(panics))
            .otherwise(handler_fn(fails))
    }
}

/// A component whose one handler blocks its thread until the sender is dropped, as a handler must not.
pub(super) fn blocking(destination: &str) -> (Component, std::sync::mpsc::Sender<()>) {
    let (release, wait) = std::sync::mpsc::channel();
    let wait = Arc::new(Mutex::new(wait));
    let block = move |_: Message, _: Context| {
        let wait = wait.clone();
        async move {
            let _released = wait.lock().map(|wait| wait.recv());
            Ok(Reply::text("blocked, but done"))
        }
    };
    (Component::new("blocking").destination(destination).otherwise(handler_fn(block)), release)
}

async fn panics(_: Message, _: Context) -> Result<Reply, Failure> {
    panic!("a defect of the component");
}

async fn fails(_: Message, _: Context) -> Result<Reply, Failure> {
    let port: u16 = "none".parse()?;
    Ok(Reply::text(port.to_string()))
}

impl Daemon {
    pub(crate) fn run(config: &AppConfig, component: Component) -> Self {
        Self::with_all(config, vec![component], Handle::current())
    }

    /// Carries messages out on threads of their own, as the binary does.
    pub(crate) fn with_workers(config: &AppConfig, component: Component, workers: Handle) -> Self {
        Self::with_all(config, vec![component], workers)
    }

    /// With several components.
    pub(crate) fn with_all(config: &AppConfig, components: Vec<Component>, workers: Handle) -> Self {
        let file = Arc::new(File { text: Mutex::new(config.text()), components: components.clone() });
        let config = file.read().unwrap();
        let (signals, received) = mpsc::channel(4);
        let received = futures_util::stream::unfold(received, |mut received| async move {
            Some((received.recv().await?, received))
        });
        let source = file.clone();
        let task = tokio::spawn(async move {
            daemon::run(&config, &components, &workers, Box::pin(received), source).await
        });
        Self { signals, file, task }
    }

    /// SIGHUP, with another configuration.
    pub(crate) async fn reload(&self, config: &AppConfig) {
        *self.file.text.lock().unwrap() = config.text();
        self.signal(Signal::Reload).await;
    }

    pub(crate) async fn signal(&self, signal: Signal) {
        self.signals.send(signal).await.unwrap();
    }

    /// Ends it as `kill -9` would: nobody says goodbye, to the broker or to the journal. It must have `workers` of its own.
    pub(super) async fn dies(self, workers: Runtime) {
        let Self { signals: _signals, file: _file, task } = self;
        task.abort();
        let _ = task.await;
        // Not before the tasks are gone is the journal free.
        tokio::task::spawn_blocking(move || workers.shutdown_timeout(super::PATIENCE)).await.unwrap();
    }

    pub(crate) async fn ended(self) -> Result<(), DaemonError> {
        self.task.await.unwrap()
    }
}
