//! What the rest of the daemon holds of the link.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::aside::{Aside, Seen};
use super::blame::{Mark, Verdict};
use super::error::{CloseError, LinkError, Stale, Unsent, Unsettled};
use super::frame::{Command, Frame, Headers};
use super::heartbeat::Beats;
use super::link::units_of;
use super::profile::Settlement;
use super::refusal::Refusal;
use super::session::{Epoch, Version};
use super::settler::{Parcel, Settled};
use super::weight;
use super::writer::{Outlet, Post};

/// How many subscriptions one destination has at most.
const MOST_SUBSCRIPTIONS: usize = 64;

/// What the link tells its owner.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Connected; the subscriptions follow.
    Up {
        /// Where: `host:port` of the one of several brokers, or the broker's name.
        at: String,
        /// The new session.
        epoch: Epoch,
        /// The broker's name for itself.
        broker: Option<String>,
        /// The version agreed upon.
        version: Version,
        /// The heart-beats agreed upon.
        beats: Beats,
    },
    /// The broker confirmed a subscription.
    Subscribed {
        /// As it was asked for.
        destination: String,
    },
    /// Every destination has been answered, confirmed or refused. Again after each reconnect and each
    /// [`Link::subscribe`].
    Ready,
    /// The broker refused a destination, or has not answered for long. It is tried again; the others run.
    Refused {
        /// As it was asked for.
        destination: String,
        /// The broker's words.
        reason: String,
    },
    /// A message.
    Delivery(Delivery),
    /// The broker sent something that is of no use; it has been skipped, and the link goes on.
    Skipped {
        /// What, in words.
        reason: String,
    },
    /// The broker sends so much that is of no use that it is read more slowly.
    Flood,
    /// A message has ended the session twice in a row. Its queue is left alone for a while, so that the others go on.
    Isolated {
        /// The message's queue, as it was subscribed to.
        destination: String,
        /// The message's identity; `None` where it could not be read.
        id: Option<String>,
        /// When the queue is subscribed to again.
        retry_in: Duration,
    },
    /// No connection, or none any more. What the session delivered can no longer be settled.
    Down {
        /// Where: `host:port` of the one of several brokers, or the broker's name.
        at: String,
        /// Why.
        error: LinkError,
        /// When the next attempt begins; `None`: gave up after [`Settings::max_attempts`](super::Settings).
        retry_in: Option<Duration>,
    },
}

/// A message, as the broker delivered it.
#[derive(Clone)]
pub struct Delivery {
    /// The destination as it was subscribed to.
    pub destination: String,
    /// The message's identity, the same each time that it is delivered; `None` where the broker tells none.
    pub id: Option<String>,
    /// All of the message's headers.
    pub headers: Headers,
    /// Its body.
    pub body: Bytes,
    /// Why it must not be executed: what is wrong with its frame. Its body may be missing then, and headers.
    pub fault: Option<String>,
    /// What settles it.
    pub ack: AckHandle,
    /// Its share of the bytes that may be at work ([`Settings::max_bytes`](super::Settings)), until the last copy goes.
    pub room: Option<Arc<OwnedSemaphorePermit>>,
}

/// The right to settle one delivery, once, on the session that made it.
#[derive(Clone)]
pub struct AckHandle(Arc<Owed>);

struct Owed {
    epoch: Epoch,
    outlet: Outlet,
    /// `None`: the broker did not say what acknowledges it.
    ack: Option<Frame>,
    settled: AtomicBool,
}

/// A message to send. Its `content-length` and `persistent:true` are added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Where to, usually the `reply-to` of a delivery, unchanged.
    pub destination: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

/// What was queued by [`Link::settle`], on its way to the broker.
#[derive(Debug)]
#[must_use = "only the broker's confirmation says that the message is settled"]
pub struct Settling(Stage);

