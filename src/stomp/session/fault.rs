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
            Fault::Refused => write!(f, "the broker refused a queue: {}", self.message),
            Fault::Transient | Fault::Fatal => write!(f, "the broker reported an error: {}", self.message),
        }
    }
}

/// Words that tell a fault, lower case, the more telling ones first. From ActiveMQ, Artemis and RabbitMQ.
const SIGNS: &[(&str, Fault)] = &[
    ("unable to connect to authentication service", Fault::Transient),
    ("not authorized to", Fault::Refused),
    ("does not have permission", Fault::Refused),
    ("access_refused", Fault::Refused),
    ("access to queue", Fault::Refused),
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

    fn sign(&self) -> Option<Fault> {
        let message = self.message.to_lowercase();
        SIGNS.iter().find(|(sign, _)| message.contains(sign)).map(|(_, fault)| *fault)
    }
}

/// The `message` header, or the first line of the body.
fn words(frame: &Frame) -> String {
    let body = frame.body.get(..frame.body.len().min(300)).unwrap_or_default();
    let body = String::from_utf8_lossy(body);
    let words = frame.header("message").filter(|message| !message.trim().is_empty()).unwrap_or(&body);
    words.trim().lines().next().unwrap_or("no reason given").chars().take(300).collect()
}
