//! What the link is told once, before it starts.

use std::time::Duration;

use super::backoff::BackoffPolicy;
use super::codec::Limits;
use super::heartbeat::Heartbeat;
use crate::secret::Secret;

/// How to reach, greet and use the broker.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `login`: an API key's id, or an e-mail address.
    pub login: Option<String>,
    /// `passcode`: the API key's secret, or the password.
    pub passcode: Option<Secret>,
    /// `host`: the broker's name, or RabbitMQ's virtual host.
    pub host: String,
    /// The heart-beats to offer.
    pub heartbeat: Heartbeat,
    /// How many unacknowledged messages the broker may send per destination; zero counts as one, because zero means
    /// "no messages" to some brokers and "no limit" to others.
    pub prefetch: u32,
    /// What is accepted from the broker.
    pub limits: Limits,
    /// How many bytes of messages may be at work or waiting, about; one larger message may be alone. Nothing more is read
    /// from the broker until some are done.
    pub max_bytes: usize,
    /// The one deadline over name lookup, TCP, TLS, CONNECT and CONNECTED; also the longest that a write may make no
    /// progress where no heart-beats are agreed, and the longest that a SUBSCRIBE may go unanswered unmentioned.
    pub connect_timeout: Duration,
    /// How long to wait between attempts.
    pub backoff: BackoffPolicy,
    /// The ways of this make of broker.
    pub profile: Profile,
    /// Gives up after this many failed attempts in a row; `None`: never.
    pub max_attempts: Option<u32>,
}

/// The ways in which makes of broker differ. The default suits ActiveMQ and is understood by RabbitMQ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Put before a destination's name that does not begin with `/`: `/queue/` for RabbitMQ.
    pub destination_prefix: String,
    /// The headers of SUBSCRIBE that carry the prefetch; a broker ignores those that it does not know.
    pub prefetch_headers: Vec<String>,
    /// How replies and acknowledgements are settled.
    pub settlement: Settlement,
}

/// How the broker is made to take a reply and its acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Settlement {
    /// Together or not at all, in a transaction (STOMP 1.2, BEGIN): a message that is delivered again was not answered.
    #[default]
    Transaction,
    /// The reply, and once its receipt has come the acknowledgement, for brokers that may take a transaction in part: a
    /// reply is never lost, and comes twice only if the connection falls between it and its receipt.
    Receipts,
}

// === impl Settings ===

impl Settings {
    /// Defaults for a broker of this name, without credentials.
    #[must_use]
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            login: None,
            passcode: None,
            host: host.into(),
            heartbeat: Heartbeat::default(),
            prefetch: 25,
            limits: Limits::default(),
            max_bytes: 256 * 1024 * 1024,
            connect_timeout: Duration::from_secs(60),
            backoff: BackoffPolicy::default(),
            profile: Profile::default(),
            max_attempts: None,
        }
    }
}

// === impl Profile ===

impl Default for Profile {
    fn default() -> Self {
        Self {
            destination_prefix: String::new(),
            prefetch_headers: vec!["activemq.prefetchSize".to_owned(), "prefetch-count".to_owned()],
            settlement: Settlement::default(),
        }
    }
}

impl Profile {
    /// The destination as this broker wants it.
    #[must_use]
    pub fn on_the_wire(&self, destination: &str) -> String {
        if destination.starts_with('/') {
            destination.to_owned()
        } else {
            format!("{}{destination}", self.destination_prefix)
        }
    }
}
