//! Keeps what is served true.

use super::{Loaded, Prospect, Settings, State, update::Update};
use crate::{
    component::{CancellationToken, Rest},
    dispatch::{Clash, Destination, Dispatcher, Workshop},
    stomp::{Delivery, Link},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use tracing::{Instrument, debug, info, warn};

/// How often the platform is asked while something is missing, unless it is asked more often anyway.
const SOON: Duration = Duration::from_secs(15);

/// A queue that is wanted no more is left when nothing has come from it for so long: its last messages are still answered.
const QUIET: Duration = Duration::from_secs(3);

/// How often the queues that are to be left are looked at.
const LOOK: Duration = Duration::from_millis(500);

/// The task that keeps it true.
pub type Keeping = AbortOnDropHandle<()>;

/// What is served on one platform, while it runs. Clones are the same.
#[derive(Debug, Clone)]
pub struct Serving(Arc<Desk>);

#[derive(Debug)]
struct Desk {
    settings: Settings,
    rest: Rest,
    workshop: Arc<Workshop>,
    link: Link,
    dispatcher: Dispatcher,
    board: Mutex<Board>,
    /// Something is to be subscribed to or to be left.
    changed: Notify,
    /// The platform is to be asked now.
    ask: Notify,
    /// Acknowledgements of the platform's own words that are under way.
    acknowledging: TaskTracker,
}

#[derive(Debug)]
struct Board {
    state: State,
    /// The queues that the link has been told of.
    open: BTreeSet<String>,
    /// Those of them that are wanted no more.
    leaving: BTreeMap<String, Leaving>,
}

/// A queue on its way out.
#[derive(Debug)]
struct Leaving {
    /// Since when nothing has come from it.
    quiet: Instant,
    /// Messages that nobody answers. They go back to the broker with the subscription, or are carried out after all if the
    /// queue is wanted again before that: the broker would not deliver them a second time. No more of them come than the
    /// broker sends ahead.
    held: Vec<Delivery>,
}

// === impl Prospect ===

impl Prospect {
    /// Keeps it true until the services' shutdown token fires, or the second value is dropped. `link` has been started with the queues that the prospect
    /// named, `workshop` with its handlers.
    pub fn start(self, workshop: Arc<Workshop>, link: Link, dispatcher: Dispatcher) -> (Serving, Keeping) {
        let Self { settings, rest, state, .. } = self;
        let open = state.wanted.clone();
        let board = Mutex::new(Board { state, open, leaving: BTreeMap::new() });
        let (changed, ask) = (Notify::new(), Notify::new());
        let acknowledging = TaskTracker::new();
        let desk = Desk { settings, rest, workshop, link, dispatcher, board, changed, ask, acknowledging };
        let serving = Serving(Arc::new(desk));
        let keeping = tokio::spawn(serving.clone().keep().in_current_span());
        (serving, AbortOnDropHandle::new(keeping))
    }
}

// === impl Serving ===

impl Serving {
    /// Takes a delivery: a message is dispatched, the platform's word of its connectors is obeyed.
    pub fn deliver(&self, delivery: Delivery) {
        if Update::is_in(&delivery.headers) {
            return self.update(delivery);
        }
        let mut board = self.0.board();
        if !board.open.contains(&delivery.destination) {
            return debug!(
                queue = delivery.destination,
                "from a queue that has been left; the broker takes it back"
            );
        }
        let Board { state, leaving, .. } = &mut *board;
        if let Some(leaving) = leaving.get_mut(&delivery.destination) {
            leaving.quiet = Instant::now();
            if !state.answers(&self.0.workshop.registry(), &delivery.destination) {
                debug!(
                    queue = delivery.destination,
                    "nobody answers this any more; it goes back to the broker"
                );
                return leaving.held.push(delivery);
            }
        }
        // Still on the board: a queue is not left between its message's arrival and its being at work.
        self.0.dispatcher.deliver(delivery);
    }

    /// The queues to subscribe to.
    #[must_use]
    pub fn wanted(&self) -> BTreeSet<String> {
        self.0.board().state.wanted.clone()
    }

    /// Serves `components` from now on. Their handlers are in force at once. Queues that come along are subscribed to soon,
    /// those that go are left as soon as their last messages are answered; what new components need, the platform is asked
    /// at once.
    ///
    /// # Errors
    /// Components that want the same thing; then nothing has changed.
    pub fn reload(&self, components: Vec<Loaded>) -> Result<(), Vec<Clash>> {
        let mut board = self.0.board();
        let before = std::mem::replace(&mut board.state.components, components);
        if let Err(clashes) = self.0.replan(&mut board) {
            board.state.components = before;
            return Err(clashes);
        }
        let names: BTreeSet<String> =
            board.state.components.iter().map(|loaded| loaded.name().to_owned()).collect();
        // A component that was left out has its needs looked at anew when it comes back.
        board.state.ready.retain(|name| names.contains(name));
        drop(board);
        self.0.ask.notify_one();
        Ok(())
    }

    /// Obeys it, and acknowledges it: the list that the platform shows says the same from now on.
    fn update(&self, delivery: Delivery) {
        let org = self.0.board().state.scope.org;
        match Update::read(&delivery.body, org) {
            Ok(update) => self.obey(update),
            Err(error) => {
                warn!(%error, "the platform's word of its low-code connectors cannot be read; its list is asked for");
                self.0.ask.notify_one();
            }
        }
        let link = self.0.link.clone();
        self.0.acknowledging.spawn(async move {
            match link.settle(&delivery.ack, None).await {
                // If the session falls first it comes again, which is no harm.
                Ok(settling) => drop(settling.confirmed().await),
                Err(stale) => debug!(%stale),
            }
        });
    }

    /// Waits until what the platform said of its connectors has been acknowledged, so that it does not come again.
    pub async fn settled(&self) {
        self.0.acknowledging.close();
        self.0.acknowledging.wait().await;
    }

    fn obey(&self, update: Update) {
        let Update { come, gone, refused } = update;
        info!(
            come = come.join(", "),
            gone = gone.join(", "),
            "the platform's low-code connectors have changed"
        );
        if !refused.is_empty() {
            let refused = refused.join(", ");
            warn!(refused, "not subscribed to: these are no connectors' queues of this organization");
        }
        let mut board = self.0.board();
        board.state.definitions.update_connectors(come, &gone);
        self.0.conclude(&mut board);
    }

    /// Asks, and obeys the answers, until the daemon stops.
    async fn keep(self) {
        let shutdown = self.0.workshop.services().shutdown.clone();
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = self.0.ask_again() => {}
            () = self.0.follow(&shutdown) => {}
        }
    }
}

