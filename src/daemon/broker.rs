//! Watches over the link: hands deliveries to the dispatcher, says what happens, and takes everything down in order.

use super::{Reload, service::Service, serving::Serving};
use crate::{
    component::{CancellationToken, with_causes},
    dispatch::Dispatcher,
    signals::Signal,
    stomp::{Cause, Event, Link, LinkError, codec::CodecError},
};
use futures_util::{Stream, StreamExt};
use std::{collections::BTreeSet, time::Duration};
use tokio::{sync::mpsc, time::Instant};
use tracing::{debug, error, info, warn};

/// After the drain, this much is kept for DISCONNECT and its receipt.
const GOODBYE: Duration = Duration::from_secs(5);

/// The daemon's main loop and all it needs.
#[derive(Debug)]
pub struct Watch {
    link: Link,
    events: mpsc::Receiver<Event>,
    dispatcher: Dispatcher,
    serving: Serving,
    limits: Limits,
    /// Since when the link has been down, where heart-beats failing is what brought it down.
    silent_since: Option<Instant>,
    /// The queues whose messages come by the session that is up; empty while none is.
    subscribed: BTreeSet<String>,
}

/// What the loop expects, and how long it goes on in vain.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// What running work has to finish when it stops.
    pub stop_timeout: Duration,
    /// How long the link may be down after heart-beats failed; `None`: for ever.
    pub heartbeat_timeout_threshold: Option<Duration>,
}

/// Why the loop ended.
#[derive(Debug)]
pub enum Ended {
    /// It was told to stop, and has.
    Stopped,
    /// `max_connection_retries` was used up.
    GaveUp(LinkError),
    /// `heartbeat_timeout_threshold` has passed.
    Silent(Duration),
}

impl Watch {
    /// Hands what `events` delivers to `serving`, and drains `dispatcher` at the end.
    #[must_use]
    pub fn new(
        link: Link,
        events: mpsc::Receiver<Event>,
        dispatcher: Dispatcher,
        serving: Serving,
        limits: Limits,
    ) -> Self {
        Self { link, events, dispatcher, serving, limits, silent_since: None, subscribed: BTreeSet::new() }
    }

    /// Runs until a signal to stop, or until it is no use, then drains.
    pub async fn run(
        mut self,
        mut signals: impl Stream<Item = Signal> + Unpin,
        mut reload: Reload,
        shutdown: CancellationToken,
    ) -> Ended {
        let mut pulse = Service.pulse();
        let ended = loop {
            tokio::select! {
                signal = signals.next() => match signal {
                    Some(Signal::Reload) => reload(),
                    Some(Signal::Stop) | None => break Ended::Stopped,
                },
                _ = pulse.tick() => Service.alive(),
                event = self.events.recv() => {
                    if let Some(ended) = self.watch(event) {
                        break ended;
                    }
                }
            }
        };
        shutdown.cancel();
        self.stop(signals).await;
        ended
    }

    /// Takes an event; says whether it is the last.
    fn watch(&mut self, event: Option<Event>) -> Option<Ended> {
        match event {
            // The link ends by itself only where it gives up, and says so first.
            None => Some(Ended::Stopped),
            Some(Event::Down { error, retry_in: None, .. }) => Some(Ended::GaveUp(error)),
            Some(event) => {
                let ended = self.silent_for_too_long(&event).map(Ended::Silent);
                self.take(event);
                ended
            }
        }
    }

