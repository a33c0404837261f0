//! Watches over the link: hands deliveries to the dispatcher, says what happens, and takes everything down in order.

use super::{Reload, service::Service};
use crate::{
    component::{CancellationToken, with_causes},
    dispatch::Dispatcher,
    signals::Signal,
    stomp::{Cause, Event, Link, LinkError},
};
use futures_util::{Stream, StreamExt};
use std::time::Duration;
use tokio::sync::mpsc;
use tracing::{debug, error, info, warn};

/// After the drain, this much is kept for DISCONNECT and its receipt.
const GOODBYE: Duration = Duration::from_secs(5);

/// The daemon's main loop and all it needs.
#[derive(Debug)]
pub struct Watch {
    link: Link,
    events: mpsc::Receiver<Event>,
    dispatcher: Dispatcher,
    stop_timeout: Duration,
}

/// Why the loop ended.
#[derive(Debug)]
pub enum Ended {
    /// It was told to stop, and has.
    Stopped,
    /// `max_connection_retries` was used up.
    GaveUp(LinkError),
}

impl Watch {
    /// Hands what `events` delivers to `dispatcher`; on stopping, work has `stop_timeout` to finish.
    #[must_use]
    pub fn new(
        link: Link,
        events: mpsc::Receiver<Event>,
        dispatcher: Dispatcher,
        stop_timeout: Duration,
    ) -> Self {
        Self { link, events, dispatcher, stop_timeout }
    }

    /// Runs until a signal to stop, then drains.
    pub async fn run(
        mut self,
        mut signals: impl Stream<Item = Signal> + Unpin,
        mut reload: Reload,
        shutdown: CancellationToken,
    ) -> Ended {
        let mut pulse = Service.pulse();
        loop {
            tokio::select! {
                signal = signals.next() => match signal {
                    Some(Signal::Reload) => reload(),
                    Some(Signal::Stop) | None => break,
                },
                _ = pulse.tick() => Service.alive(),
                event = self.events.recv() => match event {
                    Some(Event::Down { error, retry_in: None }) => return Ended::GaveUp(error),
                    Some(event) => self.take(event),
                    None => break,
                },
            }
        }
        shutdown.cancel();
        self.stop(signals).await;
        Ended::Stopped
    }

    fn take(&self, event: Event) {
        match event {
            Event::Delivery(delivery) => self.dispatcher.deliver(delivery),
            Event::Up { broker, version, .. } => {
                let broker = broker.unwrap_or_default();
                info!(broker, %version, "connected to the broker");
            }
            Event::Subscribed { destination } => info!(queue = destination, "subscribed"),
            Event::Ready => {
                Service.ready();
                Service.status("taking messages");
                info!("ready: taking messages");
            }
            Event::Refused { destination, reason } => {
                error!(
                    queue = destination,
                    reason,
                    "the broker refuses this queue; add the account to the message destination's users on the \
                     platform. It is tried again, and the other queues run"
                );
            }
            Event::Down { error, retry_in } => report(&error, retry_in),
        }
    }

    /// Finishes what runs, answers it, and says goodbye to the broker. A second signal cuts it short.
    async fn stop(mut self, mut signals: impl Stream<Item = Signal> + Unpin) {
        Service.stopping();
        let at_work = self.dispatcher.at_work();
        info!(at_work, deadline = ?self.stop_timeout, "stopping: what runs is finished, the rest goes back");
        let dispatcher = self.dispatcher.clone();
        let drain = dispatcher.drain(self.stop_timeout);
        let mut drain = std::pin::pin!(drain);
        let drained = loop {
            tokio::select! {
                drained = &mut drain => break drained,
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
                unsettled, "stopped before all was answered; the broker will deliver these again"
            );
        }
        match self.link.close(GOODBYE).await {
            Ok(()) => info!("stopped"),
            Err(error) => warn!(%error, "stopped"),
        }
    }
}

/// WARN is for what mends itself, ERROR for what somebody must mend.
fn report(error: &LinkError, retry_in: Option<Duration>) {
    let text = with_causes(error);
    let next = retry_in.map(|wait| format!("{:.1} s", wait.as_secs_f64())).unwrap_or_default();
    Service.status(&format!("waiting for the broker: {text}"));
    if error.cause() == Cause::Credentials || crate::tls::refusal(error).is_some() {
        error!(error = text, next, "no link to the broker; somebody must act");
    } else {
        warn!(error = text, next, "no link to the broker");
    }
    debug!(?error, "the link's error in full");
}
