//! What a broker's words say about where a message went. `RabbitMQ` names exchanges and queues, not destinations.

use crate::stomp::session::BrokerError;

/// A way that may be closed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Route {
    /// One destination, as on the wire.
    Destination(String),
    /// All that goes by one of `RabbitMQ`'s exchanges.
    Exchange(String),
}

/// `RabbitMQ`'s name for the exchange by which queues are written to.
const DEFAULT_EXCHANGE: &str = "amq.default";

// === impl Route ===

impl Route {
    /// What a message to `destination` goes by.
    pub(super) fn all_of(destination: &str) -> [Self; 2] {
        [Self::Destination(destination.to_owned()), Self::Exchange(exchange(destination).to_owned())]
    }

    /// What is closed where a message to `destination` meets with this ERROR.
    pub(super) fn named(error: &BrokerError, destination: &str) -> Self {
        match error.exchange() {
            // One topic may be closed where others are open.
            Some(exchange) if error.topic().is_none() => Self::Exchange(exchange.to_owned()),
            _ => Self::Destination(destination.to_owned()),
        }
    }
}

/// Whether an ERROR names where a message to `destination` goes.
pub(super) fn scope(error: &BrokerError, destination: &str) -> bool {
    if !error.is_of_a_queue() {
        return false;
    }
    let last = destination.rsplit('/').next().unwrap_or_default();
    match (error.exchange(), error.topic(), error.queue()) {
        (Some(named), topic, _) => named == exchange(destination) && topic.is_none_or(|topic| topic == last),
        // A queue is declared for this form alone.
        (None, _, Some(queue)) => destination.strip_prefix("/queue/") == Some(queue),
        (None, _, None) => false,
    }
}

/// The destination by which a queue is written to as it is, where an ERROR says that it is not as we declare it.
pub(super) fn detour(error: &BrokerError, destination: &str) -> Option<String> {
    let queue = destination.strip_prefix("/queue/")?;
    (error.is_a_mismatch() && error.queue() == Some(queue)).then(|| format!("/amq/queue/{queue}"))
}

/// The exchange that a message to `destination` goes by.
fn exchange(destination: &str) -> &str {
    let path = destination.strip_prefix('/').unwrap_or(destination);
    match path.split_once('/') {
        Some(("exchange", rest)) => rest.split('/').next().unwrap_or(rest),
        Some(("topic", _)) => "amq.topic",
        _ => DEFAULT_EXCHANGE,
    }
}
