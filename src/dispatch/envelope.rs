//! A message as it came, before anybody has read its body.

use crate::component::{Kind, inputs::ShellInputs, message::Arrival};
use bytes::Bytes;
use serde_json::Value;
use std::{
    fmt,
    str::FromStr,
    sync::{Arc, OnceLock},
    time::SystemTime,
};
use tracing::{Span, error_span, field};

/// Headers and body of one message, and the queue that it came from.
#[derive(Clone)]
pub struct Envelope {
    /// The queue, as it was subscribed to.
    pub destination: Destination,
    /// In the order in which they came; the handler's message and the answer share them.
    pub headers: Arc<Vec<(String, String)>>,
    /// The body's bytes.
    pub body: Bytes,
    /// Its place among the messages of this process.
    pub arrival: Arrival,
    /// Those of its inputs that were written on a command line.
    pub shell_inputs: Option<Arc<ShellInputs>>,
    /// The action's name, once the body has been read.
    pub action: Arc<OnceLock<String>>,
    /// Why it must not be executed: what is wrong with its frame.
    pub fault: Option<String>,
}

/// A message destination's queue: `actions.<organization id>.<programmatic name>` (guide, chapter 5, "Message
/// Destination and Org prefix").
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Destination {
    /// The queue's first word: `actions` for rules, workflows and functions.
    pub kind: String,
    /// The organization's id.
    pub org: String,
    /// The programmatic name.
    pub name: String,
}

/// The queue's name does not consist of a kind, an organization's id and a programmatic name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the queue {0:?} is not named <kind>.<organization id>.<programmatic name>")]
pub struct NotADestination(String);

// === impl Envelope ===

impl Envelope {
    /// A message that has just arrived from `destination`.
    #[must_use]
    pub fn new(destination: Destination, headers: Vec<(String, String)>, body: Bytes) -> Self {
        Self {
            destination,
            headers: Arc::new(headers),
            body,
            arrival: Arrival::next(),
            shell_inputs: None,
            action: Arc::default(),
            fault: None,
        }
    }

    /// The same message, which must not be executed where there is a `fault`.
    #[must_use]
    pub fn with_fault(self, fault: Option<String>) -> Self {
        Self { fault, ..self }
    }

    /// A message that no broker delivered, with the headers that a platform sends, made up: for rehearsals.
    #[must_use]
    pub fn made_up(destination: Destination, number: u32, body: Bytes) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let headers = [
            ("message-id", format!("ID:rehearsal-{number}-6:2:12:1:1")),
            ("destination", format!("/queue/{destination}")),
            ("reply-to", destination.acknowledgements()),
            ("correlation-id", "invid:390".to_owned()),
            ("Co3ContextToken", "dummy".to_owned()),
            ("Co3MessagePayload", "ActionDataDTO".to_owned()),
            ("Co3ContentType", "application/json".to_owned()),
            ("timestamp", now.as_millis().to_string()),
            ("expires", "0".to_owned()),
            ("priority", "4".to_owned()),
            ("persistent", "true".to_owned()),
            ("subscription", format!("stomp-{}", destination.name)),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Self::new(destination, headers, body)
    }

    /// A header's value; the first, where a header is repeated.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All headers, in the order in which they came.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What queued it, given its body.
    #[must_use]
    pub fn kind(&self, body: &Value) -> Kind {
        Kind::of(&self.destination.kind, self.header(Kind::PAYLOAD), body)
    }

    /// The broker's name for this message; empty where it has none.
    #[must_use]
    pub fn id(&self) -> &str {
        self.header("message-id").unwrap_or_default()
    }

    /// The span of this message's work, for its log lines; `id` names the message. Its action and incident become
    /// known as it is read. Of the highest level, so that no choice of levels leaves a warning nameless.
    #[must_use]
    pub fn span(&self, id: &str) -> Span {
        error_span!(
            "message",
            message_id = id,
            destination = self.destination.name,
            action = field::Empty,
            incident = field::Empty,
        )
    }

    /// Where replies go: `reply-to`, or else the queue that the platform keeps for this destination's replies. Empty for
    /// inbound news, to which no reply is awaited.
    #[must_use]
    pub fn reply_to(&self) -> String {
        if self.destination.is_inbound() {
            return String::new();
        }
        match self.header("reply-to") {
            Some(queue) if !queue.trim().is_empty() => queue.to_owned(),
            _ => self.destination.acknowledgements(),
        }
    }
}

/// Names only: a message's contents stay out of logs.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("id", &self.id())
            .field("destination", &self.destination.to_string())
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

// === impl Destination ===

impl Destination {
    /// The queue of the message destination `name` in the organization `org`.
    #[must_use]
    pub fn actions(org: i64, name: &str) -> Self {
        Self { kind: "actions".to_owned(), org: org.to_string(), name: name.to_owned() }
    }

    /// The queue `<kind>.<org>.<name>` for another kind than actions.
    #[must_use]
    pub fn of_kind(kind: &str, org: i64, name: &str) -> Self {
        Self { kind: kind.to_owned(), ..Self::actions(org, name) }
    }

    /// Whether its messages are an inbound destination's.
    #[must_use]
    pub fn is_inbound(&self) -> bool {
        self.kind == "inbound_destinations"
    }

    /// The queue for replies to what came from this one.
    #[must_use]
    pub fn acknowledgements(&self) -> String {
        format!("/queue/acks.{}.{}", self.org, self.name)
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, org, name } = self;
        write!(f, "{kind}.{org}.{name}")
    }
}

impl FromStr for Destination {
    type Err = NotADestination;

    fn from_str(queue: &str) -> Result<Self, Self::Err> {
        let path = queue.strip_prefix("/queue/").unwrap_or(queue);
        let mut words = path.splitn(3, '.');
        match (words.next(), words.next(), words.next()) {
            (Some(kind), Some(org), Some(name))
                if !kind.is_empty() && !org.is_empty() && !name.is_empty() =>
            {
                Ok(Self { kind: kind.to_owned(), org: org.to_owned(), name: name.to_owned() })
            }
            _ => Err(NotADestination(queue.to_owned())),
        }
    }
}
