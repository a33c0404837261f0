//! Waiting without a worker.

use super::{
    Context,
    seat::{Seat, Sitting},
};
use crate::{Failure, FailureKind, Reply, decorate::timed_out};
use jiff::Timestamp;
use std::{
    future::{Future, pending},
    pin::pin,
    sync::Arc,
    time::Duration,
};
use tokio::time::sleep;

/// # Waiting
/// A handler that waits in one of these ways holds no worker (`num_workers`), so that thousands may wait for hours, and
/// others come meanwhile. It takes a worker again before it goes on.
/// - **It is not at work while it waits.** A process that dies meanwhile has not interrupted it: the handler is begun
///   again from its start, [`at_most_once`](crate::Handler::at_most_once) or not, and this does not count as a crash.
///   So [`keep`](Self::keep) what was done before the wait, and ask for it first thing.
/// - **When the daemon stops**, the wait ends with [`Failure::returned`]: hand it on with `?`, and the message goes back
///   to the broker, for this processor's next start or another one.
/// - **When the platform calls the work off** ([`cancelled`](Self::cancelled)), it ends with a failure of the kind
///   [`Cancelled`](FailureKind::Cancelled), with a worker, so that the handler can tidy up.
/// - **A [`timeout`](crate::Handler::timeout) does not count it.** [`time_left`](Self::time_left) does.
/// - A place in a [`limit`](crate::Handler::limit), the turn in a burst and the order of an incident's messages are
///   kept.
/// - It may be dropped half-way (`select!`, `tokio::time::timeout`): a worker is taken before the handler goes on for
///   longer than to its next `.await`.
impl Context {
    /// Waits for `time`, all in all: the wait outlives the process. A processor that begins the handler again waits for
    /// what is left of it, and not at all once it is over.
    ///
    /// `name` tells the waits of one handler apart. The first time that a run of the handler uses a name it goes on with
    /// the wait of that name that an earlier run began, if one did (before a restart, or before a
    /// [`retry`](crate::Handler::retry)); each further time, as in a loop, begins a new one.
    ///
    /// ```
    /// # use action_component::{Context, Failure, Message, Reply};
    /// # use std::time::Duration;
    /// async fn remind(_message: Message, cx: Context) -> Result<Reply, Failure> {
    ///     cx.status("waiting three hours for the owner").await;
    ///     cx.wait("for the owner", Duration::from_secs(3 * 3600)).await?;
    ///     // Three hours after the action was chosen, whatever was restarted meanwhile.
    ///     Ok(Reply::text("reminded"))
    /// }
    /// ```
    ///
    /// # Errors
    /// See [Waiting](#waiting); or the names of the handler's waits are too long to be kept.
    pub async fn wait(&self, name: &str, time: Duration) -> Result<(), Failure> {
        let goes_on = self.seat.is_new(name);
        let (left, note) = self.inner.notebook.wait(name, time, goes_on)?;
        if left.is_zero() {
            return self.may_go_on();
        }
        self.away(Some(note), sleep(left)).await
    }

    /// Waits until `when`. That is the same moment after a restart, provided that `when` does not depend on the present:
    /// take it from the message, or [`keep`](Self::keep) it.
    ///
    /// # Errors
    /// See [Waiting](#waiting).
    pub async fn wait_until(&self, when: Timestamp) -> Result<(), Failure> {
        let left = when.as_millisecond().saturating_sub(Timestamp::now().as_millisecond());
        let left = Duration::from_millis(u64::try_from(left).unwrap_or_default());
        self.wait_for(sleep(left)).await
    }

    /// Waits for an event: whatever may be long in coming and is no work while it does.
    ///
    /// # Errors
    /// See [Waiting](#waiting). What the event itself comes to is inside of the `Ok`.
    pub async fn wait_for<T>(&self, event: impl Future<Output = T> + Send) -> Result<T, Failure> {
        self.away(None, event).await
    }

