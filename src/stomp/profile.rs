//! The ways in which makes of broker differ, known once the broker has said CONNECTED.

use aws_lc_rs::digest;

use super::frame::Headers;
use super::settings::{MaxReply, Settings};

/// A make of broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Make {
    /// Apache ActiveMQ 5 ("Classic"), which is what the platform runs.
    ActiveMq,
    /// Apache `ActiveMQ` Artemis.
    Artemis,
    /// `RabbitMQ` with its STOMP plugin.
    RabbitMq,
    /// None of these: it is spoken to as ActiveMQ is, in words that the others understand too.
    Other,
}

/// How to speak to the broker at the other end of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    make: Make,
    prefix: String,
    max_reply: usize,
    proves_aside: bool,
}

/// How the broker is made to take a reply and its acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// Together or not at all, in a transaction (STOMP 1.2, BEGIN): a message that is delivered again was not answered.
    Transaction,
    /// The reply, and once its receipt has come the acknowledgement, for brokers that may take a transaction in part: a
    /// reply is never lost, and comes twice only if the connection falls between it and its receipt.
    Receipts,
}

/// What an action's message is reckoned to take, where a broker counts bytes sent ahead and not messages.
const BYTES_OF_A_MESSAGE: u64 = 16 * 1_024;

/// `RabbitMQ`'s virtual host where nobody has made another.
const DEFAULT_VIRTUAL_HOST: &str = "/";

/// The largest reply where nothing is set: less than ActiveMQ's 100 MiB, and than the 4 MiB of a `RabbitMQ` that limits
/// STOMP frames.
const MAX_REPLY: usize = 100_000_000;
const MAX_REPLY_TO_RABBITMQ: usize = 4_000_000;

/// How many bytes of a digest tell two texts apart.
const DIGEST_BYTES: usize = 8;

// === impl Make ===

impl Make {
    /// As CONNECTED's `server` header says: `ActiveMQ/5.17.2`, `ActiveMQ-Artemis/2.31.2 …`, `RabbitMQ/3.10.8`.
    #[must_use]
    pub fn named(server: Option<&str>) -> Self {
        let server = server.unwrap_or_default().to_ascii_lowercase();
        if server.contains("artemis") {
            Self::Artemis
        } else if server.starts_with("activemq") {
            Self::ActiveMq
        } else if server.starts_with("rabbitmq") {
            Self::RabbitMq
        } else {
            Self::Other
        }
    }

    /// CONNECT's `host` where nothing was set: the broker's own name, or the virtual host that every `RabbitMQ` has.
    pub(super) fn virtual_host(self, broker: &str) -> &str {
        match self {
            Self::RabbitMq => DEFAULT_VIRTUAL_HOST,
            Self::ActiveMq | Self::Artemis | Self::Other => broker,
        }
    }
}

// === impl Profile ===

impl Profile {
    /// Of the broker that calls itself `server`, unless the settings say what it is.
    #[must_use]
    pub fn new(settings: &Settings, server: Option<&str>) -> Self {
        let make = settings.make.unwrap_or_else(|| Make::named(server));
        let usual = match make {
            Make::RabbitMq => "/queue/",
            Make::ActiveMq | Make::Artemis | Make::Other => "",
        };
        let max_reply = match settings.max_reply {
            MaxReply::Unlimited => usize::MAX,
            MaxReply::Bytes(bytes) => bytes,
            MaxReply::Safe if make == Make::RabbitMq => MAX_REPLY_TO_RABBITMQ,
            MaxReply::Safe => MAX_REPLY,
        };
        Self {
            make,
            prefix: settings.destination_prefix.clone().unwrap_or_else(|| usual.to_owned()),
            max_reply,
            proves_aside: settings.proves_aside,
        }
    }

    /// The largest reply that is sent.
    #[must_use]
    pub fn max_reply(&self) -> usize {
        self.max_reply
    }

    /// Whether what has not been taken before is sent on a connection of its own first.
    pub(super) fn proves_aside(&self) -> bool {
        self.proves_aside && self.settlement() == Settlement::Receipts
    }

    /// Whether the broker ends the connection over a queue that may not be used.
    pub(super) fn ends_over_refusals(&self) -> bool {
        self.make == Make::RabbitMq
    }

    /// The make.
    #[must_use]
    pub fn make(&self) -> Make {
        self.make
    }

    /// The destination as this broker wants it.
    #[must_use]
    pub fn on_the_wire(&self, destination: &str) -> String {
        if destination.starts_with('/') {
            destination.to_owned()
        } else {
            format!("{}{destination}", self.prefix)
        }
    }

    /// The headers of SUBSCRIBE that make the broker send at most `prefetch` messages ahead; zero counts as one, because
    /// it means "no messages" to some brokers and "no limit" to others.
    #[must_use]
    pub fn prefetch(&self, prefetch: u32) -> Vec<(&'static str, String)> {
        let messages = prefetch.max(1);
        match self.make {
            Make::ActiveMq => vec![("activemq.prefetchSize", messages.to_string())],
            // In bytes; zero: the next message once the one before is settled.
            Make::Artemis => vec![("consumer-window-size", window(messages).to_string())],
            Make::RabbitMq => vec![("prefetch-count", messages.to_string())],
            Make::Other => {
                ["activemq.prefetchSize", "prefetch-count"].map(|name| (name, messages.to_string())).into()
            }
        }
    }

    /// How replies are settled. `RabbitMQ` promises no transaction that holds for more than one queue.
    #[must_use]
    pub fn settlement(&self) -> Settlement {
        match self.make {
            Make::ActiveMq | Make::Artemis | Make::Other => Settlement::Transaction,
            Make::RabbitMq => Settlement::Receipts,
        }
    }

    /// A message's identity, the same each time that it is delivered and no other message's; `None` where nothing about
    /// it is both.
    #[must_use]
    pub fn identity(&self, headers: &Headers, body: &[u8]) -> Option<String> {
        let header = |name| headers.get(name).map(str::trim).filter(|value| !value.is_empty());
        match self.make {
            Make::ActiveMq | Make::Artemis => header("message-id").map(str::to_owned),
            // A bare number counts the messages of one connection or one run of the broker: it comes again.
            Make::Other => header("message-id").filter(|id| !is_number(id)).map(str::to_owned),
            // Its message-id names the delivery.
            Make::RabbitMq => {
                let own = header("amqp-message-id").filter(|id| !is_number(id)).map(str::to_owned);
                own.or_else(|| Self::invocation(header, body))
            }
        }
    }

    /// One invocation may bring several messages, and the time is in seconds: the body tells them apart.
    fn invocation<'a>(header: impl Fn(&'static str) -> Option<&'a str>, body: &[u8]) -> Option<String> {
        let (invocation, sent) = (header("correlation-id")?, header("timestamp")?);
        let token = digest_of(header("Co3ContextToken").unwrap_or_default().as_bytes());
        Some(format!("{invocation} {sent} {token} {}", digest_of(body)))
    }
}

fn window(messages: u32) -> u64 {
    if messages == 1 { 0 } else { u64::from(messages) * BYTES_OF_A_MESSAGE }
}

fn is_number(id: &str) -> bool {
    id.bytes().all(|byte| byte.is_ascii_digit())
}

/// Tells one text from another without saying what it is: identities are logged.
fn digest_of(text: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, text);
    digest.as_ref().iter().take(DIGEST_BYTES).map(|byte| format!("{byte:02x}")).collect()
}
