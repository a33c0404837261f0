//! What an ERROR frame means for what to do next. Brokers say it in words only.

use std::fmt;

use crate::stomp::frame::Frame;

/// What can be done about an ERROR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The credentials are wrong: trying often locks the account.
    Credentials,
    /// A queue may not be used by these credentials.
    Refused,
    /// A queue is not as we ask for it, or cannot be used that way.
    Mismatch,
    /// A message of ours is larger than the broker takes.
    TooLarge,
    /// A message has been left unacknowledged for longer than the broker allows.
    AckTimeout,
    /// The virtual host is not known to the broker, or not open to us.
    VirtualHost,
    /// The same, where the configuration names it.
    NamedVirtualHost,
    /// It will pass.
    Transient,
    /// It will not mend itself on this connection; a new one may help.
    Fatal,
}

/// An ERROR frame, in words for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerError {
    /// What can be done about it.
    pub fault: Fault,
    /// The broker's words, one line.
    pub message: String,
}

impl std::error::Error for BrokerError {}

impl fmt::Display for BrokerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            Fault::Credentials => write!(
                f,
                "the broker refused the credentials ({}); check the API key or the e-mail and password",
                self.message
            ),
            Fault::VirtualHost => write!(
                f,
                "the broker refused the virtual host ({}); set stomp_broker = rabbitmq, or stomp_virtual_host",
                self.message
            ),
            Fault::NamedVirtualHost => write!(
                f,
                "the broker refused the virtual host that stomp_virtual_host names ({}); correct the name, or let the \
                 account into it on the broker",
                self.message
            ),
            Fault::TooLarge => write!(f, "the broker refused a message for its size: {}", self.message),
            Fault::AckTimeout => write!(
                f,
                "the broker's consumer_timeout ended the connection: a message was unacknowledged for longer ({}); raise \
                 consumer_timeout on the broker above the longest run of a handler",
                self.message
            ),
            Fault::Refused | Fault::Mismatch => write!(f, "the broker refused a queue: {}", self.reason()),
            Fault::Transient | Fault::Fatal => write!(f, "the broker reported an error: {}", self.message),
        }
    }
}

/// How much of a broker's words is of use.
const MOST_WORDS: usize = 300;
/// So much of the body is looked at; a character has four bytes at most.
const MOST_BYTES: usize = 4 * MOST_WORDS + 4;
/// RabbitMQ's are `access_refused`, `precondition_failed` and the like; no sentence is as short.
const LONGEST_KEYWORD: usize = 24;

/// Words that tell a fault, lower case, the more telling ones first. From ActiveMQ, Artemis and RabbitMQ.
const SIGNS: &[(&str, Fault)] = &[
    ("unable to connect to authentication service", Fault::Transient),
    // The broker goes away, or takes us for dead: no message is the reason.
    ("connection_forced", Fault::Transient),
    ("shutdown", Fault::Transient),
    ("shutting down", Fault::Transient),
    ("shut down", Fault::Transient),
    ("was stopped", Fault::Transient),
    ("being stopped", Fault::Transient),
    ("inactive for too", Fault::Transient),
    ("not authorized to", Fault::Refused),
    ("does not have permission", Fault::Refused),
    ("access_refused", Fault::Refused),
    ("access to queue", Fault::Refused),
    ("delivery acknowledgement on channel", Fault::AckTimeout),
    ("maximum data length", Fault::TooLarge),
    ("larger than configured max size", Fault::TooLarge),
    ("larger than max size", Fault::TooLarge),
    ("max_frame_size", Fault::TooLarge),
    ("frame too large", Fault::TooLarge),
    ("message too large", Fault::TooLarge),
    ("precondition_failed", Fault::Mismatch),
    ("not_found", Fault::Refused),
    ("' access denied", Fault::VirtualHost),
    ("or password is invalid", Fault::Credentials),
    ("bad connect", Fault::Credentials),
    ("access refused for user", Fault::Credentials),
    ("authentication failed", Fault::Credentials),
    ("unable to validate user", Fault::Credentials),
    ("not authenticated", Fault::Credentials),
    ("already subscribed", Fault::Fatal),
];