    /// Asks `poll` at once and then every `interval`, counted from one answer to the next question, until it has an
    /// answer or fails. Each question is work, in a worker; in between there is none. After a restart the first
    /// question is asked at once.
    ///
    /// ```
    /// # use action_component::{Context, Failure, Message, Reply};
    /// # use std::time::Duration;
    /// # async fn start() -> Result<u64, Failure> { Ok(1) }
    /// # async fn report(_job: u64) -> Result<Option<String>, Failure> { Ok(Some("clean".to_owned())) }
    /// async fn scan(_message: Message, cx: Context) -> Result<Reply, Failure> {
    ///     // Begun once: a run after a restart asks for the job that an earlier one began.
    ///     let job: u64 = match cx.kept()? {
    ///         Some(job) => job,
    ///         None => {
    ///             let job = start().await?;
    ///             cx.keep(&job).await?;
    ///             job
    ///         }
    ///     };
    ///     let report = cx.poll_every(Duration::from_secs(60), async || report(job).await).await?;
    ///     Ok(Reply::text(report))
    /// }
    /// ```
    ///
    /// # Errors
    /// That of `poll`; see also [Waiting](#waiting).
    pub async fn poll_every<T, F, P>(&self, interval: Duration, mut poll: F) -> Result<T, Failure>
    where
        F: FnMut() -> P + Send,
        P: Future<Output = Result<Option<T>, Failure>> + Send,
        T: Send,
    {
        loop {
            self.may_go_on()?;
            if let Some(answer) = poll().await? {
                return Ok(answer);
            }
            self.wait_for(sleep(interval)).await?;
        }
    }

    /// What is left of `longest` since this was first asked for this message under this name, waits, attempts and
    /// restarts included; zero once it is over.
    ///
    /// ```
    /// # use action_component::{Context, Failure};
    /// # use std::time::Duration;
    /// # async fn report() -> Result<Option<String>, Failure> { Ok(None) }
    /// # async fn scan(cx: Context) -> Result<String, Failure> {
    /// let left = cx.time_left("the scan", Duration::from_secs(6 * 3600)).await?;
    /// let polling = cx.poll_every(Duration::from_secs(60), report);
    /// tokio::time::timeout(left, polling).await.map_err(|_| Failure::new("The scan took too long."))?
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`keep`](Self::keep).
    pub async fn time_left(&self, name: &str, longest: Duration) -> Result<Duration, Failure> {
        let (left, note) = self.inner.notebook.time_left(name, longest)?;
        if let Some(note) = note {
            self.inner.status.keeps(note).await?;
        }
        Ok(left)
    }

    /// Waits for `event`, away from the worker.
    async fn away<T>(
        &self,
        note: Option<String>,
        event: impl Future<Output = T> + Send,
    ) -> Result<T, Failure> {
        self.may_go_on()?;
        let at_work = self.seat.is_taken();
        if at_work || note.is_some() {
            let note = note.unwrap_or_else(|| self.inner.notebook.text());
            self.inner.status.sets_down(note).await?;
        }
        let absence = self.seat.leave();
        let waiting = self.waiting();
        let outcome = tokio::select! {
            biased;
            () = self.shutdown().cancelled() => return Err(Failure::returned()),
            () = self.cancelled().cancelled() => Err(called_off()),
            outcome = event => Ok(outcome),
        };
        drop(waiting);
        self.comes_back().await?;
        drop(absence);
        outcome
    }

    /// A handler that is to end does not begin to wait.
    fn may_go_on(&self) -> Result<(), Failure> {
        if self.seat.is_closed() {
            return Err(Failure::new("The message has been answered: nobody waits for it any longer."));
        }
        if self.cancelled().is_cancelled() { Err(called_off()) } else { Ok(()) }
    }

    /// Takes a worker again, where there was one.
    async fn comes_back(&self) -> Result<(), Failure> {
        let _first = self.seat.door.lock().await;
        if !self.seat.is_away() {
            return Ok(());
        }
        let worker = self.free_worker().await?;
        self.begins().await?;
        self.seat.sit(worker);
        Ok(())
    }

    /// Does `work` in a worker, for as long as the context's timeout allows.
    pub(crate) async fn at_work<W>(self, work: impl FnOnce(Self) -> W + Send) -> Result<Reply, Failure>
    where
        W: Future<Output = Result<Reply, Failure>> + Send,
    {
        let seat = Arc::new(Seat::taken(self.worker().await?));
        let cx = Self { seat: seat.clone(), ..self };
        let _sitting = Sitting(&cx);
        let mut work = pin!(work(cx.clone()));
        loop {
            tokio::select! {
                biased;
                () = seat.adrift() => cx.comes_back().await?,
                outcome = &mut work => return outcome,
                failure = overdue(&seat, cx.longest) => return Err(failure),
            }
        }
    }
}

async fn overdue(seat: &Seat, longest: Option<Duration>) -> Failure {
    let Some(longest) = longest else { return pending().await };
    seat.overdue(longest).await;
    timed_out(longest)
}

/// What the handler is told; the daemon knows who did it, and says so in the answer.
pub(crate) fn called_off() -> Failure {
    let text = "The platform called this work off; what was done until then stays done.";
    Failure::with_kind(FailureKind::Cancelled, text)
}