// === impl Desk ===

impl Desk {
    async fn ask_again(&self) {
        loop {
            tokio::select! {
                () = sleep(self.pause()) => {}
                () = self.ask.notified() => {}
            }
            let (questions, updates) = {
                let board = self.board();
                (board.state.questions(), board.state.definitions.updates())
            };
            let answers = questions.ask(&self.rest, updates).await;
            let mut board = self.board();
            let trouble = board.state.definitions.take(answers);
            match &trouble {
                Some(error) if !board.state.trouble => {
                    warn!(%error, "the platform cannot be asked what has changed there; what is served goes on");
                }
                Some(error) => debug!(%error, "the platform still cannot be asked"),
                None if board.state.trouble => info!("the platform can be asked again"),
                None => {}
            }
            board.state.trouble = trouble.is_some();
            self.conclude(&mut board);
        }
    }

    fn pause(&self) -> Duration {
        let refresh = self.settings.refresh;
        if self.board().state.is_complete() { refresh } else { refresh.min(SOON) }
    }

    /// The components are the same as before, and did not clash then.
    fn conclude(&self, board: &mut Board) {
        if let Err(clashes) = self.replan(board) {
            warn!(?clashes, "what is served stays as it is");
        }
    }

    /// Puts into force what is known now.
    fn replan(&self, board: &mut Board) -> Result<(), Vec<Clash>> {
        let before = board.state.findings.clone();
        let mut registry = board.state.replan()?;
        board.state.findings.tell_changes(&before);
        let Board { state, open, leaving } = board;
        let back: Vec<_> = leaving.extract_if(.., |queue, _| state.wanted.contains(queue)).collect();
        for queue in open.difference(&state.wanted) {
            leaving.entry(queue.clone()).or_insert_with(Leaving::now);
        }
        // What is at work there, or waits, still finds its handler.
        let earlier = self.workshop.registry();
        for queue in leaving.keys().filter_map(|queue| queue.parse::<Destination>().ok()) {
            registry.keep(&earlier, &queue.name);
        }
        self.workshop.replace_registry(registry);
        // What another session delivered comes again by itself.
        let held = back.into_iter().flat_map(|(_, leaving)| leaving.held);
        held.filter(|delivery| !delivery.ack.is_stale())
            .for_each(|delivery| self.dispatcher.deliver(delivery));
        self.changed.notify_one();
        Ok(())
    }

    /// Tells the link what to subscribe to and what no more.
    async fn follow(&self, shutdown: &CancellationToken) {
        loop {
            for queue in self.coming() {
                self.link.subscribe(queue).await;
            }
            for queue in self.going() {
                info!(queue, "no longer subscribed to: nothing is served by it");
                self.link.unsubscribe(&queue).await;
                self.dispatcher.forget(&queue);
            }
            for queue in self.open() {
                self.dispatcher.widen(&queue);
            }
            let leaving = !self.board().leaving.is_empty();
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.changed.notified() => {}
                () = sleep(LOOK), if leaving => {}
            }
        }
    }

    /// The queues that the link has been told of.
    fn open(&self) -> Vec<String> {
        self.board().open.iter().cloned().collect()
    }

    /// Queues that are wanted and not subscribed to; they count as such from now on.
    fn coming(&self) -> Vec<String> {
        let Board { state, open, .. } = &mut *self.board();
        let coming: Vec<String> = state.wanted.difference(open).cloned().collect();
        open.extend(coming.iter().cloned());
        coming
    }

    /// Queues that can be left now: what ActiveMQ has delivered of a queue cannot be acknowledged after that.
    fn going(&self) -> Vec<String> {
        let mut board = self.board();
        let Board { open, leaving, .. } = &mut *board;
        if !self.link.is_up() {
            // Nothing can come, so that nothing follows from nothing coming.
            leaving.values_mut().for_each(|leaving| *leaving = Leaving::now());
        }
        let over = |queue: &str, leaving: &Leaving| {
            leaving.quiet.elapsed() >= QUIET && !self.dispatcher.is_at_work_on(queue)
        };
        let going = leaving.extract_if(.., |queue, leaving| over(queue, leaving));
        let going: Vec<String> = going.map(|(queue, _)| queue).collect();
        going.iter().for_each(|queue| _ = open.remove(queue));
        going
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Leaving ===

impl Leaving {
    /// Nothing has come for no time at all, and nothing is held.
    fn now() -> Self {
        Self { quiet: Instant::now(), held: Vec::new() }
    }
}