impl BrokerError {
    /// Reads the ERROR that answers CONNECT.
    #[must_use]
    pub fn of_login(frame: &Frame) -> Self {
        let mut error = Self::of_session(frame);
        // ActiveMQ's body is a stack trace that names the exception, whatever the words of its message are.
        let security = memchr::memmem::find(&frame.body, b"SecurityException").is_some();
        if (security && error.sign().is_none()) || error.fault == Fault::Refused {
            error.fault = Fault::Credentials;
        }
        error
    }

    /// Reads an ERROR of an established connection. Words that are not known mean that it will pass.
    #[must_use]
    pub fn of_session(frame: &Frame) -> Self {
        let mut error = Self { fault: Fault::Transient, message: words(frame) };
        error.fault = error.sign().unwrap_or(Fault::Transient);
        error
    }

    /// Whether it is about one queue and not about the connection, which some brokers close all the same.
    #[must_use]
    pub fn is_of_a_queue(&self) -> bool {
        matches!(self.fault, Fault::Refused | Fault::Mismatch)
    }

    /// Why, and what to do about it where there is something.
    #[must_use]
    pub fn reason(&self) -> String {
        match self.fault {
            Fault::Mismatch => {
                format!("{}; set stomp_queue_prefix = /amq/queue/ to take it as it is", self.message)
            }
            _ => self.message.clone(),
        }
    }

    /// The queue that it is about, where RabbitMQ says it.
    #[must_use]
    pub fn queue(&self) -> Option<&str> {
        self.quoted("queue '")
    }

    /// The exchange that it is about, where RabbitMQ says it.
    #[must_use]
    pub fn exchange(&self) -> Option<&str> {
        self.quoted("exchange '")
    }

    /// The topic that it is about, where RabbitMQ says it.
    #[must_use]
    pub fn topic(&self) -> Option<&str> {
        self.quoted("topic '")
    }

    /// Whether a queue is there, and is not as we declare it.
    #[must_use]
    pub fn is_a_mismatch(&self) -> bool {
        self.fault == Fault::Mismatch
    }

    /// Whether a message of ours was too large.
    #[must_use]
    pub fn is_about_size(&self) -> bool {
        self.fault == Fault::TooLarge
    }

    /// The largest message that the broker takes, where it says so.
    #[must_use]
    pub fn limit(&self) -> Option<usize> {
        let (_, rest) = self.message.rsplit_once("max size ")?;
        let digits = rest.split(|char: char| !char.is_ascii_digit()).next()?;
        digits.parse().ok()
    }

    /// Whether a message of ours may be the reason: its words are of a queue, or not known.
    #[must_use]
    pub fn may_be_of_a_message(&self) -> bool {
        self.is_of_a_queue() || self.is_about_size() || self.sign().is_none()
    }

    fn quoted(&self, before: &str) -> Option<&str> {
        self.message.split_once(before)?.1.split_once('\'').map(|(name, _)| name)
    }

    fn sign(&self) -> Option<Fault> {
        let message = self.message.to_lowercase();
        SIGNS.iter().find(|(sign, _)| message.contains(sign)).map(|(_, fault)| *fault)
    }
}

/// The dots say that something was cut off, to whatever masks a secret's part too.
fn cut(words: &str) -> String {
    match words.char_indices().nth(MOST_WORDS) {
        Some((end, _)) => format!("{}…", words.get(..end).unwrap_or_default()),
        None => words.to_owned(),
    }
}

/// The `message` header, or the first line of the body; both where the header is a mere keyword, as RabbitMQ's is.
fn words(frame: &Frame) -> String {
    let body = frame.body.get(..frame.body.len().min(MOST_BYTES)).unwrap_or_default();
    let body = String::from_utf8_lossy(body);
    let detail = body.trim().lines().next().unwrap_or_default();
    let message = frame.header("message").map(str::trim).and_then(|message| message.lines().next());
    let words = match message.unwrap_or_default() {
        "" if detail.is_empty() => "no reason given".to_owned(),
        "" => detail.to_owned(),
        keyword if keyword.len() <= LONGEST_KEYWORD && !detail.is_empty() => format!("{keyword}: {detail}"),
        message => message.to_owned(),
    };
    cut(&words)
}
