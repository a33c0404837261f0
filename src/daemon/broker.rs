//! Watches over the link: hands deliveries to the dispatcher, says what happens, and takes everything down in order.

use super::{
    board::Notice,
    doubt::Doubt,
    live::Live,
    orders::{Order, Orders},
    platform::SLOW_AFTER,
    queues::{Queues, Word},
    repeats::Repeats,
};
use crate::{
    component::{CancellationToken, with_causes},
    config::Config,
    descriptors,
    dispatch::{Dispatcher, Drained, Unacknowledged},
    stomp::{Cause, Event, LinkError, codec::CodecError},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tracing::{debug, error, info, warn};

/// After the drain, this much is kept for DISCONNECT and its receipt.
const GOODBYE: Duration = Duration::from_secs(5);

/// A message that has been unacknowledged for so long may be why the broker has cut the connection.
const LONG_UNACKNOWLEDGED: Duration = Duration::from_secs(5);

/// A platform's main loop and all it needs.
#[derive(Debug)]
pub struct Watch {
    events: mpsc::Receiver<Event>,
    dispatcher: Dispatcher,
    live: Live,
    notice: Notice,
    doubt: Doubt,
    /// Since when the link has been down, where heart-beats failing is what brought it down.
    silent_since: Option<Instant>,
    queues: Queues,
    /// What was said of the link while it is down.
    repeats: Repeats,
    /// What was said of messages that end the link: each new one does.
    isolated: Repeats,
    /// When it is said that an attempt to connect takes long.
    slow_at: Option<Instant>,
}

/// Why the loop ended.
#[derive(Debug)]
pub enum Ended {
    /// It was told to stop, and has.
    Stopped,
    /// It is to begin anew with this configuration.
    Changed(Arc<Config>),
    /// `max_connection_retries` was used up.
    GaveUp(LinkError),
    /// `heartbeat_timeout_threshold` has passed.
    Silent(Duration),
}

impl Watch {
    /// Hands what `events` delivers to what `live` serves, and drains `dispatcher` at the end.
    #[must_use]
    pub fn new(
        events: mpsc::Receiver<Event>,
        dispatcher: Dispatcher,
        live: Live,
        notice: Notice,
        doubt: Doubt,
    ) -> Self {
        Self {
            events,
            dispatcher,
            live,
            notice,
            doubt,
            silent_since: None,
            queues: Queues::default(),
            repeats: Repeats::default(),
            isolated: Repeats::default(),
            slow_at: Some(Instant::now() + SLOW_AFTER),
        }
    }

    /// Runs until it is told to stop, until a changed configuration wants another link, or until it is no use; then
    /// drains.
    pub async fn run(mut self, orders: &mut Orders, shutdown: CancellationToken) -> Ended {
        let ended = loop {
            tokio::select! {
                order = orders.next() => match order {
                    Order::Stop => break Ended::Stopped,
                    Order::Reload(config) if config.reconnects(self.live.config()) => break Ended::Changed(config),
                    Order::Reload(config) => self.live.apply(config),
                },
                event = self.events.recv() => {
                    if let Some(ended) = self.watch(event) {
                        break ended;
                    }
                }
                () = sleep_until(self.slow_at.unwrap_or_else(Instant::now)), if self.slow_at.is_some() => {
                    self.tell_slow();
                }
            }
        };
        shutdown.cancel();
        self.stop(ended, orders).await
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
        let longest = self.live.config().broker.heartbeat_timeout_threshold?;
        self.silent_since.map(|since| since.elapsed()).filter(|silent| *silent > longest)
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Delivery(delivery) => self.live.serving().deliver(delivery),
            Event::Up { at, broker, version, .. } => {
                let broker = broker.unwrap_or_default();
                info!(at, broker, %version, "connected to the broker");
                self.repeats.forget();
                self.slow_at = None;
            }
            Event::Subscribed { destination } => {
                info!(queue = destination, "subscribed");
                self.queues.confirmed(destination);
                self.tell();
            }
            Event::Ready => {
                self.dispatcher.connected(true);
                self.queues.settle();
                self.tell();
            }
            Event::Refused { destination, reason } => {
                self.queues.refused(&destination);
                error!(
                    queue = destination,
                    reason,
                    "the broker refuses this queue; add the account to the message destination's users on the \
                     platform. It is tried again, and the other queues run"
                );
                self.tell();
            }
            Event::Skipped { reason } => {
                warn!(reason, "the broker sent a frame that cannot be used; the processor skipped it");
            }
            Event::Flood => {
                warn!(
                    "the broker floods the connection with heart-beats or empty frames; reading is slowed down"
                );
            }
            Event::Isolated { destination, id, retry_in } => {
                let message_id = id.unwrap_or_default();
                if self.isolated.is_news(&format!("{destination} {message_id}")) {
                    error!(
                        queue = destination,
                        message_id,
                        ?retry_in,
                        "a message ended the connection twice; its queue is paused. Remove the message from the queue"
                    );
                }
                self.queues.refused(&destination);
                self.tell();
            }
            Event::Down { at, error, retry_in } => {
                self.dispatcher.connected(false);
                self.slow_at = retry_in.map(|wait| Instant::now() + wait + SLOW_AFTER);
                self.queues.down();
                let text = with_causes(&error);
                if error.cause() == Cause::Credentials {
                    self.doubt.raise();
                }
                if error.lacks_descriptors() {
                    descriptors::report(&text);
                } else if self.repeats.is_news(&format!("{at} {text}")) {
                    let was_cut = matches!(error, LinkError::ClosedByBroker | LinkError::Io(_));
                    match was_cut.then(|| self.dispatcher.oldest()).flatten() {
                        Some(oldest) if oldest.age >= LONG_UNACKNOWLEDGED => {
                            report_cut(&at, &text, &oldest, retry_in)
                        }
                        _ => report(&at, &error, retry_in, self.live.config().platform.doubt.as_deref()),
                    }
                }
                debug!(at, ?error, ?retry_in, "the link's error in full");
                if is_refusal(&error) {
                    self.notice.refused(format!("refused by the broker, tried again now and then: {text}"));
                } else {
                    self.notice.trouble(format!("waiting for the broker: {text}"));
                }
            }
        }
    }

    /// A broker that takes the connection and then says nothing is given up by `stomp_timeout` only.
    fn tell_slow(&mut self) {
        self.slow_at = None;
        self.notice.waiting("waiting for the broker: it has not answered yet");
        if self.repeats.is_news("no answer yet") {
            let at = self.live.config().broker.addresses();
            warn!(at, seconds = SLOW_AFTER.as_secs(), "the broker has not answered yet; see stomp_timeout");
        }
    }

    /// Says how it stands with the queues, where that has changed.
    fn tell(&mut self) {
        match self.queues.news(&self.live.serving().wanted()) {
            None => {}
            Some(Word::Refused) => {
                self.notice.refused("no queue may be read".to_owned());
                warn!("not one queue is subscribed to: no message can come");
            }
            Some(Word::Idle) => {
                self.notice.ready("no queue to take messages from yet");
                info!("ready: there is no queue to take messages from yet");
            }
            Some(Word::Taking(queues)) => {
                self.notice.ready("taking messages");
                info!(queues, "ready: taking messages");
            }
        }
    }

    /// Finishes what runs, answers it, and says goodbye to the broker. A second order to stop cuts it short.
    async fn stop(mut self, mut ended: Ended, orders: &mut Orders) -> Ended {
        let (at_work, deadline) = (self.dispatcher.at_work(), self.live.config().work.stop_timeout);
        info!(at_work, ?deadline, "stopping: what runs is finished, the rest goes back");
        let dispatcher = self.dispatcher.clone();
        let mut drain = std::pin::pin!(dispatcher.drain(deadline));
        let drained = loop {
            tokio::select! {
                drained = &mut drain => break drained,
                order = orders.next() => ended = self.told(order, ended),
                Some(event) = self.events.recv() => self.take(event),
            }
        };
        report_drained(drained);
        if tokio::time::timeout(GOODBYE, self.live.serving().settled()).await.is_err() {
            warn!("the broker has not confirmed an update of low-code connectors; it may come again");
        }
        let down = !self.live.link().is_up();
        match self.live.link().close(GOODBYE).await {
            Ok(()) if down => {
                warn!("stopped while the link was down: what was answered last may be delivered again");
            }
            Ok(()) => info!("stopped"),
            Err(error) => warn!(%error, "stopped"),
        }
        self.dispatcher.connected(false);
        ended
    }

    /// What an order makes of an end that has begun.
    fn told(&self, order: Order, ended: Ended) -> Ended {
        match (order, ended) {
            (Order::Stop, Ended::Changed(_)) => Ended::Stopped,
            (Order::Stop, ended) => {
                warn!("told to stop again: what runs is cut short");
                self.dispatcher.abort();
                ended
            }
            // Who is being given up is tried again with it.
            (Order::Reload(config), Ended::Changed(_) | Ended::GaveUp(_) | Ended::Silent(_)) => {
                Ended::Changed(config)
            }
            (Order::Reload(_), Ended::Stopped) => Ended::Stopped,
        }
    }
}

