//! The whole life of the connection: one enum, one match, one arm per arrow.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::OwnedPermit;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::aside::{Aside, Berth, Seen};
use super::backoff::Backoff;
use super::blame::Blame;
use super::error::{CloseError, LinkError};
use super::frame::Frame;
use super::handle::{Delivery, Event, Link, Order, Windows};
use super::live::Live;
use super::outbox::Outbox;
use super::reader::Incoming;
use super::roster::{Request, Roster, SubscriptionId};
use super::session::Epoch;
use super::settings::Settings;
use super::suspects::{Ending, Suspect, Suspects};
use super::transport::authority;
use super::writer::{Outlet, Post};

mod incoming;
mod probing;

/// What a link needs from the outside world: a fresh byte stream to the broker, TLS and proxies done.
pub trait Dial: Send + 'static {
    /// The byte stream.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// Why there is none.
    type Error: Error + Send + Sync + 'static;

    /// Opens a stream. The link drops the future when the connect timeout passes.
    fn dial(&mut self) -> impl Future<Output = Result<Self::Io, Self::Error>> + Send;

    /// The host and port that the last dial was for, where it may be one of several.
    fn target(&self) -> Option<(&str, u16)> {
        None
    }

    /// What opens a second stream to the broker that was dialed last, if that can be done: what may cost a connection is
    /// tried on one of its own.
    fn aside(&self) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }
}

/// Where the connection stands.
enum Life<Io> {
    /// No connection: `until` → `Dialing`; told to close → `Over`.
    Waiting { until: Instant },
    /// One attempt, from name lookup to CONNECTED: → `Up`; failed → `Waiting`, or `Over` if it was the last; told to
    /// close → `Over`.
    Dialing,
    /// Established: fallen → `Waiting`; told to close → `Closing`.
    Up { live: Live<Io>, since: Instant },
    /// The last word is being said: → `Over`.
    Closing { live: Live<Io>, deadline: Duration },
    /// Nothing follows.
    Over(Result<(), CloseError>),
}

/// What ends a stretch of a life.
enum End {
    Failed(LinkError),
    Told(Duration),
}

/// What happens next on an established session.
enum Next {
    /// The owner wants something; `None`: the last handle is gone.
    Order(Option<Order>),
    /// There is room for a frame of ours.
    Place(OwnedPermit<Post>),
    /// The owner has taken all events.
    Delivered,
    /// There is room for the message that was held back.
    Room(OwnedSemaphorePermit),
    Incoming(Incoming),
    Failed(LinkError),
    /// Other numbers of subscriptions are wanted.
    Windows,
    /// A refused queue is to be tried again, or an answer is late.
    Due,
    /// What a queue that had been refused came to, asked for on a connection of its own.
    Probed(SubscriptionId, Seen),
}

/// Keeps the connection alive.
struct Keeper<D: Dial> {
    settings: Arc<Settings>,
    dialer: D,
    orders: mpsc::Receiver<Order>,
    outbox: Outbox,
    /// What deliveries may take of memory, in KiB.
    room: Arc<Semaphore>,
    /// A delivery that waits for room, and how much it takes.
    held: Option<(Delivery, u32)>,
    roster: Roster,
    backoff: Backoff,
    /// Failed attempts since a session was last of use.
    failures: u32,
    blame: Blame,
    aside: Aside,
    berth: Berth<D>,
    probed: mpsc::Receiver<(SubscriptionId, Seen)>,
    /// Where probes tell what they have seen.
    probes: mpsc::Sender<(SubscriptionId, Seen)>,
    /// Whether the session was of use: the broker has answered a subscription.
    useful: bool,
    epoch: Epoch,
    current: watch::Sender<Option<Outlet>>,
    windows: watch::Receiver<Windows>,
    suspects: Suspects,
    /// Until when no further subscription is asked for.
    next_request: Instant,
    /// When the owner was last told that something was skipped, and of a flood.
    skipped: Option<Instant>,
    flooded: Option<Instant>,
}

/// Places in the events' channel besides those for messages.
const SPARE_EVENTS: usize = 64;
/// The channel is never deeper; a broker that is allowed more waits.
const MAX_EVENTS: usize = 65_536;
/// The unit in which room is counted.
const KIB: usize = 1_024;
/// Orders that may wait for the link's task, which is never busy for long.
const ORDERS: usize = 16;
/// How long closing may take when the last handle is dropped.
const UNASKED_CLOSE: Duration = Duration::from_secs(5);

