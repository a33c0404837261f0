//! What becomes of what the broker sends on an established session.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::debug;

use super::{Dial, Keeper, units_of};
use crate::stomp::error::LinkError;
use crate::stomp::frame::{Frame, Headers};
use crate::stomp::handle::{AckHandle, Delivery, Event};
use crate::stomp::live::Live;
use crate::stomp::reader::Incoming;
use crate::stomp::roster::SubscriptionId;
use crate::stomp::session::{BrokerError, Message, Received};
use crate::stomp::settler::Word;
use crate::stomp::weight;

/// Between two events that say the same of what is of no use.
const TOLD_AGAIN: Duration = Duration::from_secs(60);
/// The queue of a message that names none, where several are subscribed to.
const UNKNOWN_QUEUE: &str = "unknown";

impl<D: Dial> Keeper<D> {
    pub(super) fn receive(&mut self, incoming: Incoming, live: &mut Live<D::Io>) -> Result<(), LinkError> {
        let received = match incoming {
            Incoming::Frame(frame) => live.session.receive(frame),
            Incoming::Broken(broken) => live.session.receive_broken(broken),
            Incoming::Flood => {
                self.flood();
                return Ok(());
            }
        };
        match received? {
            Received::Message(message) => self.deliver(message, live),
            Received::Subscribed(id) => self.subscribed(id),
            Received::Refused(id, error) => self.refused(id, &error),
            Received::ReplyRefused(receipt, error) => live.tell(Word::Refused(receipt, error))?,
            Received::Confirmed(receipt) => {
                self.backoff.worked();
                live.tell(Word::Receipt(receipt))?;
            }
            Received::Disconnected | Received::Nothing => live.reader.was_useless(),
            Received::Useless(reason) => {
                live.reader.was_useless();
                self.skipped(reason);
            }
        }
        self.tell_if_ready();
        Ok(())
    }

    fn deliver(&mut self, message: Message, live: &mut Live<D::Io>) {
        let Message { subscription, ack, frame, mut fault } = message;
        if subscription.is_some_and(|id| self.roster.has_ended(id)) {
            live.reader.was_useless();
            return debug!(
                message_id = frame.header("message-id"),
                destination = frame.header("destination"),
                "a message of a subscription that has ended; the broker will take it back"
            );
        }
        let Frame { mut headers, body, .. } = frame;
        let destination = self.destination(&headers).unwrap_or_else(|| {
            fault.get_or_insert_with(|| "it does not say which subscribed queue it comes from".to_owned());
            headers.get("destination").unwrap_or(UNKNOWN_QUEUE).to_owned()
        });
        if headers.get("destination").is_none() {
            headers.push("destination", &destination);
        }
        let ack = AckHandle::new(live.epoch, live.outlet.clone(), ack);
        let id = live.session.profile().identity(&headers, &body);
        let units = units_of(weight::of(headers.iter(), &body), self.settings.max_bytes);
        let delivery = Delivery { destination, id, headers, body, fault, ack, room: None };
        match Arc::clone(&self.room).try_acquire_many_owned(units) {
            Ok(permit) => {
                self.outbox.push(Event::Delivery(Delivery { room: Some(Arc::new(permit)), ..delivery }));
            }
            Err(_full) => {
                debug!(
                    bytes = delivery.body.len(),
                    "no room for more messages: reading stops until one is done"
                );
                live.pause();
                self.held = Some((delivery, units));
            }
        }
    }

    /// The queue that a message comes from: by its subscription, or else by its destination, or the only one there is.
    pub(super) fn destination(&self, headers: &Headers) -> Option<String> {
        let subscription = headers.get("subscription").and_then(|id| id.parse().ok());
        let of_subscription = subscription.and_then(|id| self.roster.destination(id));
        let of_name = || headers.get("destination").and_then(|name| self.roster.named(name));
        let only =
            || self.roster.only().filter(|_| headers.get("destination").is_none() && !headers.is_empty());
        of_subscription.or_else(of_name).or_else(only).map(str::to_owned)
    }

    fn subscribed(&mut self, id: SubscriptionId) {
        self.was_of_use();
        if let Some(destination) = self.roster.confirm(id).map(str::to_owned) {
            self.outbox.push(Event::Subscribed { destination });
        }
    }

    fn refused(&mut self, id: SubscriptionId, refusal: &BrokerError) {
        self.was_of_use();
        self.refused_again(id, refusal.reason());
    }

    fn skipped(&mut self, reason: String) {
        debug!(reason, "a frame of no use was skipped");
        if is_due(&mut self.skipped) {
            self.outbox.push(Event::Skipped { reason });
        }
    }

    fn flood(&mut self) {
        if is_due(&mut self.flooded) {
            self.outbox.push(Event::Flood);
        }
    }
}

/// Whether the owner is to be told again; it counts as told.
fn is_due(told: &mut Option<Instant>) -> bool {
    let now = Instant::now();
    let is_due = told.is_none_or(|told| now.duration_since(told) >= TOLD_AGAIN);
    if is_due {
        *told = Some(now);
    }
    is_due
}
