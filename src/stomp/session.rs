//! One connection's rules, without I/O: what to say first, what the answers mean, who confirmed what.

use std::collections::HashMap;
use std::fmt;

use super::codec::Broken;
use super::frame::{Command, Frame};
use super::heartbeat::Beats;
use super::profile::{Make, Profile};
use super::roster::SubscriptionId;
use super::settings::Settings;
use super::settler::{is_of_reply, is_of_settlement};

mod fault;

pub use fault::{BrokerError, Fault};

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// STOMP 1.0: no escapes, no heart-beats.
    V1_0,
    /// STOMP 1.1.
    V1_1,
    /// STOMP 1.2.
    V1_2,
}

/// Which of the link's sessions, counted from 1: what belongs to one is worth nothing to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// An established connection.
#[derive(Debug)]
pub struct Session {
    version: Version,
    broker: Option<String>,
    profile: Profile,
    beats: Beats,
    requests: u64,
    /// What the broker has yet to confirm, by receipt id, in the order asked.
    pending: HashMap<String, Request>,
}

/// What a receipt is awaited for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Request {
    Subscribe { subscription: SubscriptionId, number: u64, destination: String },
    Disconnect,
}

/// What a frame from the broker means.
#[derive(Debug)]
pub enum Received {
    /// A message for a subscription.
    Message(Message),
    /// A subscription is confirmed.
    Subscribed(SubscriptionId),
    /// A subscription is refused. Some brokers keep the connection, others close it after this.
    Refused(SubscriptionId, BrokerError),
    /// A reply is refused, by the receipt that it asked for; the same holds for the connection.
    ReplyRefused(String, BrokerError),
    /// Something that the session did not ask for itself is confirmed, by the receipt that it asked for.
    Confirmed(String),
    /// Everything sent before DISCONNECT has been worked off.
    Disconnected,
    /// Nothing that needs an answer.
    Nothing,
    /// A frame that is of no use, and why; it has been skipped.
    Useless(String),
}

/// A message and what acknowledges it.
#[derive(Debug)]
pub struct Message {
    /// The subscription's id as the broker names it; STOMP 1.0 brokers may leave it out.
    pub subscription: Option<SubscriptionId>,
    /// The ACK frame, complete; `None` where the header that it needs is missing.
    pub ack: Option<Frame>,
    /// The message itself.
    pub frame: Frame,
    /// Why it must not be executed: what is wrong with its frame.
    pub fault: Option<String>,
}

/// What ends a session by the protocol's rules.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The broker said ERROR; it closes the connection after that.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The broker chose a version that we did not offer.
    #[error("the broker answered with STOMP {0:?}; 1.0, 1.1 and 1.2 were offered")]
    Version(String),
    /// The broker's `heart-beat` header is not two numbers.
    #[error("the broker's heart-beat header {0:?} is not two numbers of milliseconds")]
    Heartbeat(String),
    /// A frame that a broker must not send at this point.
    #[error("the broker sent {0} where it must not")]
    Unexpected(Command),
}

// === impl Version ===

impl Version {
    /// CONNECT's `accept-version`.
    const OFFER: &'static str = "1.0,1.1,1.2";

