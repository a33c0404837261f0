//! What ends a session or an attempt, and what to do about it.

use std::error::Error;
use std::io;
use std::time::Duration;

use super::codec::CodecError;
use super::refusal::Refusal;
use super::session::{Fault, SessionError};
use super::transport::DialError;
use crate::descriptors;

/// Why there is no connection, or none any more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// No byte stream to the broker: name lookup, TCP, proxy or TLS. The source is the dialer's own error.
    #[error("cannot reach the broker")]
    Dial(#[source] Box<dyn Error + Send + Sync>),
    /// The broker was not ready to use within the connect timeout.
    #[error("no connection to the broker within {0:?}; check that host and port are the broker's STOMP port")]
    ConnectTimeout(Duration),
    /// The broker closed the connection.
    #[error("the broker closed the connection")]
    ClosedByBroker,
    /// The broker sent nothing for too long.
    #[error("the broker has been silent for {0:?}, against the agreed heart-beats")]
    Silent(Duration),
    /// The broker took nothing for too long.
    #[error("the broker has taken no byte for {0:?}")]
    Stalled(Duration),
    /// The broker takes our bytes, but has not confirmed for too long what was settled.
    #[error(
        "the broker has not confirmed a reply for {0:?}, although the connection stands; a memory or disk alarm on the \
         broker (RabbitMQ: rabbitmq-diagnostics alarms) or a slow disk does that"
    )]
    Unconfirmed(Duration),
    /// The broker sends more receipts than were asked for, or faster than they can be worked off.
    #[error("the broker confirmed more than it was asked to confirm")]
    TooManyReceipts,
    /// The connection failed while reading or writing.
    #[error("the connection to the broker failed")]
    Io(#[source] io::Error),
    /// The broker's bytes are no frames, or exceed the limits.
    #[error("the broker's data cannot be used")]
    Codec(#[from] CodecError),
    /// The broker reported an error or broke the protocol's rules.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// What a failure means for how long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The broker is away, or the way to it.
    Outage,
    /// The credentials are wrong; somebody must act.
    Credentials,
}

/// The session that delivered the message is gone, or the message has been settled before.
///
/// The broker delivers an unsettled message again, on a later session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session that delivered this message is gone; the broker will deliver it again")]
pub struct Stale;

/// A message without an acknowledgement was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsent {
    /// The session is gone, or none is up.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// It is not sent on any session.
    #[error("{0}")]
    Refused(#[from] Refusal),
}

/// The session fell before the broker said that it has taken what was settled: it has taken both the reply and the
/// acknowledgement, or neither, and then delivers the message again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the session fell before the broker confirmed the reply; if it did not take it, it delivers the message again"
)]
pub struct Unsettled {
    /// The broker has taken the reply, and only the acknowledgement is in doubt.
    pub reply_taken: bool,
}

/// Closing was not as clean as it should be. The link is closed all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseError {
    /// The deadline passed before the broker confirmed everything.
    #[error(
        "the broker did not confirm the end of the session in time; what it has not taken it delivers again"
    )]
    Deadline,
    /// The connection fell before the broker confirmed everything.
    #[error(
        "the connection fell before the broker confirmed the end of the session; what it has not taken it delivers again"
    )]
    Lost,
    /// The broker sent more receipts than were asked for.
    #[error(
        "the broker confirmed more than it was asked to confirm; what it has not taken it delivers again"
    )]
    TooManyReceipts,
    /// The link was aborted.
    #[error("the link was aborted before it was closed")]
    Aborted,
}

impl From<io::Error> for LinkError {
    fn from(error: io::Error) -> Self {
        Self::Io(crate::tls::plain(error))
    }
}

impl LinkError {
    /// Whether there was no file descriptor left for the connection.
    pub(crate) fn lacks_descriptors(&self) -> bool {
        let Self::Dial(error) = self else { return descriptors::ran_out(self) };
        match error.downcast_ref() {
            Some(DialError::Connect { failures, .. }) => {
                failures.iter().any(|(_, error)| descriptors::is_limit(error))
            }
            Some(DialError::Resolve { .. }) => descriptors::ran_out(self) || descriptors::none_left(),
            _ => descriptors::ran_out(self),
        }
    }

    /// How to wait after this.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::Session(SessionError::Broker(error)) => match error.fault {
                Fault::Credentials | Fault::VirtualHost | Fault::NamedVirtualHost => Cause::Credentials,
                Fault::Refused
                | Fault::Mismatch
                | Fault::TooLarge
                | Fault::AckTimeout
                | Fault::Transient
                | Fault::Fatal => Cause::Outage,
            },
            Self::Dial(_)
            | Self::ConnectTimeout(_)
            | Self::ClosedByBroker
            | Self::Silent(_)
            | Self::Stalled(_)
            | Self::Unconfirmed(_)
            | Self::TooManyReceipts
            | Self::Io(_)
            | Self::Codec(_)
            | Self::Session(
                SessionError::Version(_) | SessionError::Heartbeat(_) | SessionError::Unexpected(_),
            ) => Cause::Outage,
        }
    }
}

/// A failure and its causes, in one line.
pub(super) fn in_words(error: &LinkError) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        words = format!("{words}: {next}");
        cause = next.source();
    }
    words
}