fn report_drained(drained: Drained) {
    let Drained { interrupted, unsettled } = drained;
    if interrupted + unsettled > 0 {
        warn!(
            interrupted,
            unsettled,
            "stopped before all was answered: what was interrupted is taken up, and what is unsettled is answered from \
             the journal, once the broker delivers it again"
        );
    }
}

/// Brokers cut the connection of a client that leaves a message unacknowledged for long, and do not say so.
fn report_cut(at: &str, text: &str, oldest: &Unacknowledged, retry_in: Option<Duration>) {
    let Unacknowledged { key, age, action } = oldest;
    let next = retry_in.map(|wait| format!("{:.1} s", wait.as_secs_f64())).unwrap_or_default();
    warn!(
        at,
        error = format!("{text}, with a message unacknowledged for {} s", age.as_secs()),
        message_id = key.id,
        destination = key.destination,
        action = action.as_deref().unwrap_or_default(),
        next,
        "no link to the broker"
    );
}

/// WARN is for what mends itself, ERROR for what somebody must mend.
fn report(at: &str, error: &LinkError, retry_in: Option<Duration>, doubt: Option<&str>) {
    let text = with_causes(error);
    let next = retry_in.map(|wait| format!("{:.1} s", wait.as_secs_f64())).unwrap_or_default();
    if let LinkError::Codec(codec) = error {
        // The same frame will come again, and cut the link again.
        error!(at, error = text, option = limit(codec), next, "no link to the broker; somebody must act");
    } else if is_refusal(error) {
        let doubt = doubt.filter(|_| error.cause() == Cause::Credentials);
        error!(at, error = text, next, doubt, "no link to the broker; somebody must act");
    } else {
        warn!(at, error = text, next, "no link to the broker");
    }
}

/// Whether only a person can change it.
fn is_refusal(error: &LinkError) -> bool {
    error.cause() == Cause::Credentials || crate::tls::refusal(error).is_some()
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
