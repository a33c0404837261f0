//! Why a message of ours is not sent, in words for the operator.

/// Why the broker is not, or not again, sent a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is larger than it may be.
    #[error("it has {bytes} bytes, and stomp_max_reply_bytes is {limit}")]
    OverLimit {
        /// What it has.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// It is larger than the broker takes.
    #[error("it has {bytes} bytes, more than the broker takes ({words})")]
    TooLarge {
        /// What it has.
        bytes: usize,
        /// What the broker takes, where it says so.
        limit: Option<usize>,
        /// The broker's words.
        words: String,
    },
    /// The broker takes nothing for this destination.
    #[error("{0}")]
    Destination(String),
    /// The broker ends the connection over it, in these words.
    #[error("the broker ends the connection over it ({0})")]
    Message(String),
    /// It cannot be written as a frame of the version of STOMP that is spoken.
    #[error("it cannot be written as a STOMP frame ({0})")]
    Unwritable(String),
}

// === impl Refusal ===

impl Refusal {
    /// Whether something else, sent to the same place in answer to the same message, may be taken.
    #[must_use]
    pub fn is_of_the_body(&self) -> bool {
        match self {
            Self::OverLimit { .. } | Self::TooLarge { .. } | Self::Message(_) => true,
            Self::Destination(_) | Self::Unwritable(_) => false,
        }
    }
}
