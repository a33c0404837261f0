//! What goes back to the platform.

use super::envelope::Envelope;
use crate::{
    component::{Failure, Reply, reply::interim},
    stomp::Outgoing,
    store::Answer,
};
use serde_json::Value;

/// The last word on the message in `envelope`.
#[must_use]
pub fn last(envelope: &Envelope, outcome: &Result<Reply, Failure>) -> Answer {
    match outcome {
        Ok(reply) => answer(envelope, &reply.to_json()),
        Err(failure) => answer(envelope, &failure.to_json()),
    }
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
        body: body.to_string(),
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
