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
    /// The virtual host is not known to the broker, or not open to us.
    VirtualHost,
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
            Fault::Refused | Fault::Mismatch => write!(f, "the broker refused a queue: {}", self.reason()),
            Fault::Transient | Fault::Fatal => write!(f, "the broker reported an error: {}", self.message),
        }
    }
}

/// How much of a broker's words is of use.
const MOST_WORDS: usize = 300;
/// RabbitMQ's are `access_refused`, `precondition_failed` and the like; no sentence is as short.
const LONGEST_KEYWORD: usize = 24;

/// Words that tell a fault, lower case, the more telling ones first. From ActiveMQ, Artemis and RabbitMQ.
const SIGNS: &[(&str, Fault)] = &[
    ("unable to connect to authentication service", Fault::Transient),
    ("not authorized to", Fault::Refused),
    ("does not have permission", Fault::Refused),
    ("access_refused", Fault::Refused),
    ("access to queue", Fault::Refused),
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
            Fault::Credentials | Fault::Refused | Fault::VirtualHost | Fault::Transient | Fault::Fatal => {
                self.message.clone()
            }
        }
    }

    /// The queue that it is about, where RabbitMQ says it.
    #[must_use]
    pub fn queue(&self) -> Option<&str> {
        self.message.split_once("queue '")?.1.split_once('\'').map(|(name, _)| name)
    }

    fn sign(&self) -> Option<Fault> {
        let message = self.message.to_lowercase();
        SIGNS.iter().find(|(sign, _)| message.contains(sign)).map(|(_, fault)| *fault)
    }
}

/// The `message` header, or the first line of the body; both where the header is a mere keyword, as RabbitMQ's is.
fn words(frame: &Frame) -> String {
    let body = frame.body.get(..frame.body.len().min(MOST_WORDS)).unwrap_or_default();
    let body = String::from_utf8_lossy(body);
    let detail = body.trim().lines().next().unwrap_or_default();
    let message = frame.header("message").map(str::trim).and_then(|message| message.lines().next());
    let words = match message.unwrap_or_default() {
        "" if detail.is_empty() => "no reason given".to_owned(),
        "" => detail.to_owned(),
        keyword if keyword.len() <= LONGEST_KEYWORD && !detail.is_empty() => format!("{keyword}: {detail}"),
        message => message.to_owned(),
    };
    words.chars().take(MOST_WORDS).collect()
}
