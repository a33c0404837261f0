//! A database that several processors share: the broker spreads the messages over them, and where one of them dies,
//! another carries on.
//!
//! - A message belongs to the processor that claims it, for as long as that one keeps its lease alive, by the database's
//!   clock. Whoever claims it later has it.
//! - What gathers while one group is asked goes as the next, in one statement for each kind of question.
//! - While the database is away, callers wait, for as long as two leases; then they are told so. Nothing that was answered
//!   is lost with [`SyncMode::Always`](super::SyncMode); with `Interval` a database that is killed (not one that is restarted)
//!   may forget its last moments, three times its `wal_writer_delay` (0.6 s by default). A processor that lives through
//!   that writes anew what it still works on.

mod letters;
mod link;
mod sweep;
mod tables;
mod tls;
mod url;
mod worker;

use super::{
    Answer, DeadLetter, Key, Listed, Settings, Standing, Store, StoreError, confirmed::Confirmed,
    links::Links,
};
use futures_util::{FutureExt, TryFutureExt, future::BoxFuture};
use link::{Address, Link};
use std::{collections::HashSet, fmt, sync::Arc, thread, time::Duration};
use sweep::Sweep;
use tables::{Entry, Kind};
use tokio::{
    runtime::Builder,
    sync::{Mutex, mpsc, oneshot},
    time::{Instant, timeout},
};
use tokio_postgres::{Client, Error};
use worker::{Job, Question, Worker};

pub use url::PostgresUrl;

/// Callers that may stand in line; more wait before it.
const LINE: usize = 1024;

/// How long a statement may take on the server; one that brings or lists dead letters.
const STATEMENT: Duration = Duration::from_secs(8);
const LETTERS: Duration = Duration::from_secs(60);

/// The journal in a shared database.
pub struct PostgresStore {
    url: PostgresUrl,
    run: i64,
    patience: Duration,
    jobs: mpsc::Sender<Job>,
    confirmed: Arc<Confirmed>,
    links: Arc<Links>,
    letters: Mutex<Letters>,
}

/// A connection of their own, so that a large one holds nobody up.
struct Letters {
    link: Link,
    /// Those to be tried again that this run has been given.
    given: HashSet<i64>,
}

// === impl PostgresStore ===

impl PostgresStore {
    /// Opens the journal at `url` as one more processor, and makes its tables where there are none.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] where the database refuses us, or is not fit; [`StoreError::Unavailable`] where it
    /// cannot be reached for as long as two leases.
    pub async fn open(url: &PostgresUrl, settings: &Settings) -> Result<Self, StoreError> {
        Self::open_serving(url, settings, Links::default()).await
    }

    pub(super) async fn open_serving(
        url: &PostgresUrl,
        settings: &Settings,
        links: Links,
    ) -> Result<Self, StoreError> {
        let (mut store, jobs) = Self::prepare(url, settings, links).await?;
        store.take_lease(settings.lease).await?;
        let worker = Worker {
            link: Link::new(address(url, settings, STATEMENT)),
            run: store.run,
            lease: settings.lease,
            jobs,
            confirmed: Arc::clone(&store.confirmed),
            renewal: Instant::now() + settings.lease / 3,
            sweep: Sweep::new(settings.keep, settings.lease, Arc::clone(&store.links)),
            confirm_from: Instant::now(),
            away: None,
        };
        spawn(worker).map_err(|error| StoreError::Unusable(format!("the journal's thread: {error}")))?;
        Ok(store)
    }

    /// Opens it to look into the list of dead letters: nothing else can be asked.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub async fn open_beside(url: &PostgresUrl, settings: &Settings) -> Result<Self, StoreError> {
        Ok(Self::prepare(url, settings, Links::default()).await?.0)
    }

    /// Before anything is asked: what is taken by a run without a lease is anybody's.
    async fn take_lease(&mut self, lease: Duration) -> Result<(), StoreError> {
        let (run, deadline) = (self.run, Instant::now() + self.patience);
        let link = &mut self.letters.get_mut().link;
        let taken = link.ask_until(deadline, |client| tables::renew(client, run, lease).boxed()).await;
        taken.map_err(link::Trouble::unavailable)
    }

    async fn prepare(
        url: &PostgresUrl,
        settings: &Settings,
        links: Links,
    ) -> Result<(Self, mpsc::Receiver<Job>), StoreError> {
        let patience = settings.lease * 2;
        let mut link = Link::new(address(url, settings, LETTERS));
        let made = link.ask_until(Instant::now() + patience, |client| tables::make(client).boxed()).await;
        made.map_err(link::Trouble::at_start)?.map_err(StoreError::Unusable)?;
        let (sender, jobs) = mpsc::channel(LINE);
        let store = Self {
            url: url.clone(),
            run: fastrand::i64(1..),
            patience,
            jobs: sender,
            confirmed: Arc::default(),
            links: Arc::new(links),
            letters: Mutex::new(Letters { link, given: HashSet::new() }),
        };
        Ok((store, jobs))
    }

    async fn ask(&self, kind: Kind, key: &Key, texts: [Option<String>; 3]) -> Result<Standing, StoreError> {
        let (caller, answer) = oneshot::channel();
        let deadline = Instant::now() + self.patience;
        let entry = Entry { key: key.clone(), texts };
        let job = Job::Ask(Question { kind, entry, deadline, caller, again: false, alone: false });
        let asked = async {
            self.jobs.send(job).await.map_err(|_closed| self.closed())?;
            answer.await.unwrap_or_else(|_closed| Err(self.closed()))
        };
        // The thread says why, soon after the deadline; the line before it may be long.
        let answered = timeout(self.patience + STATEMENT * 2, asked).await;
        answered.unwrap_or_else(|_| Err(StoreError::Unavailable(format!("{}: it is too slow", self.url))))
    }

    async fn letters<T>(
        &self,
        question: impl for<'a> FnMut(&'a Client) -> BoxFuture<'a, Result<T, Error>>,
    ) -> Result<T, StoreError> {
        let deadline = Instant::now() + self.patience;
        let mut letters = self.letters.lock().await;
        letters.link.ask_until(deadline, question).await.map_err(link::Trouble::unavailable)
    }

    async fn retry(&self, platform: Option<&str>) -> Result<Option<DeadLetter>, StoreError> {
        let deadline = Instant::now() + self.patience;
        let mut letters = self.letters.lock().await;
        let (run, given) = (self.run, letters.given.iter().copied().collect::<Arc<[i64]>>());
        let platform = platform.map(Arc::<str>::from);
        let taken = letters.link.ask_until(deadline, |client| {
            let (given, platform) = (Arc::clone(&given), platform.clone());
            async move { letters::take_retry(client, run, platform.as_deref(), &given).await }.boxed()
        });
        let taken = taken.await.map_err(link::Trouble::unavailable)?;
        letters.given.extend(taken.as_ref().map(|letter| letter.number));
        Ok(taken)
    }

    async fn returned(&self, number: i64) -> Result<(), StoreError> {
        let run = self.run;
        self.letters(move |client| letters::return_retry(client, run, number).boxed()).await?;
        self.letters.lock().await.given.remove(&number);
        Ok(())
    }

    fn closed(&self) -> StoreError {
        StoreError::Unavailable(format!("{} is closed", self.url))
    }
}