/// Starts the link on the current runtime. Heart-beats are sent on time only if that runtime's threads are not kept busy
/// by others; where handlers compute, give the link a runtime of its own.
///
/// The events must be received, or the link reads no further; they end when the link does.
pub fn start<D: Dial>(
    settings: Settings,
    destinations: Vec<String>,
    dialer: D,
) -> (Link, mpsc::Receiver<Event>) {
    let depth = events_depth(&settings, destinations.len());
    let (events, received) = mpsc::channel(depth);
    let (orders, taken) = mpsc::channel(ORDERS);
    let (current, shown) = watch::channel(None);
    let (over, outcome) = watch::channel(None);
    let abort = CancellationToken::new();
    let prefetch = usize::try_from(settings.prefetch.max(1)).unwrap_or(MAX_EVENTS);
    let ahead = Arc::new(AtomicUsize::new(prefetch));
    let blame = Blame::default();
    let (aside, berth) = Aside::start(&settings, &blame);
    let (probes, probed) = mpsc::channel(ORDERS);
    let (max_bytes, room) = (settings.max_bytes, Arc::new(Semaphore::new(room_of(settings.max_bytes))));
    let (wanted, windows) = watch::channel(Windows::new());
    let windows_wanted = Arc::new(wanted);
    let link = Link {
        orders,
        current: shown,
        over: outcome,
        abort: abort.clone(),
        prefetch,
        ahead,
        aside: aside.clone(),
        room: Arc::clone(&room),
        max_bytes,
        windows: windows_wanted,
    };
    let keeper = Keeper {
        backoff: Backoff::new(settings.backoff),
        settings: Arc::new(settings),
        dialer,
        orders: taken,
        outbox: Outbox::new(events.clone()),
        room,
        held: None,
        roster: Roster::new(destinations),
        failures: 0,
        blame,
        aside,
        berth,
        probed,
        probes,
        useful: false,
        epoch: Epoch(0),
        current,
        windows,
        suspects: Suspects::default(),
        next_request: Instant::now(),
        skipped: None,
        flooded: None,
    };
    tokio::spawn(async move {
        tokio::select! {
            biased;
            () = abort.cancelled() => {}
            () = events.closed() => debug!("nobody receives the link's events; it ends"),
            () = keeper.run(&over) => {}
        }
        over.send_if_modified(|outcome| {
            outcome.is_none() && outcome.replace(Err(CloseError::Aborted)).is_none()
        });
    });
    (link, received)
}

/// In KiB.
fn room_of(bytes: usize) -> usize {
    (bytes / KIB).clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize))
}

/// What a message of so many bytes takes; one that is larger than all there is waits for all.
pub(super) fn units_of(bytes: usize, max_bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(KIB).clamp(1, room_of(max_bytes))).unwrap_or(u32::MAX)
}

fn events_depth(settings: &Settings, destinations: usize) -> usize {
    let prefetch = usize::try_from(settings.prefetch.max(1)).unwrap_or(MAX_EVENTS);
    prefetch.saturating_mul(destinations.max(1)).saturating_add(SPARE_EVENTS).min(MAX_EVENTS)
}

// === impl Keeper ===

impl<D: Dial> Keeper<D> {
    async fn run(mut self, over: &watch::Sender<Option<Result<(), CloseError>>>) {
        let mut life = Life::Dialing;
        let outcome = loop {
            life = match life {
                Life::Over(outcome) => break outcome,
                life => self.step(life).await,
            };
        };
        self.current.send_replace(None);
        over.send_replace(Some(outcome));
        // Whoever orders now is not to wait for a place in the queue.
        drop(self.orders);
        self.outbox.drain().await;
    }

    async fn step(&mut self, life: Life<D::Io>) -> Life<D::Io> {
        match life {
            Life::Waiting { until } => match self.wait(until).await {
                None => Life::Dialing,
                Some(_) => Life::Over(Ok(())),
            },
            Life::Dialing => match self.dial().await {
                Ok(live) => self.up(live),
                Err(End::Failed(error)) => self.attempt_failed(error),
                Err(End::Told(_)) => Life::Over(Ok(())),
            },
            Life::Up { mut live, since } => match self.serve(&mut live).await {
                Ok(()) => Life::Up { live, since },
                Err(End::Failed(error)) => self.fallen(error, since, &live),
                Err(End::Told(deadline)) => Life::Closing { live, deadline },
            },
            Life::Closing { live, deadline } => Life::Over(self.close(live, deadline).await),
            Life::Over(outcome) => Life::Over(outcome),
        }
    }

    /// Waits, taking orders; the deadline if told to close.
    async fn wait(&mut self, until: Instant) -> Option<Duration> {
        loop {
            tokio::select! {
                biased;
                order = self.orders.recv() => if let Err(deadline) = obey(&mut self.roster, order) {
                    return Some(deadline);
                },
                () = sleep_until(until) => return None,
                () = self.outbox.drain(), if !self.outbox.is_empty() => {}
            }
        }
    }