#[derive(Debug)]
enum Stage {
    Queued {
        done: oneshot::Receiver<Settled>,
        reply_taken: Arc<AtomicBool>,
        /// The session is no more.
        gone: CancellationToken,
    },
    /// Nothing was queued, for it is known already.
    Known(Result<Settled, Unsettled>),
}

/// What is to be done about a reply.
enum Ready {
    /// It goes out on the session, with no other if it is `alone`.
    Send {
        frame: Frame,
        alone: bool,
    },
    /// The broker has taken it on a connection of its own.
    Taken,
    Refused(Refusal),
    /// The session has gone meanwhile.
    Gone,
}

/// Until a reply that must go alone is tried again, where the broker did not answer.
const ALONE_AGAIN: Duration = Duration::from_secs(1);

/// The way to the broker, whatever session is up. Clones are the same link; the link lives until it is closed or
/// aborted, or its events are no longer received.
#[derive(Debug, Clone)]
pub struct Link {
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) current: watch::Receiver<Option<Outlet>>,
    pub(super) over: watch::Receiver<Option<Result<(), CloseError>>>,
    pub(super) abort: CancellationToken,
    pub(super) prefetch: usize,
    /// How many messages of each destination are wanted ahead by now.
    pub(super) ahead: Arc<AtomicUsize>,
    pub(super) aside: Aside,
    /// What messages may take of memory, in KiB.
    pub(super) room: Arc<Semaphore>,
    pub(super) max_bytes: usize,
    /// How many subscriptions each destination is to have. The last value counts: the link's task reads it when it gets to.
    pub(super) windows: Arc<watch::Sender<Windows>>,
}

/// How many subscriptions are wanted, by destination.
pub(super) type Windows = HashMap<String, usize>;

/// What the owner asks of the link's task.
#[derive(Debug)]
pub(super) enum Order {
    Subscribe(String),
    Unsubscribe(String),
    Close(Duration),
}

// === impl Delivery ===

/// Without the body: it is somebody's data.
impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("destination", &self.destination)
            .field("id", &self.id)
            .field("headers", &self.headers)
            .field("body", &self.body.len())
            .field("fault", &self.fault)
            .field("ack", &self.ack)
            .finish()
    }
}

// === impl AckHandle ===

impl AckHandle {
    pub(super) fn new(epoch: Epoch, outlet: Outlet, ack: Option<Frame>) -> Self {
        Self(Arc::new(Owed { epoch, outlet, ack, settled: AtomicBool::new(false) }))
    }

    /// The session that delivered the message.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.0.epoch
    }

    /// Whether it is too late to settle: the session is gone, or the message has been settled.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.0.outlet.is_closed() || self.0.settled.load(Ordering::Acquire)
    }

    /// How the broker takes a reply and the acknowledgement.
    #[must_use]
    pub fn settlement(&self) -> Settlement {
        self.0.outlet.profile.settlement()
    }

    /// True for the first caller only.
    fn take(&self) -> bool {
        !self.0.settled.swap(true, Ordering::AcqRel)
    }
}

/// The same delivery, not merely the same message.
impl PartialEq for AckHandle {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for AckHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ack = self.0.ack.as_ref().map(|ack| &ack.headers);
        f.debug_struct("AckHandle").field("epoch", &self.0.epoch).field("ack", &ack).finish()
    }
}

// === impl Outgoing ===

impl Outgoing {
    fn into_frame(self, outlet: &Outlet) -> Frame {
        let destination = outlet.profile.on_the_wire(&self.destination);
        let destination = outlet.blame.detour(&destination).unwrap_or(destination);
        let mut frame = Frame::new(Command::Send)
            .with("destination", destination)
            .with("persistent", "true")
            .with("content-length", self.body.len().to_string())
            .with_body(self.body);
        for (name, value) in self.headers {
            frame.headers.push(name, value);
        }
        frame
    }
}

// === impl Settling ===

impl Settling {
    fn known(outcome: Result<Settled, Unsettled>) -> Self {
        Self(Stage::Known(outcome))
    }

