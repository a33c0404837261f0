//! What the rest of the daemon holds of the link.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::error::{CloseError, LinkError, Stale, Unsettled};
use super::frame::{Command, Frame, Headers};
use super::heartbeat::Beats;
use super::profile::Profile;
use super::session::{Epoch, Version};
use super::settler::{Parcel, Settled};
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
    ack: Frame,
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
pub struct Settling {
    done: oneshot::Receiver<Settled>,
    reply_taken: Arc<AtomicBool>,
    /// The session is no more.
    gone: CancellationToken,
}

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
}

/// What the owner asks of the link's task.
#[derive(Debug)]
pub(super) enum Order {
    Subscribe(String),
    Unsubscribe(String),
    Widen(String, usize),
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
            .field("ack", &self.ack)
            .finish()
    }
}

// === impl AckHandle ===

impl AckHandle {
    pub(super) fn new(epoch: Epoch, outlet: Outlet, ack: Frame) -> Self {
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
        f.debug_struct("AckHandle").field("epoch", &self.0.epoch).field("ack", &self.0.ack.headers).finish()
    }
}

// === impl Outgoing ===

impl Outgoing {
    fn into_frame(self, profile: &Profile) -> Frame {
        let mut frame = Frame::new(Command::Send)
            .with("destination", profile.on_the_wire(&self.destination))
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
    /// Waits until the broker has taken it, or refused the reply.
    ///
    /// # Errors
    /// [`Unsettled`]: the session fell first.
    pub async fn confirmed(self) -> Result<Settled, Unsettled> {
        let Self { mut done, reply_taken, gone } = self;
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
    /// the message. What becomes of them, [`Settling`] tells. Dropping the future before it is done settles nothing.
    ///
    /// # Errors
    /// [`Stale`]: the session is gone or ending, or the message has been settled before. Nothing was queued.
    pub async fn settle(&self, ack: &AckHandle, reply: Option<Outgoing>) -> Result<Settling, Stale> {
        let reply = reply.map(|reply| reply.into_frame(&ack.0.outlet.profile));
        let (parcel, settling) = parcel(&ack.0.outlet, reply, Some(ack.0.ack.clone()));
        settle(&ack.0.outlet, parcel, || ack.take()).await?;
        Ok(settling)
    }

    /// Queues a reply that no delivery waits for, on the session that is up.
    ///
    /// # Errors
    /// [`Stale`]: none is up. Nothing was queued.
    pub async fn reply(&self, reply: Outgoing) -> Result<Settling, Stale> {
        let outlet = self.current.borrow().clone().ok_or(Stale)?;
        let (parcel, settling) = parcel(&outlet, Some(reply.into_frame(&outlet.profile)), None);
        settle(&outlet, parcel, || true).await?;
        Ok(settling)
    }

    /// Queues a message: on the session of `on`, or on the one that is up.
    ///
    /// # Errors
    /// [`Stale`]: that session is gone, or none is up. Nothing was queued.
    pub async fn send(&self, on: Option<&AckHandle>, message: Outgoing) -> Result<(), Stale> {
        let outlet = match on {
            Some(ack) => ack.0.outlet.clone(),
            None => self.current.borrow().clone().ok_or(Stale)?,
        };
        let frame = message.into_frame(&outlet.profile);
        outlet.queue(frame.body.len(), |space| Some(Post::Frame { frame, space })).await
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
    /// messages wait for something else than a worker. Fewer take effect with the next session.
    pub async fn widen(&self, destination: &str, subscriptions: usize) {
        self.order(Order::Widen(destination.to_owned(), subscriptions)).await;
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
    let settling = Settling { done: told, reply_taken: Arc::clone(&reply_taken), gone };
    (Parcel { reply, ack, done, reply_taken, space: None }, settling)
}

async fn settle(outlet: &Outlet, parcel: Parcel, last_word: impl FnOnce() -> bool) -> Result<(), Stale> {
    let bytes = parcel.reply.as_ref().map_or(0, |reply| reply.body.len());
    outlet.queue(bytes, |space| last_word().then_some(Post::Settle(Parcel { space, ..parcel }))).await
}

#[cfg(test)]
mod tests {
    use super::super::{
        barred::Barred,
        codec::{Codec, Limits},
        heartbeat::Heartbeat,
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
            barred: Barred::default(),
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
