//! What goes back to the platform.

use super::{envelope::Envelope, results::results, work::Job};
use crate::{
    component::{
        Failure, Reply,
        reply::{Consequence, interim},
    },
    logging::Redactor,
    stomp::{Outgoing, Refusal},
    store::{Answer, Key},
};
use serde_json::Value;
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
        let consequence = |job: &Job| failure.consequence(job.message.kind(), job.traps);
        match job.map_or(Consequence::Error, consequence) {
            Consequence::InVain => Self::Well(Reply::unsuccessful(failure.to_string())),
            Consequence::Trapped => Self::Trapped(Reply::unsuccessful(failure.to_string())),
            Consequence::Error => Self::Badly(failure),
        }
    }

    /// The one line that each message has at its end; `took`: the handler's own work.
    pub(super) fn log(&self, took: Duration, is_news: bool) {
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        match self {
            Self::Well(Reply::Superseded) => info!("superseded by a later message"),
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
pub(super) fn last(
    envelope: &Envelope,
    ending: &Ending,
    job: Option<&Job>,
    took: Duration,
    redactor: &Redactor,
) -> Answer {
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
    // Secrets that were filled into the message's inputs do not come back in its answer.
    if let Some(job) = job {
        job.message.mask_in(&mut body);
    }
    mask(&mut body, redactor);
    answer(envelope, &body)
}

/// Secrets in it, but for the names that the platform knows it by, however like a secret they are.
fn mask(body: &mut Value, redactor: &Redactor) {
    let members = body.as_object_mut().into_iter().flat_map(|body| body.iter_mut());
    for (name, value) in members {
        match value {
            Value::Object(results) if name == "results" => {
                results.values_mut().for_each(|value| redactor.mask_json(value));
            }
            value => redactor.mask_json(value),
        }
    }
}

/// News while the work goes on.
#[must_use]
pub fn news(envelope: &Envelope, text: &str) -> Answer {
    answer(envelope, &interim(text))
}

/// What is sent in place of an answer that is not.
pub(super) fn instead(of: &Answer, key: &Key, refusal: &Refusal, redactor: &Redactor) -> Answer {
    let bytes = of.body.len();
    let why = match refusal {
        Refusal::OverLimit { bytes, limit } => {
            format!("it has {bytes} bytes, more than the {limit} that the processor sends")
        }
        Refusal::TooLarge { bytes, limit: Some(limit), .. } => {
            format!("it has {bytes} bytes, more than the {limit} that the broker takes")
        }
        Refusal::TooLarge { bytes, limit: None, words } => {
            format!("it has {bytes} bytes, more than the broker takes (its words: {words})")
        }
        other => format!("of its {bytes} bytes the broker says: {other}"),
    };
    let text = format!(
        "The work was carried out, but its result could not be sent: {why}. The result is among the processor's dead \
         letters, under message {}.",
        key.id
    );
    let failure = Failure::new(redactor.mask_excerpt(&text));
    let body = serde_json::to_string(&failure.to_json()).unwrap_or_default();
    Answer { body, ..of.clone() }
}

fn answer(envelope: &Envelope, body: &Value) -> Answer {
    Answer {
        reply_to: envelope.reply_to(),
        correlation_id: envelope.header("correlation-id").map(str::to_owned),
        // A `Value` can always be written, and this is quicker than its `Display`.
        body: serde_json::to_string(body).unwrap_or_default(),
    }
}

/// The message that carries an answer.
pub(super) fn outgoing(answer: &Answer) -> Outgoing {
    let headers = answer.correlation_id.iter().map(|id| ("correlation-id".to_owned(), id.clone()));
    Outgoing {
        destination: answer.reply_to.clone(),
        headers: headers.collect(),
        body: ascii(&answer.body).into(),
    }
}

/// The same JSON in ASCII alone, as the platform has always been sent it: it need not know that a byte message is UTF-8.
/// What is not ASCII stands in strings, where an escape means the same.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for chunk in json.split_inclusive(|char: char| !char.is_ascii()) {
        let plain = chunk.trim_end_matches(|char: char| !char.is_ascii());
        text.push_str(plain);
        for unit in chunk.get(plain.len()..).unwrap_or_default().encode_utf16() {
            text.push_str("\\u");
            text.extend([12, 8, 4, 0].map(|shift| hex(unit >> shift)));
        }
    }
    text
}

fn hex(digit: u16) -> char {
    char::from_digit(u32::from(digit & 0xF), 16).unwrap_or('0')
}