fn address(url: &PostgresUrl, settings: &Settings, statement: Duration) -> Address {
    Address { url: url.clone(), tls: settings.tls.clone(), sync: settings.sync, statement }
}

/// On a thread of its own: whatever keeps the others busy, the lease is kept alive.
fn spawn(worker: Worker) -> std::io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("journal".to_owned()).spawn(move || worker.work(&runtime)).map(drop)
}

impl Store for PostgresStore {
    fn claim<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Standing, StoreError>> {
        self.ask(Kind::Claim, key, [None, None, None]).boxed()
    }

    fn begin<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        self.ask(Kind::Begin, key, [None, None, None]).map_ok(drop).boxed()
    }

    fn set_down<'a>(&'a self, key: &'a Key, note: String) -> BoxFuture<'a, Result<(), StoreError>> {
        self.ask(Kind::SetDown, key, [Some(note), None, None]).map_ok(drop).boxed()
    }

    fn keep<'a>(&'a self, key: &'a Key, note: String) -> BoxFuture<'a, Result<(), StoreError>> {
        self.ask(Kind::Keep, key, [Some(note), None, None]).map_ok(drop).boxed()
    }

    fn finish<'a>(&'a self, key: &'a Key, answer: Answer) -> BoxFuture<'a, Result<(), StoreError>> {
        let texts = [Some(answer.reply_to), answer.correlation_id, Some(answer.body)];
        self.ask(Kind::Finish, key, texts).map_ok(drop).boxed()
    }

    fn give_back<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        self.ask(Kind::GiveBack, key, [None, None, None]).map_ok(drop).boxed()
    }

    fn cut_off<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        let (run, key) = (self.run, Arc::new(key.clone()));
        self.letters(move |client| {
            let key = Arc::clone(&key);
            async move { tables::cut_off(client, run, &key).await }.boxed()
        })
        .boxed()
    }

    fn confirmed(&self, key: &Key) {
        self.confirmed.add(key);
    }

    fn connected(&self, platform: Option<&str>, up: bool) {
        self.links.set(platform, up);
    }

    fn bury(&self, letter: DeadLetter) -> BoxFuture<'_, Result<i64, StoreError>> {
        let (token, letter) = (fastrand::i64(..), Arc::new(letter));
        self.letters(move |client| {
            let letter = Arc::clone(&letter);
            async move { letters::bury(client, token, &letter).await }.boxed()
        })
        .boxed()
    }

    fn dead(&self, after: i64) -> BoxFuture<'_, Result<Vec<Listed>, StoreError>> {
        self.letters(move |client| letters::dead(client, after).boxed()).boxed()
    }

    fn dead_letter(&self, number: i64) -> BoxFuture<'_, Result<Option<DeadLetter>, StoreError>> {
        self.letters(move |client| letters::dead_letter(client, number).boxed()).boxed()
    }

    fn drop_dead(&self, number: i64) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.letters(move |client| letters::drop_dead(client, number).boxed()).boxed()
    }

    fn ask_retry(&self, number: i64) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.letters(move |client| letters::ask_retry(client, number).boxed()).boxed()
    }

    fn take_retry<'a>(
        &'a self,
        platform: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Option<DeadLetter>, StoreError>> {
        self.retry(platform).boxed()
    }

    fn return_retry(&self, number: i64) -> BoxFuture<'_, Result<(), StoreError>> {
        self.returned(number).boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        let (caller, closed) = oneshot::channel();
        async move {
            if self.jobs.send(Job::Close(caller)).await.is_ok() {
                // An error means that it has ended by itself.
                let _ = closed.await;
            }
            self.letters.lock().await.link.close().await;
        }
        .boxed()
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("url", &self.url).finish_non_exhaustive()
    }
}