    /// Waits until the broker has taken it, or refused the reply.
    ///
    /// # Errors
    /// [`Unsettled`]: the session fell first.
    pub async fn confirmed(self) -> Result<Settled, Unsettled> {
        let (mut done, reply_taken, gone) = match self.0 {
            Stage::Queued { done, reply_taken, gone } => (done, reply_taken, gone),
            Stage::Known(known) => return known,
        };
        let told = tokio::select! {
            biased;
            told = &mut done => told.ok(),
            // What was queued at this very moment is dropped with the last outlet only, and this may be held by who waits
            // here. What the broker said, it said before.
            () = gone.cancelled() => done.try_recv().ok(),
        };
        told.ok_or_else(|| Unsettled { reply_taken: reply_taken.load(Ordering::Acquire) })
    }
}

// === impl Link ===

impl Link {
    /// Queues the reply, if any, and the acknowledgement, which the broker takes together, on the session that delivered
    /// the message. What becomes of them, [`Settling`] tells. A reply over which the broker may end the session is first
    /// sent on a connection of its own. Dropping the future before it is done settles nothing.
    ///
    /// # Errors
    /// [`Stale`]: the session is gone or ending, or the message has been settled before. Nothing was queued.
    pub async fn settle(&self, ack: &AckHandle, reply: Option<Outgoing>) -> Result<Settling, Stale> {
        let outlet = &ack.0.outlet;
        let ready = match reply {
            Some(reply) if !ack.is_stale() => Some(self.examine(outlet, reply, false).await),
            Some(_) => return Err(Stale),
            None => None,
        };
        let (mut parcel, settling) = parcel(outlet, None, ack.0.ack.clone());
        let taken = matches!(ready, Some(Ready::Taken));
        parcel.reply_taken.store(taken, Ordering::Release);
        match ready {
            None | Some(Ready::Taken) => {}
            Some(Ready::Send { frame, alone }) => (parcel.reply, parcel.alone) = (Some(frame), alone),
            Some(Ready::Refused(Refusal::Destination(words))) => parcel.refused = Some(words),
            Some(Ready::Refused(refusal)) => return Ok(Settling::known(Ok(Settled::Withheld(refusal)))),
            Some(Ready::Gone) => return Err(Stale),
        }
        match settle(outlet, parcel, || ack.take()).await {
            Ok(()) => Ok(settling),
            Err(Stale) if taken => Ok(Settling::known(Err(Unsettled { reply_taken: true }))),
            Err(stale) => Err(stale),
        }
    }

    /// Room for a message that is carried out without having been delivered, once there is some.
    pub async fn room(&self, headers: &[(String, String)], body: &[u8]) -> Option<Arc<OwnedSemaphorePermit>> {
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let units = units_of(weight::of(headers, body), self.max_bytes);
        Arc::clone(&self.room).acquire_many_owned(units).await.ok().map(Arc::new)
    }

    /// Queues a reply that no delivery waits for, on the session that is up.
    ///
    /// # Errors
    /// [`Stale`]: none is up. Nothing was queued.
    pub async fn reply(&self, reply: Outgoing) -> Result<Settling, Stale> {
        self.reply_on_current(reply, false).await
    }

    /// The same for a reply that the broker has refused before: what was wrong may have been put right.
    ///
    /// # Errors
    /// [`Stale`]: none is up. Nothing was queued.
    pub async fn reply_again(&self, reply: Outgoing) -> Result<Settling, Stale> {
        self.reply_on_current(reply, true).await
    }