    /// One attempt under one deadline, taking orders meanwhile.
    async fn dial(&mut self) -> Result<Live<D::Io>, End> {
        let Self { settings, dialer, orders, outbox, roster, blame, epoch, .. } = self;
        epoch.0 += 1;
        let limit = settings.connect_timeout;
        let attempt = timeout(limit, async {
            let io = dialer.dial().await.map_err(|error| LinkError::Dial(Box::new(error)))?;
            let host = dialer.target().map_or(settings.host.as_str(), |(host, _)| host);
            Live::open(io, settings, host, blame.clone(), *epoch).await
        });
        tokio::pin!(attempt);
        loop {
            tokio::select! {
                biased;
                order = orders.recv() => obey(roster, order).map_err(End::Told)?,
                done = &mut attempt => {
                    let done = done.unwrap_or(Err(LinkError::ConnectTimeout(limit)));
                    return done.map_err(End::Failed);
                }
                () = outbox.drain(), if !outbox.is_empty() => {}
            }
        }
    }

    fn up(&mut self, live: Live<D::Io>) -> Life<D::Io> {
        self.held = None;
        self.useful = false;
        self.take_windows();
        self.roster.renew();
        self.current.send_replace(Some(live.outlet.clone()));
        let host = self.dialer.target().map_or(self.settings.host.as_str(), |(host, _)| host);
        self.berth.up(self.dialer.aside(), host, live.epoch.0);
        let (epoch, version) = (live.epoch, live.session.version());
        let broker = live.session.broker().map(str::to_owned);
        let beats = live.session.beats();
        self.outbox.push(Event::Up { at: self.at(), epoch, broker, version, beats });
        self.tell_if_ready();
        Life::Up { live, since: Instant::now() }
    }

    fn fallen(&mut self, error: LinkError, since: Instant, live: &Live<D::Io>) -> Life<D::Io> {
        let outlet = self.current.send_replace(None);
        let in_order = outlet.is_some_and(|outlet| outlet.profile.ends_over_refusals());
        self.berth.down();
        self.blame.session_ended(&error);
        if in_order && matches!(error, LinkError::Unconfirmed(_)) {
            self.hold_unanswered();
        }
        self.backoff.was_up(since.elapsed());
        self.suspect(&error, live);
        if self.useful { self.retry(error) } else { self.attempt_failed(error) }
    }

    /// Counts sessions that were of no use too: a broker that says CONNECTED and drops us is not there.
    fn attempt_failed(&mut self, error: LinkError) -> Life<D::Io> {
        if error.lacks_descriptors() {
            return self.retry(error);
        }
        self.failures = self.failures.saturating_add(1);
        if self.settings.max_attempts.is_some_and(|max| self.failures >= max) {
            self.outbox.push(Event::Down { at: self.at(), error, retry_in: None });
            return Life::Over(Ok(()));
        }
        self.retry(error)
    }

    fn retry(&mut self, error: LinkError) -> Life<D::Io> {
        let delay = self.backoff.failed(error.cause(), Instant::now(), fastrand::f64());
        self.outbox.push(Event::Down { at: self.at(), error, retry_in: Some(delay) });
        Life::Waiting { until: Instant::now() + delay }
    }

    /// Does the next thing that is due on an established session.
    async fn serve(&mut self, live: &mut Live<D::Io>) -> Result<(), End> {
        match self.next(live).await {
            Next::Order(order) => {
                obey(&mut self.roster, order).map_err(End::Told)?;
                self.take_windows();
                Ok(())
            }
            Next::Windows => {
                self.take_windows();
                Ok(())
            }
            Next::Place(place) => {
                self.next_request = Instant::now() + self.suspects.pause().unwrap_or_default();
                if let Some(request) = self.roster.next_request(Instant::now()) {
                    place.send(frame_for(request, live, &self.settings).into());
                }
                Ok(())
            }
            Next::Probed(id, seen) => {
                self.told_of(id, seen);
                Ok(())
            }
            Next::Delivered => {
                live.reader.excuse();
                Ok(())
            }
            Next::Room(permit) => {
                live.resume();
                if let Some((delivery, _)) = self.held.take() {
                    self.outbox.push(Event::Delivery(Delivery { room: Some(Arc::new(permit)), ..delivery }));
                }
                Ok(())
            }
            Next::Incoming(incoming) => self.receive(incoming, live).map_err(End::Failed),
            Next::Failed(error) => Err(End::Failed(live.last_words(error).await)),
            Next::Due => {
                self.probe(live);
                self.tell_overdue();
                Ok(())
            }
        }
    }

