//! What the link is told once, before it starts.

use std::time::Duration;

use super::backoff::BackoffPolicy;
use super::codec::Limits;
use super::heartbeat::Heartbeat;
use super::profile::Make;
use crate::secret::Secret;

/// How to reach, greet and use the broker.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `login`: an API key's id, or an e-mail address.
    pub login: Option<String>,
    /// `passcode`: the API key's secret, or the password.
    pub passcode: Option<Secret>,
    /// The broker's name, where the dialer does not tell which of several it is.
    pub host: String,
    /// CONNECT's `host`; `None`: the broker's name, or `/` for [`Make::RabbitMq`].
    pub virtual_host: Option<String>,
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
    /// The make of broker; `None`: as it says itself.
    pub make: Option<Make>,
    /// Put before a destination's name that does not begin with `/`; `None`: as this make of broker wants it.
    pub destination_prefix: Option<String>,
    /// The largest reply that is sent.
    pub max_reply: MaxReply,
    /// Whether a broker that ends the connection over a reply, and then leaves it open which others it has taken, is sent
    /// the first reply to a queue, and one larger than those before, on a connection of its own.
    pub proves_aside: bool,
    /// Gives up after this many failed attempts in a row; `None`: never.
    pub max_attempts: Option<u32>,
}

/// How large a reply may be that is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxReply {
    /// As large as the broker takes.
    Unlimited,
    /// As is safe with this make of broker, where it was not told otherwise.
    Safe,
    /// So many bytes.
    Bytes(usize),
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
            virtual_host: None,
            heartbeat: Heartbeat::default(),
            prefetch: 25,
            limits: Limits::default(),
            max_bytes: 256 * 1024 * 1024,
            connect_timeout: Duration::from_secs(60),
            backoff: BackoffPolicy::default(),
            make: None,
            destination_prefix: None,
            max_reply: MaxReply::Unlimited,
            proves_aside: false,
            max_attempts: None,
        }
    }
}