    async fn reply_on_current(&self, reply: Outgoing, anew: bool) -> Result<Settling, Stale> {
        let outlet = self.current.borrow().clone().ok_or(Stale)?;
        let (frame, alone) = match self.examine(&outlet, reply, anew).await {
            Ready::Send { frame, alone } => (frame, alone),
            Ready::Taken => return Ok(Settling::known(Ok(Settled::Taken))),
            Ready::Refused(Refusal::Destination(words)) => {
                return Ok(Settling::known(Ok(Settled::ReplyRefused(words))));
            }
            Ready::Refused(refusal) => return Ok(Settling::known(Ok(Settled::Withheld(refusal)))),
            Ready::Gone => return Err(Stale),
        };
        let (mut parcel, settling) = parcel(&outlet, Some(frame), None);
        parcel.alone = alone;
        settle(&outlet, parcel, || true).await?;
        Ok(settling)
    }

    /// Queues a message: on the session of `on`, or on the one that is up. Nobody is told whether the broker takes it.
    ///
    /// # Errors
    /// [`Unsent`]: that session is gone, none is up, or the broker is not sent such a message. Nothing was queued.
    pub async fn send(&self, on: Option<&AckHandle>, message: Outgoing) -> Result<(), Unsent> {
        let outlet = match on {
            Some(ack) => ack.0.outlet.clone(),
            None => self.current.borrow().clone().ok_or(Stale)?,
        };
        let frame = message.into_frame(&outlet);
        outlet.allows(&frame)?;
        let mark = Mark::status(&frame);
        match outlet.blame.verdict(&mark, false) {
            Verdict::Clear | Verdict::Unproven => {}
            Verdict::Refused(refusal) => return Err(refusal.into()),
            Verdict::Alone => {
                return match self.aside.ask(frame, Some(mark)).await {
                    Seen::Taken => Ok(()),
                    Seen::Refused(refusal) => Err(refusal.into()),
                    // It is not worth a session.
                    Seen::Unknown | Seen::Impossible => Err(Stale.into()),
                };
            }
        }
        Ok(outlet.queue(frame.body.len(), |space| Some(Post::Frame { frame, space })).await?)
    }

    /// How a reply is to go out; it may have gone out already.
    async fn examine(&self, outlet: &Outlet, reply: Outgoing, anew: bool) -> Ready {
        let frame = reply.into_frame(outlet);
        if let Err(refusal) = outlet.allows(&frame) {
            return Ready::Refused(refusal);
        }
        let mark = Mark::answer(&frame);
        let verdict = outlet.blame.verdict(&mark, outlet.profile.proves_aside());
        match &verdict {
            Verdict::Clear if !anew => return Ready::Send { frame, alone: false },
            Verdict::Refused(refusal) if !anew => return Ready::Refused(refusal.clone()),
            Verdict::Clear | Verdict::Unproven | Verdict::Refused(_) | Verdict::Alone => {}
        }
        loop {
            match self.aside.ask(frame.clone(), Some(mark.clone())).await {
                Seen::Taken => return Ready::Taken,
                Seen::Refused(refusal) => return Ready::Refused(refusal),
                Seen::Impossible => return Ready::Send { frame, alone: verdict != Verdict::Unproven },
                Seen::Unknown if outlet.is_closed() => return Ready::Gone,
                Seen::Unknown => tokio::time::sleep(ALONE_AGAIN).await,
            }
        }
    }