    async fn next(&mut self, live: &mut Live<D::Io>) -> Next {
        self.probe(live);
        let now = Instant::now();
        let is_wanted = self.roster.has_request(now);
        let has_request = is_wanted && self.next_request <= now;
        let due = if is_wanted {
            Some(self.next_request).filter(|_| !has_request)
        } else {
            self.roster.next_due(self.settings.connect_timeout)
        };
        let has_room = self.held.is_none();
        let may_read = self.outbox.is_empty() && has_room;
        let wanted = self.held.as_ref().map_or(0, |(_, units)| *units);
        tokio::select! {
            biased;
            order = self.orders.recv() => Next::Order(order),
            Some(place) = live.outlet.place(), if has_request => Next::Place(place),
            () = self.outbox.drain(), if !self.outbox.is_empty() => Next::Delivered,
            Ok(permit) = Arc::clone(&self.room).acquire_many_owned(wanted), if !has_room => Next::Room(permit),
            // Before the writer: the broker's ERROR says more than the broken pipe that follows it.
            incoming = live.reader.next(), if may_read => incoming.map_or_else(Next::Failed, Next::Incoming),
            Ok(()) = self.windows.changed() => Next::Windows,
            error = live.writer.failed() => Next::Failed(error),
            Some((id, seen)) = self.probed.recv() => Next::Probed(id, seen),
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => Next::Due,
        }
    }

    /// Holds back what has ended several sessions.
    fn suspect(&mut self, error: &LinkError, live: &Live<D::Io>) {
        let ending = self.ending(error, live);
        let Some((Suspect { destination, id }, retry_in)) =
            self.suspects.ended(ending, Instant::now(), fastrand::f64())
        else {
            return;
        };
        self.roster.hold(&destination, Instant::now() + retry_in);
        self.outbox.push(Event::Isolated { destination, id, retry_in });
    }

    /// What a session ended at.
    fn ending(&self, error: &LinkError, live: &Live<D::Io>) -> Ending {
        let headers = live.reader.unfinished();
        let id = live.session.profile().identity(&headers, &[]);
        if live.reader.is_within_frame()
            && let Some(destination) = self.destination(&headers)
        {
            return Ending::At(Suspect { destination, id });
        }
        let is_unreadable = matches!(error, LinkError::Codec(_));
        // Whichever was asked for last, where they are asked for one after the other.
        let last =
            if self.suspects.pause().is_some() { self.roster.last_asked() } else { self.roster.only() };
        match last {
            Some(destination) if is_unreadable => {
                Ending::At(Suspect { destination: destination.to_owned(), id: None })
            }
            _ if is_unreadable => Ending::Unreadable,
            _ => Ending::Blameless,
        }
    }

    fn take_windows(&mut self) {
        for (destination, subscriptions) in self.windows.borrow_and_update().iter() {
            self.roster.widen(destination, *subscriptions);
        }
    }

    fn was_of_use(&mut self) {
        (self.useful, self.failures) = (true, 0);
    }

    /// The broker that is spoken to or was tried last.
    fn at(&self) -> String {
        match self.dialer.target() {
            Some((host, port)) => authority(host, port),
            None => self.settings.host.clone(),
        }
    }

    fn tell_overdue(&mut self) {
        let limit = self.settings.connect_timeout;
        while let Some(destination) = self.roster.overdue(Instant::now(), limit).map(str::to_owned) {
            let reason = format!("the broker has not answered the subscription within {limit:?}");
            self.outbox.push(Event::Refused { destination, reason });
        }
        self.tell_if_ready();
    }

    fn tell_if_ready(&mut self) {
        if self.roster.settles() {
            self.was_of_use();
            self.outbox.push(Event::Ready);
        }
    }

    async fn close(&mut self, live: Live<D::Io>, deadline: Duration) -> Result<(), CloseError> {
        self.current.send_replace(None);
        timeout(deadline, live.close()).await.unwrap_or(Err(CloseError::Deadline))
    }
}

/// Carries out an order; the deadline if it is to close.
fn obey(roster: &mut Roster, order: Option<Order>) -> Result<(), Duration> {
    match order {
        Some(Order::Subscribe(destination)) => roster.add(destination),
        Some(Order::Unsubscribe(destination)) => roster.remove(&destination),
        Some(Order::Close(deadline)) => return Err(deadline),
        None => return Err(UNASKED_CLOSE),
    }
    Ok(())
}

fn frame_for<Io>(request: Request, live: &mut Live<Io>, settings: &Settings) -> Frame {
    match request {
        Request::Subscribe(id, destination) => live.session.subscribe(id, &destination, settings),
        Request::Unsubscribe(id) => live.session.unsubscribe(id),
    }
}
