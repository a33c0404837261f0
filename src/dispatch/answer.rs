//! What goes back to the platform.

use super::{envelope::Envelope, results::results, work::Job};
use crate::{
    component::{
        Failure, Kind, Message, Reply,
        reply::{FailureKind, interim},
    },
    stomp::Outgoing,
    store::Answer,
};
use serde_json::{Map, Value};
use std::time::Duration;
use tracing::{error, info, warn};

/// How a message ended, as the platform is told.
#[derive(Debug)]
pub(super) enum Ending {
    /// Well, or in vain, which is no error to a workflow.
    Well(Reply),
    /// Badly, but the operator lets the workflow go on (`trap_exception`).
    Trapped(Reply),
    /// Badly.
    Badly(Failure),
}

impl Ending {
    /// Of `job`, which is not known where the message could not be read or has no handler.
    pub(super) fn new(outcome: Result<Reply, Failure>, job: Option<&Job>) -> Self {
        let failure = match outcome {
            Ok(reply) => return Self::Well(reply),
            Err(failure) => failure,
        };
        let calls = |job: &&Job| matches!(job.message.kind(), Kind::Function | Kind::Connector);
        match (failure.kind(), job.filter(calls)) {
            (FailureKind::Unsuccessful, Some(_)) => Self::Well(Reply::unsuccessful(failure.to_string())),
            // What the platform itself called off is nobody's success.
            (FailureKind::Cancelled, _) => Self::Badly(failure),
            (_, Some(job)) if job.traps => Self::Trapped(Reply::unsuccessful(failure.to_string())),
            _ => Self::Badly(failure),
        }
    }

    /// The one line that each message has at its end.
    pub(super) fn log(&self, took: Duration, is_news: bool) {
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        match self {
            Self::Well(_) => info!(milliseconds, "carried out"),
            Self::Trapped(reply) => {
                warn!(
                    milliseconds,
                    failure = reply.message(),
                    "failed, and trap_exception lets the workflow go on"
                );
            }
            Self::Badly(failure) if is_news => {
                error!(milliseconds, %failure, "failed; the news is set aside")
            }
            Self::Badly(failure) => warn!(milliseconds, %failure, "answered with an error"),
        }
    }
}

/// The last word on the message in `envelope`, whose `job` took this long.
pub(super) fn last(envelope: &Envelope, ending: &Ending, job: Option<&Job>, took: Duration) -> Answer {
    let mut body = match ending {
        Ending::Well(reply) | Ending::Trapped(reply) => {
            let mut body = reply.to_json();
            if let Some(results) = job.and_then(|job| results(job, reply, took)) {
                body["results"] = results;
            }
            body
        }
        Ending::Badly(failure) => failure.to_json(),
    };
    if let Some(job) = job.filter(|job| job.message.has_secrets()) {
        mask(&mut body, &job.message);
    }
    answer(envelope, &body)
}

/// News while the work goes on.
#[must_use]
pub fn news(envelope: &Envelope, text: &str) -> Answer {
    answer(envelope, &interim(text))
}

fn answer(envelope: &Envelope, body: &Value) -> Answer {
    Answer {
        reply_to: envelope.reply_to(),
        correlation_id: envelope.header("correlation-id").map(str::to_owned),
        // A `Value` can always be written, and this is quicker than its `Display`.
        body: serde_json::to_string(body).unwrap_or_default(),
    }
}

/// Secrets that were filled into the message's inputs do not come back in its answer.
fn mask(value: &mut Value, message: &Message) {
    match value {
        Value::String(text) => *text = message.mask(text).into_owned(),
        Value::Array(values) => values.iter_mut().for_each(|value| mask(value, message)),
        Value::Object(fields) => {
            let masked = std::mem::take(fields).into_iter().map(|(name, mut value)| {
                mask(&mut value, message);
                (message.mask(&name).into_owned(), value)
            });
            *fields = masked.collect::<Map<_, _>>();
        }
        Value::Number(number) => {
            let text = number.to_string();
            let masked = message.mask(&text);
            if masked != text {
                *value = masked.into_owned().into();
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

/// The message that carries an answer.
pub(super) fn outgoing(answer: &Answer) -> Outgoing {
    let headers = answer.correlation_id.iter().map(|id| ("correlation-id".to_owned(), id.clone()));
    Outgoing {
        destination: answer.reply_to.clone(),
        headers: headers.collect(),
        body: answer.body.clone().into(),
    }
}