    /// Whether a session is up.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.current.borrow().is_some()
    }

    /// Wants a destination's messages from now on, after reconnects too.
    pub async fn subscribe(&self, destination: String) {
        self.order(Order::Subscribe(destination)).await;
    }

    /// Wants no more of them. Those that are in work can still be settled on some brokers only.
    pub async fn unsubscribe(&self, destination: &str) {
        self.windows.send_if_modified(|windows| windows.remove(destination).is_some());
        self.order(Order::Unsubscribe(destination.to_owned())).await;
    }

    /// How many subscriptions a destination needs while so many of its messages wait: one, and as many more as those
    /// take up; not without limit. More where [`asks_ahead`](Self::asks_ahead) wants more.
    #[must_use]
    pub fn subscriptions_for(&self, waiting: usize) -> usize {
        let ahead = self.ahead.load(Ordering::Relaxed).div_ceil(self.prefetch).max(1);
        (ahead + (waiting + self.prefetch / 2) / self.prefetch).min(MOST_SUBSCRIPTIONS)
    }

    /// Wants so many messages of each destination ahead from now on, as a multiple of what the link began with. Takes
    /// effect where [`widen`](Self::widen) is called with [`subscriptions_for`](Self::subscriptions_for).
    pub fn asks_ahead(&self, messages: u32) {
        self.ahead.store(usize::try_from(messages).unwrap_or(usize::MAX), Ordering::Relaxed);
    }

    /// Wants so many subscriptions to a destination, each of which the broker sends its prefetch ahead: for as long as many
    /// messages wait for something else than a worker. Fewer take effect with the next session. Of several wishes the last
    /// one counts.
    pub fn widen(&self, destination: &str, subscriptions: usize) {
        self.windows.send_if_modified(|windows| {
            windows.insert(destination.to_owned(), subscriptions) != Some(subscriptions)
        });
    }

    /// Ends the link: everything queued is written, and the broker confirms it. No reconnect follows, and nothing more
    /// can be queued. Calling it again waits for the first call's outcome.
    ///
    /// # Errors
    /// The broker did not confirm within the deadline, or the connection fell. The link is closed all the same.
    pub async fn close(&self, deadline: Duration) -> Result<(), CloseError> {
        self.order(Order::Close(deadline)).await;
        let mut over = self.over.clone();
        // The sender goes without an outcome only when the task was cut short.
        over.wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|outcome| *outcome)
            .unwrap_or(Err(CloseError::Aborted))
    }

    /// Ends the link now; what is queued is lost.
    pub fn abort(&self) {
        self.abort.cancel();
    }

    /// A link that is over takes no orders, and needs none.
    async fn order(&self, order: Order) {
        let _ = self.orders.send(order).await;
    }
}

fn parcel(outlet: &Outlet, reply: Option<Frame>, ack: Option<Frame>) -> (Parcel, Settling) {
    let (done, told) = oneshot::channel();
    let reply_taken = Arc::new(AtomicBool::new(false));
    let gone = outlet.gone.clone();
    let settling = Settling(Stage::Queued { done: told, reply_taken: Arc::clone(&reply_taken), gone });
    (Parcel { reply, ack, refused: None, alone: false, done, reply_taken, space: None }, settling)
}

async fn settle(outlet: &Outlet, parcel: Parcel, last_word: impl FnOnce() -> bool) -> Result<(), Stale> {
    let bytes = parcel.reply.as_ref().map_or(0, |reply| reply.body.len());
    outlet.queue(bytes, |space| last_word().then_some(Post::Settle(Parcel { space, ..parcel }))).await
}

#[cfg(test)]
mod tests {
    use super::super::{
        blame::Blame,
        codec::{Codec, Limits},
        heartbeat::Heartbeat,
        profile::Profile,
        settings::Settings,
        writer::{Terms, Writer},
    };
    use super::*;

    #[tokio::test]
    async fn what_is_queued_at_the_very_moment_the_session_goes_is_known_to_be_unsettled() {
        let settings = Settings::new("localhost");
        let terms = Terms {
            codec: Codec::new(Version::V1_2, Limits::default()),
            beats: Heartbeat::default().none(),
            stall: Duration::from_secs(1),
            profile: Arc::new(Profile::new(&settings, None)),
            blame: Blame::default(),
            deaf: Arc::default(),
        };
        let (_reader, write_half) = tokio::io::split(tokio::io::duplex(64).0);
        let (outlet, _words, writer) = Writer::new(write_half, terms);
        let (parcel, settling) = parcel(&outlet, None, None);
        let goes = || {
            drop(writer);
            true
        };
        // It has a place in the queue already when the queue's other end goes, and the outlet lives on.
        settle(&outlet, parcel, goes).await.unwrap();
        assert!(settling.confirmed().await.is_err());
    }
}
