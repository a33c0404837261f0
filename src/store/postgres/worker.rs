//! The thread that speaks with the database: it takes what has gathered, asks it all at once, and answers; between
//! groups it keeps the lease alive.

use super::super::{Key, Standing, StoreError, confirmed::Confirmed};
use super::{
    link::{Link, Trouble},
    sweep::Sweep,
    tables::{self, Entry, Kind},
};
use futures_util::future::join_all;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::{
    runtime::Runtime,
    sync::{mpsc, oneshot},
    time::{Instant, timeout},
};
use tokio_postgres::{Client, Error};

/// The most that is asked together.
const GROUP: usize = 512;

/// How long confirmations wait for company.
const TICK: Duration = Duration::from_millis(250);

/// One thing to do.
pub(super) enum Job {
    Ask(Question),
    /// The last one.
    Close(oneshot::Sender<()>),
}

/// What somebody asks for one message.
pub(super) struct Question {
    pub(super) kind: Kind,
    pub(super) entry: Entry,
    /// After this, the caller does not wait any more.
    pub(super) deadline: Instant,
    pub(super) caller: oneshot::Sender<Result<Standing, StoreError>>,
    /// It was refused once, and the lease has been renewed since.
    pub(super) again: bool,
    /// It was refused together with others.
    pub(super) alone: bool,
}

/// What the thread works with.
pub(super) struct Worker {
    pub(super) link: Link,
    /// Names this run of the program.
    pub(super) run: i64,
    pub(super) lease: Duration,
    pub(super) jobs: mpsc::Receiver<Job>,
    pub(super) confirmed: Arc<Confirmed>,
    /// When the lease is to be renewed; it lasts three times as long as the pause.
    pub(super) renewal: Instant,
    pub(super) sweep: Sweep,
    /// When confirmations are next written, those there are.
    pub(super) confirm_from: Instant,
    /// Why the database could not be used when it was last needed; `None` where it could.
    pub(super) away: Option<String>,
}

type Answers = HashMap<Key, Standing>;

// === impl Worker ===

impl Worker {
    /// Works until it is closed, or until nobody is left to ask.
    pub(super) fn work(mut self, runtime: &Runtime) {
        runtime.block_on(async {
            let mut group = Vec::new();
            loop {
                let gathered = timeout(self.rest(), self.jobs.recv_many(&mut group, GROUP)).await;
                if gathered == Ok(0) {
                    return;
                }
                if let Some(caller) = self.carry_out(group.drain(..)).await {
                    self.close().await;
                    // The caller may not wait any more.
                    let _ = caller.send(());
                    return;
                }
                self.keep_house().await;
            }
        });
    }

    fn rest(&self) -> Duration {
        let due = self.renewal.min(self.sweep.due).saturating_duration_since(Instant::now());
        due.min(TICK)
    }

    /// Carries out a group and answers it. Gives the caller that asks for the end.
    async fn carry_out(&mut self, group: impl Iterator<Item = Job>) -> Option<oneshot::Sender<()>> {
        let (mut questions, mut closing) = (Vec::new(), None);
        for job in group {
            match job {
                Job::Ask(question) => questions.push(question),
                Job::Close(caller) => closing = Some(caller),
            }
        }
        while !questions.is_empty() {
            let (round, mut later) = different(questions);
            later.extend(self.round(round).await);
            questions = later;
        }
        closing
    }

    /// Asks all of a round in one go. Gives what is to be asked again.
    async fn round(&mut self, round: Vec<Question>) -> Vec<Question> {
        let round = self.in_time(round);
        if round.is_empty() {
            return round;
        }
        if let Err(trouble) = self.hold_lease().await {
            self.is_away(&trouble).await;
            return round;
        }
        let (run, round) = (self.run, by_kind(round));
        let asked =
            self.link.ask(async |client| Ok(join_all(round.iter().map(|kind| ask(client, run, kind))).await));
        let outcomes = match asked.await {
            Ok(outcomes) => outcomes,
            Err(trouble) => {
                self.is_away(&trouble).await;
                return round.into_iter().flat_map(|(_, questions)| questions).collect();
            }
        };
        let mut again = Vec::new();
        for ((_, questions), outcome) in round.into_iter().zip(outcomes) {
            again.extend(self.settle(questions, outcome).await);
        }
        again
    }

    /// Answers one kind's questions. Gives those that are to be asked again.
    async fn settle(
        &mut self,
        mut questions: Vec<Question>,
        outcome: Result<Answers, Error>,
    ) -> Vec<Question> {
        match outcome.map_err(|error| Trouble::of(&error)) {
            Ok(answers) => self.answer(questions, answers),
            Err(trouble @ Trouble::Away(_)) => {
                self.link.lost();
                self.is_away(&trouble).await;
                questions
            }
            // One of them may be to blame for all.
            Err(Trouble::Refused(_)) if questions.len() > 1 => {
                questions.iter_mut().for_each(|question| question.alone = true);
                questions
            }
            Err(Trouble::Refused(words)) => {
                let refused =
                    |question: Question| question.answer(Err(StoreError::Unavailable(words.clone())));
                questions.into_iter().for_each(refused);
                Vec::new()
            }
        }
    }