    /// The number as on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
        }
    }

    /// CONNECTED's `version`; a 1.0 broker sends none.
    fn chosen(header: Option<&str>) -> Result<Self, SessionError> {
        match header.map(str::trim) {
            None | Some("1.0") => Ok(Self::V1_0),
            Some("1.1") => Ok(Self::V1_1),
            Some("1.2") => Ok(Self::V1_2),
            Some(other) => Err(SessionError::Version(other.to_owned())),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// === impl Session ===

impl Session {
    /// The first frame of a connection to the broker called `host`.
    #[must_use]
    pub fn greeting(settings: &Settings, host: &str) -> Frame {
        let usual = settings.make.unwrap_or(Make::Other).virtual_host(host);
        let mut frame = Frame::new(Command::Connect)
            .with("accept-version", Version::OFFER)
            .with("host", settings.virtual_host.as_deref().unwrap_or(usual))
            .with("heart-beat", settings.heartbeat.offer());
        if let Some(login) = &settings.login {
            frame.headers.push("login", login);
        }
        if let Some(passcode) = &settings.passcode {
            frame.headers.push("passcode", passcode.expose());
        }
        frame
    }

    /// Reads the broker's answer to the greeting.
    pub fn open(settings: &Settings, answer: &Frame) -> Result<Self, SessionError> {
        match answer.command {
            Command::Connected => Self::connected(settings, answer),
            Command::Error => {
                let mut error = BrokerError::of_login(answer);
                if error.fault == Fault::VirtualHost && settings.virtual_host.is_some() {
                    error.fault = Fault::NamedVirtualHost;
                }
                Err(error.into())
            }
            other => Err(SessionError::Unexpected(other)),
        }
    }

    fn connected(settings: &Settings, answer: &Frame) -> Result<Self, SessionError> {
        let version = Version::chosen(answer.header("version"))?;
        let beats = match answer.header("heart-beat").filter(|_| version > Version::V1_0) {
            None => settings.heartbeat.none(),
            Some(header) => {
                settings.heartbeat.agree(header).ok_or_else(|| SessionError::Heartbeat(header.to_owned()))?
            }
        };
        let broker = answer.header("server").map(str::to_owned);
        let profile = Profile::new(settings, answer.header("server"));
        Ok(Self { version, broker, profile, beats, requests: 0, pending: HashMap::new() })
    }

    /// The version agreed upon.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The broker's name for itself.
    #[must_use]
    pub fn broker(&self) -> Option<&str> {
        self.broker.as_deref()
    }

    /// How to speak to it.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The heart-beats agreed upon.
    #[must_use]
    pub fn beats(&self) -> Beats {
        self.beats
    }

    /// Asks for a destination's messages, and for a receipt: brokers drop a forbidden SUBSCRIBE without one silently.
    pub fn subscribe(&mut self, id: SubscriptionId, destination: &str, settings: &Settings) -> Frame {
        let number = self.requests;
        let destination = self.profile.on_the_wire(destination);
        let asked = Request::Subscribe { subscription: id, number, destination: destination.clone() };
        let receipt = self.expect(asked);
        self.subscription(id, &destination, settings).with("receipt", receipt)
    }

    /// The same without a receipt.
    pub(super) fn subscription(&self, id: SubscriptionId, destination: &str, settings: &Settings) -> Frame {
        let mut frame = Frame::new(Command::Subscribe)
            .with("id", id.to_string())
            .with("destination", self.profile.on_the_wire(destination))
            .with("ack", "client-individual");
        for (name, value) in self.profile.prefetch(settings.prefetch) {
            frame.headers.push(name, value);
        }
        frame
    }

    /// Wants no more messages for this subscription.
    #[must_use]
    pub fn unsubscribe(&self, id: SubscriptionId) -> Frame {
        Frame::new(Command::Unsubscribe).with("id", id.to_string())
    }

    /// The last frame of a connection; its receipt confirms everything sent before.
    pub fn disconnect(&mut self) -> Frame {
        let receipt = self.expect(Request::Disconnect);
        Frame::new(Command::Disconnect).with("receipt", receipt)
    }

    fn expect(&mut self, request: Request) -> String {
        let receipt = format!("r{}", self.requests);
        self.requests += 1;
        self.pending.insert(receipt.clone(), request);
        receipt
    }

    /// What a frame from the broker means.
    ///
    /// # Errors
    /// An ERROR that is no refusal of one subscription or reply: the connection is of no more use.
    pub fn receive(&mut self, frame: Frame) -> Result<Received, SessionError> {
        match frame.command {
            Command::Message => Ok(Received::Message(self.message(frame, None))),
            Command::Receipt => Ok(self.receipt(&frame)),
            Command::Error => self.error(&frame),
            other => Ok(Received::Useless(format!("the broker sent {other} where it must not"))),
        }
    }

    /// What a frame means that breaks a rule or a limit, as far as it can be read.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn receive_broken(&mut self, broken: Broken) -> Result<Received, SessionError> {
        let Broken { command, headers, body, fault } = broken;
        let frame = |command| Frame { command, headers, body };
        match command {
            Some(Command::Message) => {
                Ok(Received::Message(self.message(frame(Command::Message), Some(fault.to_string()))))
            }
            // What matters of it could be read.
            Some(Command::Error) => self.error(&frame(Command::Error)),
            Some(Command::Receipt) => match self.receipt(&frame(Command::Receipt)) {
                Received::Nothing => Ok(Received::Useless(fault.to_string())),
                receipt => Ok(receipt),
            },
            _ => Ok(Received::Useless(fault.to_string())),
        }
    }

    fn message(&self, frame: Frame, fault: Option<String>) -> Message {
        let subscription = frame.header("subscription").and_then(|id| id.parse().ok());
        let (ack, missing) = match self.ack(&frame) {
            Ok(ack) => (Some(ack), None),
            Err(name) => {
                (None, Some(format!("it has no header {name}, without which it cannot be acknowledged")))
            }
        };
        Message { subscription, ack, frame, fault: fault.or(missing) }
    }

    /// What acknowledges it, or the name of the header that is missing for that.
    fn ack(&self, frame: &Frame) -> Result<Frame, &'static str> {
        let header = |name| frame.header(name).filter(|value| !value.is_empty()).ok_or(name);
        let ack = Frame::new(Command::Ack);
        Ok(match self.version {
            Version::V1_2 => ack.with("id", header("ack")?),
            Version::V1_1 => {
                ack.with("message-id", header("message-id")?).with("subscription", header("subscription")?)
            }
            Version::V1_0 => ack.with("message-id", header("message-id")?),
        })
    }

    fn receipt(&mut self, frame: &Frame) -> Received {
        let Some(id) = frame.header("receipt-id") else { return Received::Nothing };
        match self.pending.remove(id) {
            Some(Request::Subscribe { subscription, .. }) => Received::Subscribed(subscription),
            Some(Request::Disconnect) => Received::Disconnected,
            None if is_of_settlement(id) => Received::Confirmed(id.to_owned()),
            None => Received::Useless("the broker confirmed what was not asked".to_owned()),
        }
    }

    fn error(&mut self, frame: &Frame) -> Result<Received, SessionError> {
        let error = BrokerError::of_session(frame);
        let receipt = frame.header("receipt-id");
        if let Some(receipt) = receipt.filter(|receipt| is_of_reply(receipt)) {
            return Ok(Received::ReplyRefused(receipt.to_owned(), error));
        }
        let asked = match receipt {
            Some(receipt) => self.pending.remove(receipt),
            None if error.is_of_a_queue() => self.take_first_subscribe(&error),
            None => None,
        };
        match asked {
            Some(Request::Subscribe { subscription, .. }) => Ok(Received::Refused(subscription, error)),
            Some(Request::Disconnect) | None => Err(error.into()),
        }
    }

    /// Brokers work off one connection's frames in order, so a refusal without a receipt is of the oldest request; of the
    /// oldest for the queue that it names, if it names one. One that names an exchange is of a reply.
    fn take_first_subscribe(&mut self, error: &BrokerError) -> Option<Request> {
        let (queue, exchange) = (error.queue(), error.exchange());
        let fits = |destination: &str| match queue {
            Some(queue) => destination.rsplit('/').next() == Some(queue),
            None => exchange.is_none() || destination.starts_with("/exchange/"),
        };
        let number = |request: &Request| match request {
            Request::Subscribe { number, destination, .. } => fits(destination).then_some(*number),
            Request::Disconnect => None,
        };
        let oldest = self.pending.iter().filter(|(_, request)| number(request).is_some());
        let receipt = oldest.min_by_key(|(_, request)| number(request))?.0.clone();
        self.pending.remove(&receipt)
    }
}