    /// How long the link has been down since heart-beats failed, where that is longer than it may be.
    fn silent_for_too_long(&mut self, event: &Event) -> Option<Duration> {
        match event {
            Event::Up { .. } => self.silent_since = None,
            Event::Down { error: LinkError::Silent(_), .. } => {
                self.silent_since.get_or_insert_with(Instant::now);
            }
            _ => {}
        }
        let longest = self.limits.heartbeat_timeout_threshold?;
        self.silent_since.map(|since| since.elapsed()).filter(|silent| *silent > longest)
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Delivery(delivery) => self.serving.deliver(delivery),
            Event::Up { at, broker, version, .. } => {
                let broker = broker.unwrap_or_default();
                info!(at, broker, %version, "connected to the broker");
            }
            Event::Subscribed { destination } => {
                info!(queue = destination, "subscribed");
                self.subscribed.insert(destination);
            }
            Event::Ready => self.ready(),
            Event::Refused { destination, reason } => {
                self.subscribed.remove(&destination);
                error!(
                    queue = destination,
                    reason,
                    "the broker refuses this queue; add the account to the message destination's users on the \
                     platform. It is tried again, and the other queues run"
                );
            }
            Event::Down { at, error, retry_in } => {
                self.subscribed.clear();
                report(&at, &error, retry_in);
            }
        }
    }

    /// Every queue has been answered for, one way or the other.
    fn ready(&self) {
        let queues = self.subscribed.len();
        if queues == 0 && self.serving.queues() > 0 {
            Service.status("no queue may be read");
            return warn!("not one queue is subscribed to: no message can come");
        }
        Service.ready();
        Service.status("taking messages");
        info!(queues, "ready: taking messages");
    }

    /// Finishes what runs, answers it, and says goodbye to the broker. A second signal cuts it short.
    async fn stop(mut self, mut signals: impl Stream<Item = Signal> + Unpin) {
        Service.stopping();
        let at_work = self.dispatcher.at_work();
        info!(at_work, deadline = ?self.limits.stop_timeout, "stopping: what runs is finished, the rest goes back");
        let dispatcher = self.dispatcher.clone();
        let drain = dispatcher.drain(self.limits.stop_timeout);
        let mut drain = std::pin::pin!(drain);
        // The drain may be allowed to take longer than the watchdog allows silence.
        let mut pulse = Service.pulse();
        let drained = loop {
            tokio::select! {
                drained = &mut drain => break drained,
                _ = pulse.tick() => Service.alive(),
                Some(Signal::Stop) = signals.next() => {
                    warn!("told to stop again: what runs is cut short");
                    self.dispatcher.abort();
                }
                Some(event) = self.events.recv() => self.take(event),
            }
        };
        if drained.interrupted + drained.unsettled > 0 {
            let (interrupted, unsettled) = (drained.interrupted, drained.unsettled);
            warn!(
                interrupted,
                unsettled,
                "stopped before all was answered: what was interrupted is taken up, and what is unsettled is answered from \
                 the journal, once the broker delivers it again"
            );
        }
        let down = self.subscribed.is_empty();
        match self.link.close(GOODBYE).await {
            Ok(()) if down => {
                warn!("stopped while the link was down: what was answered last may be delivered again");
            }
            Ok(()) => info!("stopped"),
            Err(error) => warn!(%error, "stopped"),
        }
    }
}

/// WARN is for what mends itself, ERROR for what somebody must mend.
fn report(at: &str, error: &LinkError, retry_in: Option<Duration>) {
    let text = with_causes(error);
    let next = retry_in.map(|wait| format!("{:.1} s", wait.as_secs_f64())).unwrap_or_default();
    Service.status(&format!("waiting for the broker: {text}"));
    if let LinkError::Codec(codec) = error {
        // The same frame will come again, and cut the link again.
        error!(at, error = text, option = limit(codec), next, "no link to the broker; somebody must act");
    } else if error.cause() == Cause::Credentials || crate::tls::refusal(error).is_some() {
        error!(at, error = text, next, "no link to the broker; somebody must act");
    } else {
        warn!(at, error = text, next, "no link to the broker");
    }
    debug!(?error, "the link's error in full");
}

/// The key of app.config that a frame exceeds.
fn limit(error: &CodecError) -> Option<&'static str> {
    match error {
        CodecError::BodyTooLong(_) => Some("stomp_max_body_bytes"),
        CodecError::HeadersTooLong(_) => Some("stomp_max_header_bytes"),
        CodecError::TooManyHeaders(_) => Some("stomp_max_headers"),
        _ => None,
    }
}
