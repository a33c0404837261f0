//! What goes back to the platform.

use super::envelope::Envelope;
use crate::component::{Failure, Reply, reply::interim};
use serde_json::Value;
use std::fmt;

/// One reply: where it goes, which invocation it is for, and its text.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The queue that the platform keeps for replies.
    pub reply_to: String,
    /// Names the invocation; sent back unchanged.
    pub correlation_id: Option<String>,
    /// The acknowledgement, as JSON.
    pub body: String,
}

impl Answer {
    /// The last word on the message in `envelope`.
    #[must_use]
    pub fn last(envelope: &Envelope, outcome: &Result<Reply, Failure>) -> Self {
        match outcome {
            Ok(reply) => Self::new(envelope, &reply.to_json()),
            Err(failure) => Self::new(envelope, &failure.to_json()),
        }
    }

    /// News while the work goes on.
    #[must_use]
    pub fn interim(envelope: &Envelope, text: &str) -> Self {
        Self::new(envelope, &interim(text))
    }

    fn new(envelope: &Envelope, body: &Value) -> Self {
        Self {
            reply_to: envelope.reply_to(),
            correlation_id: envelope.header("correlation-id").map(str::to_owned),
            body: body.to_string(),
        }
    }
}

/// Without the text, which may quote an incident.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("reply_to", &self.reply_to)
            .field("correlation_id", &self.correlation_id)
            .finish_non_exhaustive()
    }
}