    /// What has no answer is not ours, unless only the lease had lapsed: it is renewed, and asked once more.
    fn answer(&mut self, questions: Vec<Question>, mut answers: Answers) -> Vec<Question> {
        self.is_back();
        let mut again = Vec::new();
        for mut question in questions {
            match answers.remove(&question.entry.key) {
                Some(standing) => question.answer(Ok(standing)),
                None if question.again => question.answer(Err(StoreError::TakenOver)),
                None => {
                    self.renewal = Instant::now();
                    question.again = true;
                    again.push(question);
                }
            }
        }
        again
    }

    /// Without those that nobody waits for any more, and those whose time is up.
    fn in_time(&self, questions: Vec<Question>) -> Vec<Question> {
        let now = Instant::now();
        let waiting = questions.into_iter().filter(|question| !question.caller.is_closed());
        let (in_time, late): (Vec<_>, Vec<_>) = waiting.partition(|question| question.deadline > now);
        for question in late {
            let words = self.away.clone().unwrap_or_else(|| "the database has no time".to_owned());
            question.answer(Err(StoreError::Unavailable(words)));
        }
        in_time
    }

    /// Renews the lease where that is due.
    async fn hold_lease(&mut self) -> Result<(), Trouble> {
        if Instant::now() < self.renewal {
            return Ok(());
        }
        let (run, lease, begun) = (self.run, self.lease, Instant::now());
        self.link.ask(async |client| tables::renew(client, run, lease).await).await?;
        self.is_back();
        let late = begun.saturating_duration_since(self.renewal) > lease * 2 / 3;
        self.renewal = begun + lease / 3;
        if late {
            tracing::warn!("the journal's lease had lapsed: other processors may have taken messages over");
        }
        Ok(())
    }

    /// What is done beside the work.
    async fn keep_house(&mut self) {
        let kept = match self.hold_lease().await {
            Ok(()) if self.confirm_from <= Instant::now() => self.confirm().await,
            held => held,
        };
        if let Err(trouble) = kept {
            return self.is_away(&trouble).await;
        }
        if Instant::now() >= self.sweep.due {
            self.sweep().await;
        }
    }

    async fn confirm(&mut self) -> Result<(), Trouble> {
        self.confirm_from = Instant::now() + TICK;
        let keys = self.confirmed.take();
        if keys.is_empty() {
            return Ok(());
        }
        let confirmed = self.link.ask(async |client| tables::confirm(client, &keys).await).await;
        if let Err(Trouble::Away(_)) = &confirmed {
            self.confirmed.put_back(keys);
        }
        confirmed
    }

    async fn sweep(&mut self) {
        let sweep = &mut self.sweep;
        let swept = self.link.ask(async |client| sweep.step(client).await).await;
        if let Err(Trouble::Away(error) | Trouble::Refused(error)) = swept {
            tracing::warn!(%error, "old entries of the journal cannot be dropped now");
        }
    }

    async fn close(&mut self) {
        let run = self.run;
        let ended = match self.confirm().await {
            Ok(()) => self.link.ask(async |client| tables::end(client, run).await).await,
            trouble => trouble,
        };
        if let Err(Trouble::Away(error) | Trouble::Refused(error)) = ended {
            tracing::warn!(%error, "the journal could not be closed in order; its lease runs out by itself");
        }
        self.link.close().await;
    }

    /// Says so, once, and waits before it is tried again.
    async fn is_away(&mut self, trouble: &Trouble) {
        let (Trouble::Away(error) | Trouble::Refused(error)) = trouble;
        if self.away.replace(error.clone()).is_none() {
            tracing::warn!(%error, "the journal's database cannot be used; messages wait, and it is tried again");
        }
        self.link.rest().await;
    }

    fn is_back(&mut self) {
        if self.away.take().is_some() {
            tracing::info!("the journal's database can be used again");
        }
    }
}

async fn ask(client: &Client, run: i64, (kind, questions): &(Kind, Vec<Question>)) -> Result<Answers, Error> {
    let entries: Vec<&Entry> = questions.iter().map(|question| &question.entry).collect();
    kind.ask(client, run, &entries).await
}

/// The first question about each message, and the others: one statement may not meet a message twice.
fn different(questions: Vec<Question>) -> (Vec<Question>, Vec<Question>) {
    let mut seen = HashSet::new();
    questions.into_iter().partition(|question| seen.insert(question.entry.key.clone()))
}

/// What goes in one statement each.
fn by_kind(questions: Vec<Question>) -> Vec<(Kind, Vec<Question>)> {
    let (alone, together): (Vec<_>, Vec<_>) = questions.into_iter().partition(|question| question.alone);
    let mut kinds: HashMap<Kind, Vec<Question>> = HashMap::new();
    for question in together {
        kinds.entry(question.kind).or_default().push(question);
    }
    let alone = alone.into_iter().map(|question| (question.kind, vec![question]));
    kinds.into_iter().chain(alone).collect()
}

// === impl Question ===

impl Question {
    fn answer(self, answer: Result<Standing, StoreError>) {
        // The caller may not wait any more.
        let _ = self.caller.send(answer);
    }
}
